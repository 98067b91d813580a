//! A database that the programs of the previous version filled, from its dump: `setup` leaves what is in
//! it as it is, and the present worker goes on from there.

use diesel::connection::SimpleConnection;
use serde_json::json;

use super::version_of;
use crate::harness::{Servers, TestApp, TestDatabase, migrations};
use crate::meaning::check;
use crate::meaning::row::Row;
use crate::meaning::sale::Sale;

/// Says how it was made.
const DUMP: &str = include_str!("0.1.sql");
/// Order `N` of the dump is this and `100 N`.
const FIRST: i64 = 511_705_088_000_000_000;
/// Has no price in the dump, and an order for it is a dead letter there.
const LATE: i64 = 600_000_000_000_000_077;
const LETTER: &str = "511705088000900041";

/// The buyers, of which some gave to a friend (`302`, `702`), and what they had when the dump was made.
const BALANCES: [(i64, i64); 25] = [
    (101, 690),   // 500, less a spend of 60, and a correction of 250
    (201, 2000),  // two lines
    (301, 500),   // a gift for
    (302, 500),   // this friend
    (401, 0),     // a product that gives nothing
    (501, 0),     // refunded
    (601, 300),   // 400 of 1000 refunded
    (701, 167),   // twice 333 of 1000 refunded
    (702, 167),   // the friend's share of that
    (801, 0),     // a chargeback is open
    (901, 500),   // was won
    (1001, 0),    // was lost
    (1101, 500),  // was won before it was opened
    (1201, 0),    // was lost before it was opened
    (1301, 0),    // refunded after a won chargeback
    (1401, 450),  // 100 of 1000 refunded, then a chargeback was won
    (1501, 0),    // 400 of 1000 refunded, then a chargeback was opened
    (1601, 500),  // told by two events
    (1701, 250),  // 500 of 1000 refunded, which was told before the order
    (2001, 90),   // replayed after its product got a price
    (2101, 500),  // a refund is a dead letter
    (2201, 500),  // a conflict is a dead letter
    (2301, 380),  // 120 spent
    (2401, -450), // 450 spent, then refunded
    (2501, 1200), // bought at the second price
];

/// A system whose database is the restored dump, with a receiver and no worker. The servers have the
/// roles, because another database was set up before.
fn previous_version() -> TestApp {
    let mut app = TestApp::builder()
        .workers(0)
        .worker_setting("WORKER_LANES", "1")
        .start();
    let name = app.database.url().path().trim_start_matches('/').to_owned();
    app.database.drop_it();
    app.database = TestDatabase::create(&Servers::of_this_run().database, &name);
    // On a connection of its own, because the dump changes the search path.
    let mut connection = app.database.connect();
    connection.batch_execute(DUMP).expect("it can be restored");
    app
}

/// The same after the upgrade.
fn upgraded() -> TestApp {
    let app = previous_version();
    app.ctl(&["setup"]).succeeded();
    app
}

fn balances(app: &TestApp) -> Vec<(i64, i64)> {
    let wallets = "SELECT wallet_id || ' ' || balance AS value FROM wallets ORDER BY wallet_id";
    let number = |text: &str| text.parse::<i64>().expect("a number");
    let pair = |line: String| {
        let (wallet, balance) = line.split_once(' ').expect("two numbers");
        (number(wallet) - FIRST, number(balance))
    };
    app.database.texts(wallets).into_iter().map(pair).collect()
}

/// The queries that read every row of the schema of now, column by column. A later version may add columns,
/// which they do not read. What `setup` and the check write for themselves is left out.
fn queries(app: &TestApp) -> Vec<String> {
    app.database.texts(
        "SELECT format('SELECT %L || row_to_json(it)::text AS value FROM (SELECT %s FROM %I) AS it \
             ORDER BY 1', table_name || ' ', string_agg(quote_ident(column_name), ', '), table_name) \
             AS value \
         FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name) \
         WHERE table_schema = 'public' AND table_type = 'BASE TABLE' \
             AND table_name NOT IN ('__diesel_schema_migrations', 'ledger_checks') \
         GROUP BY table_name ORDER BY table_name",
    )
}

fn records(app: &TestApp, queries: &[String]) -> Vec<String> {
    let rows = |query: &String| app.database.texts(query);
    queries.iter().flat_map(rows).collect()
}

fn applied_migrations(app: &TestApp) -> Vec<String> {
    let versions = "SELECT version AS value FROM __diesel_schema_migrations ORDER BY 1";
    app.database.texts(versions)
}

