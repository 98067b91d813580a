//! Databases that the programs of released versions filled, from their dumps: `setup` leaves what is in
//! them as it is, and the present worker goes on from there.

mod from_0_1;
mod from_0_2;
mod from_0_3;
mod from_0_3_refunds;

use diesel::connection::SimpleConnection;
use serde_json::json;

use super::{revert_from, version_of};
use crate::harness::{TestApp, eventually, migrations};
use crate::meaning::check;
use crate::meaning::row::Row;
use crate::meaning::sale::Sale;

/// Order `N` of each dump is this and `100 N`.
const FIRST: i64 = 511_705_088_000_000_000;
/// Has no price in any dump, and an order for it is a dead letter there.
const LATE: i64 = 600_000_000_000_000_077;
/// Who decides in these tests, and why.
const DECIDED: [&str; 4] = ["--by", "anna", "--why", "as PayNow says"];

/// A system for a dump, with a receiver and no worker.
fn system() -> TestApp {
    TestApp::builder()
        .workers(0)
        .worker_setting("WORKER_LANES", "1")
        .start()
}

/// A system with the rows of a dump and the schema from before the migration `newer`.
fn system_of(dump: &str, newer: &str) -> TestApp {
    let app = system();
    revert_from(&app.database, newer);
    // On a connection of its own, because the dump changes settings.
    let mut connection = app.database.connect();
    connection.batch_execute(dump).expect("it can be restored");
    app
}

/// Each wallet, less `FIRST`, with its balance.
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

fn all_migrations() -> Vec<String> {
    migrations().iter().map(|it| version_of(it)).collect()
}

/// Starts a worker and waits until its housekeeping has mended what an older version left.
fn start_worker(app: &mut TestApp) {
    app.start_worker();
    eventually("the check is clean", || {
        let check = app.ctl(&["check", "--skip-broker"]);
        (check.code == Some(0)).then_some(())
    });
}

/// Upgrades a restored dump and checks that every row and balance is what it was.
fn upgrade_unchanged(app: &mut TestApp, expected: &[(i64, i64)]) {
    let queries = queries(app);
    let before = records(app, &queries);
    assert_eq!(balances(app), expected);

    app.ctl(&["setup"]).succeeded();

    assert_eq!(applied_migrations(app), all_migrations());
    assert_eq!(records(app, &queries), before);
    start_worker(app);
    assert_eq!(balances(app), expected);
}

/// An order of a dump, told as one line of coins for 1000.
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

/// Checks what events of today do to these orders of a dump, and that they touch no other.
fn go_on(app: &mut TestApp, events: &[(i64, &str)]) {
    let is_other = |(wallet, _balance): &(i64, i64)| {
        let of_wallet = |(number, _events): &(i64, &str)| *number == wallet / 100;
        !events.iter().any(of_wallet)
    };
    let others = |app: &TestApp| -> Vec<_> { balances(app).into_iter().filter(is_other).collect() };
    let before = others(app);
    let row = |(number, events): &(i64, &str)| {
        let name = format!("order {number}");
        Row::of(&name, order_of_the_dump(*number), events)
    };
    check(app, &events.iter().map(row).collect::<Vec<_>>());
    assert_eq!(others(app), before);
}

/// The letters of an event, or of a body without one, as state and reason.
fn letter(app: &TestApp, event: &str) -> Vec<String> {
    app.database.texts(&format!(
        "SELECT state || ' ' || reason AS value FROM dead_letters WHERE event_id = '{event}'"
    ))
}

/// Posts the body of a dead letter again.
fn tell_again(app: &TestApp, event: &str) {
    let body = app.database.texts(&format!(
        "SELECT convert_from(body, 'UTF8') AS value FROM dead_letters WHERE event_id = '{event}'"
    ));
    assert!(app.deliver_bytes(body[0].as_bytes()).accepted());
}

fn decide(app: &TestApp, arguments: &[&str]) {
    app.ctl(&[arguments, &DECIDED].concat()).succeeded();
}

/// Checks that a spend and a correction of a dump are not made again with their keys.
fn keys_are_known(app: &TestApp) {
    keys_of_wallets_are_known(app, 2301, (101, 690));
}

/// The same of other wallets. The first one spent 120 and has 380 left; the second one got the correction and
/// has this balance.
fn keys_of_wallets_are_known(app: &TestApp, spender: i64, (corrected, balance): (i64, i64)) {
    let wallet = FIRST + spender;
    let spend = |key: &str| {
        app.database.texts(&format!(
            "SELECT balance || ' ' || applied AS value FROM spend({wallet}, 120, '{key}')"
        ))
    };
    assert_eq!(spend("sword:1"), ["380 false"]);
    assert_eq!(spend("sword:2"), ["260 true"]);

    let wallet = (FIRST + corrected).to_string();
    let correction = ["correct", "--wallet", &wallet, "--points", "250"];
    let key = ["--key", "ticket-4711", "--yes"];
    app.ctl(&[&correction[..], &DECIDED, &key].concat())
        .succeeded();
    assert_eq!(app.balance_of(FIRST + corrected), balance);
}
