//! What the database allows a decision about a refund to be, whatever program makes it.

use crate::contract::database::Ledger;

/// An order with two equal lines of one wallet and a line of another, and five dead letters of refunds of it.
const ROWS: &str = "
    INSERT INTO ledger_entries (entry_key, wallet_id, order_id, event_id, kind, points)
    VALUES ('order-line:1', 20, 10, 1, 'order_line', 500), ('order-line:2', 20, 10, 1, 'order_line', 500),
        ('order-line:3', 21, 10, 1, 'order_line', 70);
    INSERT INTO orders (order_id, event_id) VALUES (10, 1);
    INSERT INTO webhook_events (event_id, event_type, outcome, order_id, body_sha256, attempts)
    VALUES (1, 'ON_ORDER_COMPLETED', 'credited', 10, sha256('1'), 1);
    INSERT INTO dead_letters (event_id, event_type, reason, error, body, body_sha256, attempts)
    SELECT id::text, 'ON_REFUND', 'partial_refund', 'x', convert_to(format(
        '{\"event_id\":\"%s\",\"body\":{\"id\":\"%s\",\"order_id\":\"10\"}}', id, id + 50), 'UTF8'),
        sha256(id::text::bytea), 1
    FROM generate_series(1, 5) AS id;
    INSERT INTO reversals (order_id, sequence, kind, reference_id, event_id, amount_minor, attribution,
        attribution_source, line_id)
    VALUES (10, 0, 'refund', 60, 3, 100, 'line', 'amounts', 1);";

const TO_ONE: &str = "SELECT attribute_refund(1, 1, NULL, NULL, 'anna', 'a test')";

/// Decisions that are refused once the refund of the first letter was decided to be for line 1, and the rule
/// that refuses each.
const REFUSED: [(&str, &str); 12] = [
    (
        "1, NULL, NULL, NULL, 'a', 'b'",
        "refund_attributions_decided_once",
    ),
    (
        "1, 2, NULL, NULL, 'a', 'b'",
        "refund_attributions_decided_once",
    ),
    (
        "1, NULL, 20, 500, 'a', 'b'",
        "refund_attributions_decided_once",
    ),
    (
        "2, 1, NULL, NULL, 'a', 'b'",
        "refund_attributions_line_free",
    ),
    ("2, 9, NULL, NULL, 'a', 'b'", "refund_attributions_of_order"),
    ("2, NULL, 22, 0, 'a', 'b'", "refund_attributions_of_order"),
    (
        "2, NULL, 21, 71, 'a', 'b'",
        "refund_attributions_points_given",
    ),
    ("2, NULL, 21, -1, 'a', 'b'", "refund_attributions_form"),
    ("2, 3, 21, 5, 'a', 'b'", "refund_attributions_form"),
    ("99, NULL, 21, 70, 'a', 'b'", "refund_attributions_open"),
    (
        "2, 3, NULL, NULL, ' ', 'b'",
        "operator_actions_operator_named",
    ),
    ("2, 3, NULL, NULL, 'a', ' '", "operator_actions_why_told"),
];

#[test]
fn a_decision_is_about_one_undecided_refund_and_fits_its_order() {
    let ledger = Ledger::empty();
    ledger.database.execute(ROWS).expect("the rows are valid");
    let mut operator = ledger.log_in_as("paynow_operator");
    operator.works(TO_ONE);
    operator.works(TO_ONE);
    operator.works("SELECT attribute_refund(3, NULL, NULL, NULL, 'anna', 'a test')");
    let recorded = "INSERT INTO reversals (order_id, sequence, kind, reference_id, event_id, amount_minor, \
         attribution, attribution_source, line_id) \
         VALUES (10, 1, 'refund', 51, 1, 100, 'line', 'operator', 2)";
    ledger.database.execute(recorded).expect("the row is valid");

    for (arguments, rule) in REFUSED {
        let sql = format!("SELECT attribute_refund({arguments})");
        assert_eq!(operator.refused_by(&sql), rule, "{sql}");
    }

    let decisions = "SELECT count(*) AS value FROM refund_attributions";
    let actions = "SELECT count(*) AS value FROM operator_actions WHERE action = 'attribute'";
    assert_eq!(ledger.database.number(decisions), 2);
    assert_eq!(ledger.database.number(actions), 2);
}

