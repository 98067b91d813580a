//! Lists that read no bodies say what those say that do.

use paynow_desk::console::letters::{count, groups, page, show};
use paynow_desk::console::permit::right;
use paynow_desk::console::wallets::entries;
use paynow_desk::list::{ReasonGroup, by_reason, one_by_one};
use paynow_desk::selection::{Filter, LetterState};
use paynow_desk::show::{PersonalData, letter};

use super::{World, hex, permit};
use crate::harness::{Order, flake};

fn insert(world: &World, kind: &str, reason: &str, body: &[u8]) -> i64 {
    let body = hex(body);
    world.execute(&format!(
        "INSERT INTO dead_letters (event_id, event_type, reason, error, body, body_sha256, attempts) \
         VALUES ('{}', '{kind}', '{reason}', 'x', '\\x{body}', sha256('\\x{body}'), 1)",
        flake()
    ));
    let newest = "SELECT max(dead_letter_id) AS value FROM dead_letters";
    world.ledger.database.number(newest)
}

/// Letters of every kind, as they come.
pub(super) fn letters(world: &World) -> Order {
    let order = Order::of(40, flake()).line(40, 3, Some(i64::MAX));
    let refund = format!(
        r#"{{"event_type": "ON_REFUND", "body": {{"id": "9", "order_id": "{}", "customer": {{"id": "21"}}}}}}"#,
        order.order_id
    );
    insert(world, "ON_ORDER_COMPLETED", "wrong_store", &order.body());
    let unknown = Order::of(41, flake());
    insert(
        world,
        "ON_ORDER_COMPLETED",
        "unknown_product",
        &unknown.body(),
    );
    insert(world, "ON_REFUND", "order_unknown", refund.as_bytes());
    insert(
        world,
        "ON_TRIAL_ACTIVATED",
        "crash_loop",
        br#"{"event_type": "ON_TRIAL_ACTIVATED", "event_id": "3", "body": {}}"#,
    );
    for body in [
        &b"no JSON"[..],
        b"\xff\xfe",
        b"[]",
        br#"{"body": "\u0000"}"#,
        br#"{"body": {"id": {}}}"#,
    ] {
        insert(world, "ON_ORDER_COMPLETED", "malformed", body);
    }
    let discarded = insert(
        world,
        "ON_ORDER_COMPLETED",
        "unsigned",
        &Order::of(40, flake()).body(),
    );
    world.execute(&format!(
        "SELECT discard_letters('{{{discarded}}}', 'cy', 'spam', '{{}}')"
    ));
    order
}

/// A second may begin between two queries.
fn without_age(groups: Vec<ReasonGroup>) -> Vec<ReasonGroup> {
    let without = |group| ReasonGroup {
        oldest_age_seconds: 0,
        ..group
    };
    groups.into_iter().map(without).collect()
}

#[test]
fn a_list_from_columns_says_what_one_from_bodies_says() {
    let world = World::new();
    let order = letters(&world);
    let anna = world.sign_in("anna", "viewer,operator");
    let columns = world.console.seat(&permit::<right::Look>(&anna));
    let bodies = world.console.seat(&permit::<right::Replay>(&anna));
    let mut filters = vec![Filter::default(); 4];
    filters[1].reason = "unknown_product".parse().ok();
    filters[2].order = order.order_id.to_string().parse().ok();
    filters[3].wallet = i64::MAX.to_string().parse().ok();
    for filter in &filters {
        for state in [Some(LetterState::Open), None] {
            let expected = without_age(by_reason(&bodies, filter, state).unwrap().rows);
            let found = without_age(groups(&columns, filter, state).unwrap());
            assert_eq!(
                format!("{found:?}"),
                format!("{expected:?}"),
                "{filter:?} {state:?}"
            );

            let expected = one_by_one(&bodies, filter, state, 100).unwrap().rows;
            let found = page(&columns, filter, state, None, 100).unwrap().rows;
            let row = |number, order, points, wallets: String| {
                format!("{number} {order:?} {points:?} {wallets}")
            };
            let expected: Vec<String> = expected
                .iter()
                .rev()
                .map(|it| {
                    let wallets = it.content.wallet_ids.iter().map(i64::to_string);
                    let wallets = wallets.collect::<Vec<_>>().join(",");
                    let number = it.letter.summary.dead_letter_id;
                    row(
                        number,
                        it.content.order_id,
                        it.content.points_at_stake,
                        wallets,
                    )
                })
                .collect();
            let found: Vec<String> = found
                .into_iter()
                .map(|it| {
                    row(
                        it.summary.dead_letter_id,
                        it.order_id,
                        it.points_at_stake,
                        it.wallet_ids,
                    )
                })
                .collect();
            assert_eq!(found, expected, "{filter:?} {state:?}");
        }
    }
}

