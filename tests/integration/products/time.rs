//! An order gets the price of the time at which it was completed.

use serde_json::Value;

use super::{COINS, NOTE, RANK, Shop};
use crate::harness::{Order, TestApp, flake};

#[test]
fn a_price_of_the_past_is_set_from_its_time_on_and_none_of_the_future() {
    let shop = Shop::open();
    shop.set(COINS, "500");
    shop.set(COINS, "700");

    let past = ["set", COINS, "600", "--valid-from", "2026-01-01T00:00:00Z"];
    let set = shop.act(&past).succeeded();
    let told =
        format!("product {COINS} gives 600 points (500 -> 600) from 2026-01-01T00:00:00.000Z to ");
    assert!(set.stdout.starts_with(&told), "{set:?}");
    // Of two with the same time, the later one counts.
    let again = [
        "set",
        COINS,
        "650",
        "--valid-from",
        "2026-01-01T01:00:00+01:00",
    ];
    let set = shop.act(&again).succeeded();
    assert!(
        set.stdout
            .contains("(600 -> 650) from 2026-01-01T00:00:00.000Z"),
        "{set:?}"
    );

    let future = ["set", COINS, "800", "--valid-from", "2999-01-01T00:00:00Z"];
    let refused = shop.act(&future);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("is in the future"), "{refused:?}");

    let listed = shop.json(&["list"]);
    assert_eq!(listed[0]["points"], 700);
    let history = shop.history();
    assert_eq!(history.len(), 4, "{history:?}");
    let first = [
        format!("{COINS} from -: 500 by anna"),
        format!("{COINS} from 2026-01-01T00:00:00.000Z: 600 by anna"),
        format!("{COINS} from 2026-01-01T00:00:00.000Z: 650 by anna"),
    ];
    assert_eq!(history[..3], first);
    shop.set(RANK, "0");
    let of_one = shop.json(&["list", "--history", "--product", RANK]);
    assert_eq!(of_one.as_array().map(Vec::len), Some(1), "{of_one}");
    assert_eq!(
        shop.products(&["list", "--history", "--product", "7"]).code,
        Some(3)
    );
    shop.holds();
}

#[test]
fn a_tenfold_change_of_the_past_is_compared_with_the_price_of_that_time() {
    let shop = Shop::open();
    shop.set(COINS, "500");
    shop.set(COINS, "6000");
    let past = ["set", COINS, "6000", "--valid-from", "2026-01-01T00:00:00Z"];
    let refused = shop.act(&past);
    assert!(refused.stderr.contains("instead of 500"), "{refused:?}");
    shop.act(&[&past[..], &["--yes"]].concat()).succeeded();
}

/// An order of both products that was completed now.
fn completed_now(app: &TestApp, lines: &[&str]) -> (Order, Value) {
    let now = "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', \
               'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS value";
    let completed_at = app.database.texts(now).remove(0);
    let id = |product: &str| product.parse().expect("an id");
    let mut order = Order::of(id(lines[0]), flake());
    for line in &lines[1..] {
        order = order.line(id(line), 1, None);
    }
    let mut json = order.json();
    json["body"]["completed_at"] = completed_at.into();
    (order, json)
}

#[test]
fn an_order_from_before_a_price_change_gets_the_old_price_when_it_is_replayed() {
    let app = TestApp::start();
    let products = |arguments: &[&str]| {
        let arguments = [&["products"], arguments, &NOTE].concat();
        app.ctl(&arguments).succeeded()
    };
    products(&["set", COINS, "500"]);
    let (dead, body) = completed_now(&app, &[COINS, RANK]);
    app.deliver_bytes(body.to_string().as_bytes());
    app.drain();
    assert_eq!(
        app.dead_letters(),
        [format!("{}: unknown_product", dead.event_id)]
    );
    let (late, late_body) = completed_now(&app, &[COINS]);

    products(&["set", COINS, "600"]);
    products(&["set", RANK, "0"]);
    let event = dead.event_id.to_string();
    let replay = [&["dead", "replay", &event, "--yes"], &NOTE[..]].concat();
    app.ctl(&replay).succeeded();
    // One that arrives late is no other than one that is replayed.
    app.deliver_bytes(late_body.to_string().as_bytes());
    let (new, new_body) = completed_now(&app, &[COINS]);
    app.deliver_bytes(new_body.to_string().as_bytes());
    app.drain();

    let balances = [&dead, &late, &new].map(|order| app.balance_of(order.customer_id));
    assert_eq!(balances, [500, 500, 600]);
}

#[test]
fn an_order_from_after_a_removal_does_not_know_the_product() {
    let app = TestApp::start();
    let products = |arguments: &[&str]| {
        let arguments = [&["products"], arguments, &NOTE].concat();
        app.ctl(&arguments).succeeded()
    };
    products(&["set", COINS, "500"]);
    let (before, before_body) = completed_now(&app, &[COINS]);
    products(&["remove", COINS]);
    let (after, after_body) = completed_now(&app, &[COINS]);
    for body in [before_body, after_body] {
        app.deliver_bytes(body.to_string().as_bytes());
    }
    app.drain();
    assert_eq!(app.balance_of(before.customer_id), 500);
    assert_eq!(
        app.dead_letters(),
        [format!("{}: unknown_product", after.event_id)]
    );
}