/// An order of the dump, told as one line of coins for 1000.
fn order_of_the_dump(number: i64) -> Sale {
    let mut sale = Sale::parse("1000: coins 1000");
    let order_id = FIRST + 100 * number;
    (sale.buyer, sale.friend) = (order_id + 1, order_id + 2);
    sale.payment_id = order_id + 20;
    sale.order["id"] = json!(order_id.to_string());
    sale.order["customer"]["id"] = json!(sale.buyer.to_string());
    sale.order["lines"][0]["id"] = json!((order_id + 10).to_string());
    sale
}

#[test]
fn the_upgrade_changes_nothing_that_the_previous_version_recorded() {
    let app = previous_version();
    let all: Vec<String> = migrations().iter().map(|it| version_of(it)).collect();
    assert!(applied_migrations(&app).len() < all.len());
    let queries = queries(&app);
    let before = records(&app, &queries);
    assert_eq!(balances(&app), BALANCES);

    app.ctl(&["setup"]).succeeded();

    assert_eq!(applied_migrations(&app), all);
    assert_eq!(records(&app, &queries), before);
    app.ctl(&["check", "--skip-broker"]).succeeded();
    let prices = app.database.texts(
        "SELECT valid_from || ' ' || points AS value FROM product_prices ORDER BY product_id",
    );
    let kept = [500, 0, 1200, 90].map(|points| format!("-infinity {points}"));
    assert_eq!(prices, kept, "each price counts from the beginning");
}

#[test]
fn refunds_chargebacks_and_retold_orders_go_on_from_the_points_in_the_dump() {
    let mut app = upgraded();
    let events = [
        (
            1,
            "order: already_credited 690; again: already_credited 690",
        ),
        (
            2,
            "refund 200 200: partial_refund 2000; refund 1000 1000: reversed 0",
        ),
        (5, "refund 500 500: noted 0"),
        (6, "refund 600 600: reversed 0; again: noted 0"),
        (7, "refund 334 334: reversed 0/0"),
        (8, "won T1: restored 500"),
        (9, "opened T2: reversed 0; lost T2: noted 0"),
        (10, "refund 1000 1000: noted 0"),
        (11, "refund 1000 1000: reversed 0"),
        (13, "order: already_credited 0"),
        (14, "refund 900 900: reversed 0"),
        (15, "won T1: restored 300"),
        (
            17,
            "refund 200 200: partial_refund 250; refund 500 500: reversed 0",
        ),
        (21, "refund 1000 1000: reversed 0"),
        (22, "order total_amount=900: conflict 500"),
        (24, "order: already_credited -450"),
    ];
    let rows = events.map(|(number, events)| {
        Row::of(
            &format!("order {number}"),
            order_of_the_dump(number),
            events,
        )
    });
    check(&mut app, &rows);
    let orders = events.map(|(number, _events)| number);
    let untouched = |all: &[(i64, i64)]| -> Vec<(i64, i64)> {
        let others = all
            .iter()
            .filter(|(wallet, _)| !orders.contains(&(wallet / 100)));
        others.copied().collect()
    };
    assert_eq!(untouched(&balances(&app)), untouched(&BALANCES));
}

#[test]
fn a_dead_letter_of_the_dump_is_replayed_once_its_product_has_a_price() {
    let mut app = upgraded();
    app.start_worker();
    let buyer = FIRST + 1801;
    assert_eq!(app.balance_of(buyer), 0);
    let why = ["--by", "anna", "--why", "the price is set", "--yes"];
    let replay = [&["dead", "replay", LETTER], &why[..]].concat();

    app.set_product(LATE, 70);
    app.ctl(&replay).succeeded();

    app.note_accepted(LETTER);
    app.drain();
    assert_eq!(app.balance_of(buyer), 70);
    let state = format!("SELECT state AS value FROM dead_letters WHERE event_id = '{LETTER}'");
    assert_eq!(app.database.texts(&state), ["resolved"]);
}

#[test]
fn a_spend_and_a_correction_of_the_dump_are_not_made_again_with_their_keys() {
    let app = upgraded();
    let wallet = FIRST + 2301;
    let spend = |key: &str| {
        app.database.texts(&format!(
            "SELECT balance || ' ' || applied AS value FROM spend({wallet}, 120, '{key}')"
        ))
    };
    assert_eq!(spend("sword:1"), ["380 false"]);
    assert_eq!(spend("sword:2"), ["260 true"]);

    let wallet = (FIRST + 101).to_string();
    let correction = ["correct", "--wallet", &wallet, "--points", "250"];
    let reason = ["--by", "anna", "--why", "ticket 4711", "--yes"];
    let key = ["--key", "ticket-4711"];
    app.ctl(&[&correction[..], &reason, &key].concat())
        .succeeded();
    assert_eq!(app.balance_of(FIRST + 101), 690);
}