#[test]
fn pages_follow_each_other_and_whoever_looks_sees_no_body() {
    let world = World::new();
    letters(&world);
    let anna = world.sign_in("anna", "viewer");
    let look = world.console.seat(&permit::<right::Look>(&anna));
    let every = Filter::default();
    let (mut after, mut numbers) = (None, Vec::new());
    loop {
        let page = page(&look, &every, None, after, 4).unwrap();
        numbers.extend(page.rows.iter().map(|row| row.summary.dead_letter_id));
        after = numbers.last().copied();
        if !page.has_more {
            break;
        }
    }
    let all = count(&look, &every, None, 100).unwrap();
    assert_eq!(i64::try_from(numbers.len()), Ok(all));
    assert!(numbers.is_sorted_by(|one, next| one > next), "{numbers:?}");
    assert_eq!(count(&look, &every, None, 3).unwrap(), 4);
    let shown = show(&look, numbers[0]).unwrap();
    assert_eq!(shown.actions.len(), 1);
    // The desk's own page reads the body, which a viewer may not.
    let whole = letter(&look, &numbers[0].to_string(), PersonalData::Masked);
    assert!(whole.is_err_and(|error| format!("{error:?}").contains("permission denied")));
}

#[test]
fn letters_that_are_older_than_the_columns_are_filled_in() {
    let world = World::new();
    letters(&world);
    world.execute(
        "ALTER TABLE dead_letters DISABLE TRIGGER USER; \
         UPDATE dead_letters SET content_read = false, order_id = NULL, wallet_ids = NULL, product_lines = NULL; \
         ALTER TABLE dead_letters ENABLE TRIGGER USER",
    );
    let fill = "SELECT fill_letter_contents(5) AS value";
    let mut filled = 0;
    while let some @ 1.. = world.ledger.database.number(fill) {
        filled += some;
    }
    let rest = "SELECT count(*) AS value FROM dead_letters WHERE NOT content_read";
    assert_eq!((filled, world.ledger.database.number(rest)), (11, 0));
    let orders = "SELECT count(order_id) AS value FROM dead_letters";
    assert_eq!(world.ledger.database.number(orders), 4);
}

#[test]
fn a_wallet_is_paged_with_the_balance_after_each_entry() {
    let world = World::new();
    for number in 1..=5 {
        world.execute(&format!(
            "SELECT correct_wallet('correction:{number}', 20, {number}, 'cy', 'x')"
        ));
    }
    let anna = world.sign_in("anna", "viewer");
    let look = world.console.seat(&permit::<right::Look>(&anna));
    let wallet = "20".parse().unwrap();
    let first = entries(&look, wallet, Some("correction"), None, 2).unwrap();
    let after = first.rows.last().map(|row| row.entry_id);
    let second = entries(&look, wallet, None, after, 10).unwrap();
    let rows = first.rows.into_iter().chain(second.rows);
    let balances: Vec<String> = rows.map(|row| row.entry.balance_after).collect();
    assert_eq!(balances, ["515", "510", "506", "503", "501", "500"]);
}

#[test]
fn an_absurd_body_is_kept_without_its_lines_and_a_name_that_is_no_text_hides_nothing() {
    let world = World::new();
    let order = |lines: usize, name: &str| {
        let lines = vec![r#"{"product_id": "40"}"#; lines].join(",");
        format!(
            r#"{{"event_type": "ON_ORDER_COMPLETED", "body": {{"id": "9",
                "customer": {{"id": "20", "name": "{name}"}}, "lines": [{lines}]}}}}"#
        )
    };
    let told = |body: &str| {
        let number = insert(&world, "ON_ORDER_COMPLETED", "crash_loop", body.as_bytes());
        let told = format!(
            "SELECT concat_ws(' ', order_id, wallet_ids, coalesce(jsonb_array_length(product_lines), -1)) AS value \
             FROM dead_letters WHERE dead_letter_id = {number}"
        );
        world.ledger.database.texts(&told).remove(0)
    };
    assert_eq!(told(&order(5000, "x")), "9 {20} 5000");
    assert_eq!(told(&order(5001, "x")), "9 {20} -1");
    for name in [r"\ud800", r"\u0000", r"\uDFFF", r"\\ud800", r"\ud83d\ude00"] {
        assert_eq!(told(&order(1, name)), "9 {20} 1", "{name}");
    }
}
