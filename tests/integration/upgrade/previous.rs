//! What the previous version recorded, and what its worker still records beside the present one: the
//! present worker goes on from there. Its statements are the recorded ones of 0.1.0.

use serde_json::Value;

use super::revert_from;
use crate::harness::{Order, TestApp, TestDatabase, flake};
use crate::meaning::row::Row;
use crate::meaning::sale::Sale;
use crate::meaning::{COINS, check};

const STATEMENTS: &str = include_str!("../../golden/0.1.0/statements.json");
/// The first migration that the previous version does not have.
const FIRST_NEW: &str = "2026-11-27-000200_proof";
/// Is not in the price list of the previous version.
const LATE: i64 = 600_000_000_000_000_077;
/// The first event id of a moment in January 2026.
const JANUARY: i64 = 122_000_000_000 << 22;

/// `case | what the previous version did with an order of 1000 for 500 points | events of today`
const ROWS: &str = r#"
nothing, then all               | | refund 1000 1000: reversed 0
nothing, the tax left out       | | refund 1000 800: reversed 0
nothing, then a part            | | refund 500 500: partial_refund 500
nothing, another currency       | | refund 1000 1000 currency="JPY": currency_mismatch 500
a share, then the rest          | refund 400 -200 | refund 600 600: reversed 0
a share, then a part            | refund 400 -200 | refund 300 300: partial_refund 300
a share, told again             | refund 400 -200 | refund 400 400 id=another: noted 300
a share, then a chargeback      | refund 400 -200 | opened T1: reversed 0; won T1: restored 300
all, then more                  | refund 1000 -500 | refund 500 500: noted 0
opened, then won                | opened -500 | won T1: restored 500
opened, then won without a time | opened -500 | won -: restored 500
opened, then lost               | opened -500 | lost T1: noted 0
a share, opened, then won       | refund 400 -200; opened -300 | won T1: restored 300
won, then opened again          | opened -500; won 500 | opened T2: reversed 0; lost T2: noted 0
won, then a refund              | opened -500; won 500 | refund 1000 1000: reversed 0
lost, then a refund             | opened -500; lost 0 | refund 1000 1000: noted 0
the order told again            | | order: already_credited 500
the order told with a new total | | order total_amount=900: conflict 500
"#;

/// One transaction of the worker of 0.1.0, with its rights: statements by their first words, with the
/// values of their parameters.
fn as_previous_worker(database: &TestDatabase, statements: &[(&str, String)]) {
    let list: Value = serde_json::from_str(STATEMENTS).expect("it is a list");
    let list = list.as_array().expect("it is a list");
    let mut script = "BEGIN; SET LOCAL ROLE paynow_worker; ".to_owned();
    for (begins, values) in statements {
        let sql = |statement: &Value| statement["sql"].as_str().expect("a text").to_owned();
        let mut found = list.iter().filter(|it| sql(it).starts_with(begins));
        let statement = found.next().unwrap_or_else(|| panic!("no {begins}"));
        let types = statement["types"].as_array().expect("a list");
        let types: Vec<&str> = types.iter().filter_map(Value::as_str).collect();
        script += &format!(
            "PREPARE asked ({}) AS {}; EXECUTE asked ({values}); DEALLOCATE asked; ",
            types.join(", "),
            sql(statement)
        );
    }
    script += "COMMIT";
    database
        .execute(&script)
        .unwrap_or_else(|error| panic!("{error}: {script}"));
}

/// The worker of 0.1.0: one event is one transaction of these statements.
struct PreviousWorker<'a> {
    database: &'a TestDatabase,
    order_id: &'a str,
    wallet_id: i64,
}

