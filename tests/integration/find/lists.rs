//! Lists, page by page.

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use serde_json::Value;

use crate::contract::database::Ledger;
use crate::harness::{Order, Program, TestApp, flake};
use crate::privileges::login::Login;
use crate::reversals::refund;

const POINTS: i64 = 600_000_000_000_000_040;

fn texts(rows: &Value, field: &str) -> Vec<String> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row[field].as_str().unwrap().to_owned())
        .collect()
}

/// Four orders of a buyer, one of them told twice and one refunded, a gift, and an event of another type.
struct Told {
    app: TestApp,
    buyer: String,
    friend: String,
    orders: Vec<Order>,
    gift: Order,
    refunded: String,
}

fn told() -> Told {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    let (buyer, friend) = (flake(), flake());
    let orders: Vec<Order> = (0..4).map(|_| Order::of(POINTS, buyer)).collect();
    let mut gift = Order::of(POINTS, buyer);
    gift.lines[0].gift_to = Some(friend);
    for order in orders.iter().chain([&gift]) {
        app.deliver(order);
    }
    app.drain();
    app.deliver(&orders[0].retold());
    let refund = refund(&orders[1], flake(), 1000);
    let refunded = app.deliver_bytes(&refund).event_id().to_owned();
    app.deliver_bytes(br#"{"event_type":"ON_TRIAL_ACTIVATED","event_id":"7"}"#);
    app.drain();
    Told {
        app,
        buyer: buyer.to_string(),
        friend: friend.to_string(),
        orders,
        gift,
        refunded,
    }
}

fn events(app: &TestApp, arguments: &[&str]) -> Vec<String> {
    let rows = app.ctl_json(&[&["events", "list"], arguments].concat());
    texts(&rows, "event_id")
}

#[test]
fn events_are_listed_newest_first_page_by_page() {
    let Told { app, .. } = told();
    let all = events(&app, &[]);
    assert_eq!(all.len(), 8);
    let made = |id: &String| std::cmp::Reverse(id.parse::<i64>().unwrap());
    assert!(all.is_sorted_by_key(made), "{all:?}");
    let mut paged = events(&app, &["--limit", "3"]);
    while let Some(last) = paged.last().cloned() {
        let page = events(&app, &["--limit", "3", "--after", &last]);
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, all);
    let shown = app.ctl(&["events", "list", "--limit", "2"]).succeeded();
    let next = format!("and more: --after {}", all[1]);
    assert!(shown.stdout.contains(&next), "{shown:?}");
}

#[test]
fn events_are_listed_by_type_outcome_wallet_order_and_time() {
    let told = told();
    let list = |arguments: &[&str]| events(&told.app, arguments);
    let (buyer, friend) = (told.buyer.as_str(), told.friend.as_str());
    let order = told.orders[1].order_id.to_string();
    let refund = [told.refunded.as_str()];
    assert_eq!(list(&["--type", "ON_REFUND"]), refund);
    assert_eq!(list(&["--outcome", "ignored"]), ["7"]);
    assert_eq!(
        list(&["--wallet", friend]),
        [told.gift.event_id.to_string()]
    );
    assert_eq!(list(&["--wallet", buyer, "--type", "ON_REFUND"]), refund);
    assert_eq!(list(&["--since", "2100-01-01T00:00:00Z"]), [""; 0]);
    let orders = ["--type", "ON_ORDER_COMPLETED"];
    let retold = [&orders[..], &["--outcome", "already_credited"]].concat();
    for (arguments, count) in [
        (&["--outcome", "credited"][..], 5),
        (&orders, 6),
        (&retold, 1),
        (&["--order", &order], 2),
        (&["--wallet", buyer], 6),
        // An id of 7 is from 2022.
        (&["--since", "2026-01-01T00:00:00Z"], 7),
    ] {
        assert_eq!(list(arguments).len(), count, "{arguments:?}");
    }
    assert_eq!(list(&["--type", "on_refund"]), refund);
    let planted = "UPDATE webhook_events SET event_type = 'ON_NEW_THING' WHERE event_id = 7";
    told.app.database.execute(planted).unwrap();
    assert_eq!(list(&["--type", "ON_NEW_THING"]), ["7"]);
    let wrong = told.app.ctl(&["events", "list", "--type", "ON_REFUNDS"]);
    assert_eq!(wrong.code, Some(1));
    for known in ["ON_REFUND,", "ON_NEW_THING"] {
        assert!(wrong.stderr.contains(known), "{wrong:?}");
    }
    let wrong = told.app.ctl(&["events", "list", "--outcome", "lost"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("credited"), "{wrong:?}");
}

#[test]
fn wallets_are_listed_by_balance_and_paged_by_their_place() {
    let ledger = Ledger::empty();
    let entries = "INSERT INTO ledger_entries (entry_key, wallet_id, order_id, kind, points) VALUES \
         ('order-line:1', 20, 10, 'order_line', 500), ('order-line:2', 21, 10, 'order_line', 500), \
         ('order-line:3', 22, 10, 'order_line', 9), ('refund:1', 23, 10, 'refund', -5), \
         ('refund:2', 24, 10, 'refund', -50)";
    ledger.database.execute(entries).unwrap();
    let list = |arguments: &[&str]| {
        let variables = [("DATABASE_URL".to_owned(), ledger.database.url().to_string())];
        let arguments = [&["wallet", "list", "--json"], arguments].concat();
        let rows = Program::run("paynowctl", &variables, &arguments)
            .succeeded()
            .json();
        texts(&rows, "wallet_id")
    };
    assert_eq!(list(&[]), ["21", "20", "22", "23", "24"]);
    assert_eq!(list(&["--debts"]), ["24", "23"]);
    assert_eq!(list(&["--debts", "--after", "-50:24"]), ["23"]);
    assert_eq!(list(&["--min-balance", "10"]), ["21", "20"]);
    assert_eq!(
        list(&["--max-balance", "9", "--min-balance", "-5"]),
        ["22", "23"]
    );
    assert_eq!(list(&["--limit", "2", "--after", "500:21"]), ["20", "22"]);
}

#[test]
fn the_history_of_a_wallet_names_the_login_that_spent() {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    let order = Order::of(POINTS, flake());
    app.deliver(&order);
    app.drain();
    let wallet = order.customer_id;
    let game = Login::with_role(&app, "paynow_spender");
    let login = Value::from(game.url.username());
    let mut session = PgConnection::establish(game.url.as_str()).unwrap();
    let spent = format!("SELECT spend({wallet}, 200, 'sword'); SELECT unspend('sword')");
    session.batch_execute(&spent).unwrap();
    let rows = app.ctl_json(&["wallet", "history", &wallet.to_string()]);
    let logins: Vec<&Value> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["login"])
        .collect();
    assert_eq!(logins, [&login, &login, &Value::Null]);
    let shown = app
        .ctl(&["wallet", "history", &wallet.to_string()])
        .succeeded();
    assert!(shown.stdout.contains("spent by"), "{shown:?}");
}

#[test]
fn actions_are_listed_by_who_when_and_about_what() {
    let app = TestApp::start();
    let dead = Order::of(POINTS, flake());
    app.deliver(&dead);
    app.drain();
    let letter = dead.event_id.to_string();
    let wallet = flake().to_string();
    app.ctl(&["dead", "discard", &letter, "--by", "anna", "--why", "spam"])
        .succeeded();
    app.ctl(&[
        "correct", "--wallet", &wallet, "--points", "7", "--key", "t-1", "--by", "ben", "--why",
        "sorry", "--yes",
    ])
    .succeeded();
    let list = |arguments: &[&str]| {
        let rows = app.ctl_json(&[&["actions", "list"], arguments].concat());
        texts(&rows, "action")
    };
    assert_eq!(list(&[]), ["correct", "discard"]);
    assert_eq!(list(&["--by", "anna"]), ["discard"]);
    assert_eq!(list(&["--about", &wallet]), ["correct"]);
    assert_eq!(list(&["--about", "correction:t-1"]), ["correct"]);
    for about in [dead.event_id, dead.order_id] {
        assert_eq!(
            list(&["--about", &about.to_string()]),
            ["discard"],
            "{about}"
        );
    }
    // The letter, the event, the order and the action may have one number: the row says as what it has it.
    let (event, order) = (dead.event_id, dead.order_id);
    for (about, action, kinds) in [
        ("1".to_owned(), "discard", &["action", "letter"][..]),
        ("letter:1".to_owned(), "discard", &["letter"]),
        ("action:2".to_owned(), "correct", &["action"]),
        (format!("event:{event}"), "discard", &["event"]),
        (format!("order:{order}"), "discard", &["named_in_letter"]),
        (format!("wallet:{wallet}"), "correct", &["wallet"]),
        ("key:t-1".to_owned(), "correct", &["key"]),
        ("key:correction:t-1".to_owned(), "correct", &["key"]),
    ] {
        let rows = app.ctl_json(&["actions", "list", "--about", &about]);
        assert_eq!(texts(&rows, "action"), [action], "{about}");
        assert_eq!(rows[0]["about"], serde_json::json!(kinds), "{about}");
    }
    for about in [
        "letter:2",
        "event:1",
        "wallet:1",
        "product:1",
        "refund:1",
        "key:1",
    ] {
        assert_eq!(list(&["--about", about]), [""; 0], "{about}");
    }
    let shown = app.ctl(&["actions", "list", "--about", "1"]).succeeded();
    assert!(shown.stdout.contains("action, letter"), "{shown:?}");
    assert_eq!(list(&["--since", "2100-01-01T00:00:00Z"]), [""; 0]);
    assert_eq!(list(&["--limit", "1"]), ["correct"]);
    assert_eq!(list(&["--after", "2"]), ["discard"]);
    let shown = app.ctl(&["actions", "list"]).succeeded().stdout;
    assert!(
        shown.contains("sorry") && shown.contains(&wallet),
        "{shown}"
    );
}
