//! What the database keeps true about prices, whoever writes them.

use super::{COINS, Shop};

fn violations(shop: &Shop) -> Vec<String> {
    let found = "SELECT DISTINCT check_id AS value FROM ledger_violations ORDER BY value";
    shop.ledger.database.texts(found)
}

#[test]
fn a_price_of_the_past_that_no_action_set_is_found() {
    let shop = Shop::open();
    shop.set(COINS, "500");
    shop.set(COINS, "600");
    let mut owner = shop.ledger.as_owner();
    let mut forge = |from: &str, points: i64, action: &str| {
        owner.works(&format!(
            "INSERT INTO product_prices (product_id, valid_from, points, priced_by) \
             VALUES ({COINS}, '{from}', {points}, {action})"
        ));
    };
    // An action about another time, or none, stands behind no price.
    for (hour, action) in [("01", "NULL"), ("02", "0"), ("03", "1"), ("04", "999")] {
        let from = format!("2026-01-01T{hour}:00:00Z");
        forge(&from, 500, action);
        assert_eq!(violations(&shop), ["prices_have_actions"], "{action}");
        // A person decides what was right then.
        let right = ["set", COINS, "501", "--valid-from", &from];
        shop.act(&right).succeeded();
        assert_eq!(violations(&shop), [""; 0], "{action}");
    }
}

#[test]
fn a_price_that_its_history_does_not_have_is_found() {
    for forged in [
        "UPDATE products SET points = 5000",
        "UPDATE products SET priced_by = priced_by + 1",
        "DELETE FROM products",
        "DELETE FROM product_prices",
    ] {
        let shop = Shop::open();
        shop.set(COINS, "500");
        let around = format!("SET session_replication_role = replica; {forged}");
        shop.ledger.database.execute(&around).unwrap();
        let found = violations(&shop);
        assert!(
            found.contains(&"prices_match_history".to_owned()),
            "{forged}: {found:?}"
        );
        let check = ["check", "--skip-broker", "--json"];
        let outcome = crate::harness::Program::run("paynowctl", &shop.variables, &check);
        assert_eq!(outcome.code, Some(1), "{forged}: {outcome:?}");
    }
}

#[test]
fn every_writer_of_the_price_list_adds_to_its_history() {
    let shop = Shop::open();
    let mut owner = shop.ledger.as_owner();
    for sql in [
        "INSERT INTO products (product_id, points) VALUES (7, 500)",
        "UPDATE products SET updated_at = now()",
        "UPDATE products SET points = 600",
        "DELETE FROM products",
        "INSERT INTO products (product_id, points) VALUES (7, 700)",
    ] {
        owner.works(sql);
    }
    let points = "SELECT coalesce(points::text, 'none') AS value FROM product_prices \
                  ORDER BY valid_from, price_id";
    let recorded = shop.ledger.database.texts(points);
    assert_eq!(recorded, ["500", "600", "none", "700"]);
    assert_eq!(violations(&shop), ["prices_have_actions"]);
}

#[test]
fn a_price_of_the_past_never_changes() {
    let shop = Shop::open();
    shop.set(COINS, "500");
    let before = shop.contents();
    let mut owner = shop.ledger.as_owner();
    for sql in [
        "UPDATE product_prices SET points = 7",
        "DELETE FROM product_prices",
        "TRUNCATE product_prices",
    ] {
        assert_eq!(owner.refused_by(sql), "product_prices_append_only", "{sql}");
    }
    assert_eq!(shop.contents(), before);
}

#[test]
fn nobody_sets_a_price_past_the_functions_or_without_the_right() {
    let shop = Shop::open();
    shop.set(COINS, "500");
    let before = shop.contents();
    for role in [
        "paynow_operator",
        "paynow_reader",
        "paynow_worker",
        "paynow_spender",
    ] {
        let mut login = shop.ledger.log_in_as(role);
        let calls = [
            "SELECT set_price(40, 7, 'anna', 'x')",
            "SELECT set_price(40, 7, NULL, 'anna', 'x')",
            "SELECT remove_price(40, 'anna', 'x')",
            "SELECT import_prices('{40}', '{7}', '{x}', 'anna', 'x')",
        ];
        let writes = [
            "INSERT INTO product_prices (product_id, valid_from, points) VALUES (40, now(), 7)",
            "UPDATE products SET name = 'x'",
            "SELECT change_price(40, 7, NULL, NULL, 'anna', 'x')",
            "SELECT price_start(40)",
        ];
        let calls = calls.iter().filter(|_call| role != "paynow_operator");
        for sql in writes.iter().chain(calls) {
            let message = login.refused(sql);
            assert!(
                message.contains("permission denied"),
                "{role}: {message}: {sql}"
            );
        }
    }
    assert_eq!(shop.contents(), before);
}

#[test]
fn a_price_has_points_and_a_name_has_a_bound() {
    let shop = Shop::open();
    shop.set(COINS, "500");
    let before = shop.contents();
    let mut operator = shop.ledger.log_in_as("paynow_operator");
    let long = format!(
        "SELECT import_prices('{{7}}', '{{7}}', '{{{}}}', 'a', 'b')",
        "x".repeat(201)
    );
    for (sql, constraint) in [
        (
            "SELECT set_price(40, NULL, 'a', 'b')",
            "product_prices_points_given",
        ),
        (
            "SELECT set_price(40, -1, 'a', 'b')",
            "product_prices_points_not_negative",
        ),
        (
            "SELECT set_price(40, 7, 'infinity', 'a', 'b')",
            "product_prices_begun",
        ),
        (&long, "products_name_bounded"),
        // The first product is fine, the second is not.
        (
            "SELECT import_prices('{7,8}', '{7,-1}', '{x,y}', 'a', 'b')",
            "product_prices_points_not_negative",
        ),
    ] {
        assert_eq!(operator.refused_by(sql), constraint, "{sql}");
    }
    assert_eq!(shop.contents(), before);
}

#[test]
fn a_price_change_waits_for_the_one_before() {
    let shop = Shop::open();
    let mut first = shop.ledger.log_in_as("paynow_operator");
    let mut second = shop.ledger.log_in_as("paynow_operator");
    let mut reader = shop.ledger.log_in_as("paynow_worker");
    first.works("BEGIN; SELECT set_price(40, 500, 'anna', 'a test')");

    let message =
        second.refused("SET lock_timeout = 1; SELECT set_price(40, 600, 'bob', 'a test')");
    assert!(message.contains("lock timeout"), "{message}");
    // Orders are priced meanwhile.
    reader.works("SET lock_timeout = 1; SELECT count(*) FROM product_prices, products");

    first.works("COMMIT");
    second.works("SELECT set_price(40, 600, 'bob', 'a test')");
    assert_eq!(shop.history().len(), 2);
    shop.holds();
}