impl PreviousWorker<'_> {
    fn event(&self, event_id: i64, event_type: &str, outcome: &str) -> (&'static str, String) {
        let order_id = self.order_id;
        let values = format!(
            "'{{{event_id}}}', '{{{event_type}}}', '{{{outcome}}}', '{{{order_id}}}', \
             ARRAY[sha256('{event_id}')], ARRAY['{{}}'::bytea], '{{test}}', \
             '{{1767600000000}}', '{{1767600000000}}', '{{1}}'"
        );
        ("INSERT INTO webhook_events", values)
    }

    fn entry(&self, event_id: i64, key: &str, kind: &str, points: i64) -> (&'static str, String) {
        let (order_id, wallet_id) = (self.order_id, self.wallet_id);
        let values = format!(
            "'{{{key}}}', '{{{wallet_id}}}', '{{{order_id}}}', '{{{event_id}}}', '{{{kind}}}', \
             '{{{points}}}'"
        );
        ("INSERT INTO ledger_entries", values)
    }

    fn order(&self, line_id: &str) {
        let (event_id, order_id, wallet_id) = (january(), self.order_id, self.wallet_id);
        let order = format!(
            "'{{{order_id}}}', '{{{event_id}}}', '{{600000000000000002}}', '{{{wallet_id}}}', \
             '{{1000}}', '{{USD}}'"
        );
        let statements = [
            self.event(event_id, "ON_ORDER_COMPLETED", "credited"),
            ("INSERT INTO orders", order),
            self.entry(
                event_id,
                &format!("order-line:{line_id}"),
                "order_line",
                500,
            ),
        ];
        as_previous_worker(self.database, &statements);
    }

    /// Records `refund <amount> <points>`, or `opened`, `won` or `lost` with its points.
    fn reversal(&self, sale: &Sale, sequence: usize, text: &str) {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (refund, payment) = (sale.another, sale.payment_id);
        let (event_type, kind, reference, amount, entry) = match words[0] {
            "refund" => ("ON_REFUND", "refund", refund, words[1], "refund"),
            "opened" => (
                "ON_CHARGEBACK",
                "chargeback_opened",
                payment,
                "NULL",
                "chargeback",
            ),
            "won" => (
                "ON_CHARGEBACK_CLOSED",
                "chargeback_won",
                payment,
                "NULL",
                "chargeback_won",
            ),
            _lost => (
                "ON_CHARGEBACK_CLOSED",
                "chargeback_lost",
                payment,
                "NULL",
                "chargeback",
            ),
        };
        let points: i64 = words[words.len() - 1].parse().expect("points");
        let outcome = match points {
            0 => "noted",
            1.. => "restored",
            _taken => "reversed",
        };
        let (event_id, order_id) = (january(), self.order_id);
        let reversal = format!(
            "'{{{order_id}}}', '{{{sequence}}}', '{{{kind}}}', '{{{reference}}}', \
             '{{{event_id}}}', '{{{amount}}}'"
        );
        let mut statements = vec![
            self.event(event_id, event_type, outcome),
            ("INSERT INTO reversals", reversal),
        ];
        if points != 0 {
            let key = format!("{}:{reference}", entry.replace('_', "-"));
            statements.push(self.entry(event_id, &key, entry, points));
        }
        as_previous_worker(self.database, &statements);
    }
}

/// The id of an event that was made in January 2026.
fn january() -> i64 {
    JANUARY + (flake() & 0x3f_ffff)
}

/// What the previous version did with an order.
fn work_before(database: &TestDatabase, sale: &Sale, done: &str, with_order: bool) {
    let order_id = sale.order["id"].as_str().expect("an id");
    let worker = PreviousWorker {
        database,
        order_id,
        wallet_id: sale.buyer,
    };
    if with_order {
        worker.order(sale.order["lines"][0]["id"].as_str().expect("an id"));
    }
    let reversals = done.split("; ").filter(|text| !text.trim().is_empty());
    for (sequence, text) in reversals.enumerate() {
        worker.reversal(sale, sequence, text);
    }
}