#[test]
fn two_refunds_are_not_decided_to_be_for_one_line() {
    let ledger = Ledger::empty();
    ledger.database.execute(ROWS).expect("the rows are valid");
    let mut operator = ledger.log_in_as("paynow_operator");
    operator.works(TO_ONE);
    let second = "SELECT attribute_refund(2, 1, NULL, NULL, 'anna', 'a test')";
    assert_eq!(operator.refused_by(second), "refund_attributions_line_key");
}

#[test]
fn a_decision_that_is_not_used_yet_may_be_replaced() {
    let ledger = Ledger::empty();
    ledger.database.execute(ROWS).expect("the rows are valid");
    let mut operator = ledger.log_in_as("paynow_operator");
    operator.works(TO_ONE);
    operator.works("SELECT attribute_refund(1, NULL, 21, 70, 'anna', 'a test')");

    let decided = "SELECT format('%s %s of %s', refund_id, points, wallet_id) AS value FROM refund_attributions";
    assert_eq!(ledger.database.texts(decided), ["51 70 of 21"]);
    let actions = "SELECT count(*) AS value FROM operator_actions WHERE action = 'attribute'";
    assert_eq!(ledger.database.number(actions), 2);
}

#[test]
fn a_letter_that_names_no_refund_of_a_recorded_order_cannot_be_decided() {
    let ledger = Ledger::empty();
    ledger.database.execute(ROWS).expect("the rows are valid");
    let letters = "INSERT INTO dead_letters (event_id, event_type, reason, error, body, body_sha256, attempts) \
         SELECT place::text, 'ON_REFUND', 'partial_refund', 'x', body::bytea, sha256(body::bytea), 1 \
         FROM unnest(ARRAY['{', '\\xff', '[]', '{\"body\":[]}', '{\"body\":{\"id\":\"9223372036854775808\"}}', \
             '{\"body\":{\"id\":\"7\"}}', '{\"body\":{\"id\":\"7\",\"order_id\":\"999\"}}']) \
             WITH ORDINALITY AS odd (body, place)";
    ledger
        .database
        .execute(letters)
        .expect("the rows are valid");
    let mut operator = ledger.log_in_as("paynow_operator");
    let numbers = ledger.database.texts(
        "SELECT dead_letter_id::text AS value FROM dead_letters ORDER BY dead_letter_id DESC LIMIT 7",
    );
    for number in numbers {
        let sql = format!("SELECT attribute_refund({number}, NULL, NULL, NULL, 'anna', 'a test')");
        let rule = operator.refused_by(&sql);
        assert!(
            ["refund_attributions_open", "refund_attributions_of_order"].contains(&rule.as_str()),
            "{rule}: {sql}"
        );
    }
}

#[test]
fn a_line_that_every_equal_line_of_is_refunded_is_taken() {
    let ledger = Ledger::empty();
    ledger.database.execute(ROWS).expect("the rows are valid");
    let other = "INSERT INTO reversals (order_id, sequence, kind, reference_id, event_id, amount_minor, \
         attribution, attribution_source, line_id) \
         VALUES (10, 1, 'refund', 61, 4, 100, 'line', 'amounts', 2)";
    ledger.database.execute(other).expect("the row is valid");
    let mut operator = ledger.log_in_as("paynow_operator");
    assert_eq!(operator.refused_by(TO_ONE), "refund_attributions_line_free");
}

#[test]
fn only_an_operator_decides_and_only_through_the_function() {
    let ledger = Ledger::empty();
    ledger.database.execute(ROWS).expect("the rows are valid");
    for role in ["paynow_worker", "paynow_reader", "paynow_spender"] {
        let message = ledger.log_in_as(role).refused(TO_ONE);
        assert!(message.contains("permission denied"), "{role}: {message}");
    }
    let mut operator = ledger.log_in_as("paynow_operator");
    for sql in [
        "INSERT INTO refund_attributions (refund_id, order_id, line_id, action_id) VALUES (51, 10, 1, 1)",
        "SELECT is_refundable_line(10, 1, 51)",
    ] {
        let message = operator.refused(sql);
        assert!(message.contains("permission denied"), "{message}: {sql}");
    }
}