/// The rows, after the previous version did its part of each.
fn rows(database: &TestDatabase, when: &str) -> Vec<Row> {
    let lines = ROWS.lines().filter(|line| !line.is_empty());
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [name, done, events] = cells[..] else {
            panic!("three cells: {line}");
        };
        let sale = Sale::parse("1000: coins 1000");
        work_before(database, &sale, done, true);
        Row::of(&format!("{name} ({when})"), sale, events)
    };
    lines.map(row).collect()
}

/// A system with the schema of the previous version, its prices, and no worker.
fn previous_version() -> TestApp {
    let app = TestApp::builder()
        .workers(0)
        .worker_setting("WORKER_LANES", "1")
        .start();
    revert_from(&app.database, FIRST_NEW);
    let price = format!("INSERT INTO products (product_id, points) VALUES ({COINS}, 500)");
    app.database.execute(&price).expect("the owner may");
    app
}

fn balances(app: &TestApp) -> Vec<String> {
    app.database.texts(
        "SELECT wallet_id || ' ' || balance || ' ' || updated_at AS value FROM wallets ORDER BY 1",
    )
}

#[test]
fn orders_of_the_previous_version_keep_their_points_and_go_on_from_there() {
    let mut app = previous_version();
    let mut all = rows(&app.database, "before setup");
    let before = balances(&app);
    assert_eq!(before.len(), all.len());

    app.ctl(&["setup"]).succeeded();

    assert_eq!(balances(&app), before);
    app.ctl(&["check", "--skip-broker"]).succeeded();
    // The worker of the previous version still runs beside the new one.
    all.extend(rows(&app.database, "after setup"));
    app.ctl(&["check", "--skip-broker"]).succeeded();
    check(&mut app, &all);
    let price = format!(
        "SELECT valid_from || ' ' || points AS value FROM product_prices WHERE product_id = {COINS}"
    );
    assert_eq!(app.database.texts(&price), ["-infinity 500"]);
}

#[test]
fn both_versions_refund_one_order_and_the_rest_is_taken() {
    let mut app = previous_version();
    app.ctl(&["setup"]).succeeded();
    // As on a database with events, where the previous version may run for a day.
    app.database.require_proof_from("now() + interval '1 day'");
    let sale = Sale::parse("1000: coins 1000");
    let order = sale.event("order", None);
    app.deliver_bytes(order.to_string().as_bytes());
    app.start_worker();
    app.drain();
    work_before(&app.database, &sale, "refund 400 -200", false);
    let rest = "refund 300 300: partial_refund 300; refund 600 600: reversed 0";
    check(
        &mut app,
        &[Row::of("a share of an order with lines", sale, rest)],
    );
    // What the worker of the previous version reads of a refund.
    let unreadable = "SELECT count(*) AS value FROM reversals \
                      WHERE kind = 'refund' AND amount_minor IS NULL";
    assert_eq!(app.database.number(unreadable), 0);
}

#[test]
fn a_dead_letter_of_the_previous_version_is_replayed_once_its_product_has_a_price() {
    let mut app = previous_version();
    let order = Order::of(LATE, flake());
    let body = String::from_utf8(order.body()).expect("JSON is text");
    let values = format!(
        "'{}', 'ON_ORDER_COMPLETED', 'unknown_product', 'no price', $body${body}$body$::bytea, \
         sha256($body${body}$body$::bytea), 'test', 1767600000000, 1767600000000, 1",
        order.event_id
    );
    as_previous_worker(&app.database, &[("INSERT INTO dead_letters", values)]);
    app.ctl(&["setup"]).succeeded();
    app.set_product(LATE, 70);
    app.start_worker();
    app.note_accepted(&order.event_id.to_string());
    let event_id = order.event_id.to_string();
    let why = ["--by", "anna", "--why", "the price is set", "--yes"];
    app.ctl(&[&["dead", "replay", &event_id], &why[..]].concat())
        .succeeded();
    app.drain();
    assert_eq!(app.balance_of(order.customer_id), 70);
}
