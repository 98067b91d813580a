//! Who a customer is in games: what orders tell of it is recorded, costs no credit, is filled in from older
//! payloads, and is forgotten after its time or when a person asks.

mod about;
mod forget;
mod lookup;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use paynow_shared::identity::external_id;
use serde_json::{Value, json};

use crate::harness::{Order, TestApp, eventually, flake};
use crate::locked::attempts_of;

const POINTS: i64 = 600_000_000_000_000_040;
const PRICE: i64 = 500;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const UUID: &str = "069a79f4-44e9-4726-a5be-fca90e38aaf5";

/// An event id that PayNow would have made so many milliseconds ago.
fn flake_of_ago(ago_ms: i64) -> i64 {
    flake() - (ago_ms << 22)
}

/// A paid order whose customer is this, made so long ago.
fn order_by(customer: &Value, ago_ms: i64) -> Value {
    let mut order = Order {
        event_id: flake_of_ago(ago_ms),
        ..Order::of(POINTS, flake())
    }
    .json();
    order["body"]["customer"] = customer.clone();
    order
}

fn player(wallet: i64, name: &str) -> Value {
    json!({"id": wallet.to_string(), "minecraft": {"id": UUID, "name": name}})
}

fn tell(app: &TestApp, order: &Value) {
    assert!(app.deliver_bytes(order.to_string().as_bytes()).accepted());
    app.drain();
}

/// Every identity, with how old both times are in days.
fn known(app: &TestApp) -> Vec<String> {
    app.database.texts(
        "SELECT concat_ws(' ', wallet_id, platform, external_id, name, \
             extract(day FROM now() - first_seen_at), extract(day FROM now() - last_seen_at)) AS value \
         FROM customer_identities ORDER BY 1",
    )
}

fn hold(app: &TestApp, statements: &str) -> PgConnection {
    let mut connection = app.database.connect();
    connection
        .batch_execute(&format!("BEGIN; {statements}"))
        .unwrap();
    connection
}

fn app_with_product() -> TestApp {
    let app = TestApp::start();
    app.set_product(POINTS, PRICE);
    app
}

#[test]
fn orders_tell_who_the_buyer_and_the_receiver_of_a_gift_are() {
    let app = app_with_product();
    let (buyer, friend) = (flake(), flake());
    let mut order = order_by(&player(buyer, "Steve"), 0);
    order["body"]["lines"][0]["gift_to_customer"] = json!({"id": friend.to_string(), "name": "Alex",
        "steam": {"id": "76561198000000001"}, "profile": {"id": "253", "platform": "Xbox", "name": "Al"}});
    tell(&app, &order);
    let mut expected = [
        format!("{buyer} minecraft {UUID} Steve 0 0"),
        format!("{friend} steam 76561198000000001 Alex 0 0"),
        format!("{friend} xbox 253 Al 0 0"),
    ];
    expected.sort();
    assert_eq!(known(&app), expected);
    assert_eq!(app.balance_of(friend), PRICE);

    // An order that is refused tells nothing.
    let mut refused = order_by(&player(flake(), "Eve"), 0);
    refused["body"]["lines"][0]["product_id"] = json!("99");
    tell(&app, &refused);
    assert_eq!(known(&app), expected);
}

#[test]
fn the_newest_name_stays_and_a_customer_who_orders_all_day_costs_no_write() {
    let app = app_with_product();
    let wallet = flake();
    let is = |name: &str, first: i64, last: i64| {
        let row = format!("{wallet} minecraft {UUID} {name} {first} {last}");
        assert_eq!(known(&app), [row]);
    };
    let tell = |name: &str, ago_ms: i64| tell(&app, &order_by(&player(wallet, name), ago_ms));
    let hour = DAY_MS / 24;
    tell("Old", 5 * DAY_MS + hour);
    is("Old", 5, 5);
    tell("New", 2 * DAY_MS + hour);
    is("New", 5, 2);
    tell("Old", 3 * DAY_MS + hour);
    is("New", 5, 2);
    tell("Oldest", 9 * DAY_MS + hour);
    is("New", 9, 2);
    tell("New", hour);
    is("New", 9, 0);

    let writer = "SELECT xmin::text AS value FROM customer_identities";
    let written_by = app.database.texts(writer);
    tell("New", 0);
    assert_eq!(app.database.texts(writer), written_by, "it was written");
    tell("Renamed", 0);
    is("Renamed", 9, 0);
}

#[test]
fn an_identity_that_somebody_holds_costs_no_credit() {
    let app = app_with_product();
    let (held, new) = (flake(), flake());
    tell(&app, &order_by(&player(held, "Steve"), 2 * DAY_MS));
    for holding in [
        format!(
            "INSERT INTO customer_identities VALUES ({new}, 'minecraft', '{UUID}', 'X', now(), now())"
        ),
        "UPDATE customer_identities SET name = 'Held'".to_owned(),
        "LOCK TABLE customer_identities IN ACCESS EXCLUSIVE MODE".to_owned(),
    ] {
        let mut holder = hold(&app, &holding);
        for wallet in [held, new] {
            tell(&app, &order_by(&player(wallet, "Alex"), 0));
        }
        holder.batch_execute("ROLLBACK").unwrap();
    }
    assert_eq!(
        (app.balance_of(held), app.balance_of(new)),
        (4 * PRICE, 3 * PRICE)
    );
    assert_eq!(attempts_of(&app, &[held, new]), 1);
    assert_eq!(app.dead_letters(), [""; 0]);
    app.await_log(r#""event":"identities_not_recorded""#);
    // What was passed over is told again by the next order.
    tell(&app, &order_by(&player(held, "Alex"), 0));
    assert_eq!(known(&app).len(), 2);
    assert!(known(&app)[0].contains("Alex"), "{:?}", known(&app));
}

/// Customers that a shop could send, of which each is credited whatever it is.
fn customers() -> Vec<Value> {
    let long = "ż".repeat(300);
    let profile = |id: Value, platform: Value| json!({"id": id, "platform": platform, "name": "P"});
    let mut customers = vec![
        json!({"name": long, "minecraft": {"id": "069A79F444E94726A5BEFCA90E38AAF5", "name": long}}),
        json!({"name": " \u{1b}[2JZo\u{9b}fia\u{7f} ", "steam": {"id": " 76561198000000001\n"}}),
        json!({"name": "\t", "steam": {"id": "", "name": "x"}}),
        json!({"name": ["Zofia"], "minecraft": {"id": {"id": 7}}, "steam": [UUID]}),
        json!({"name": 7, "minecraft": {"id": 2_535_428_504_476_914_i64, "name": {}}, "steam": "x"}),
        json!({"minecraft": {"id": "Offline_Name", "name": "Offline_Name"}}),
        json!({"minecraft": {"id": long}}),
        json!({"minecraft": {"id": "069a79f4-44e9-4726-a5befca90e38aaf5"}}),
    ];
    for platform in [
        json!("Geyser"),
        json!("name"),
        json!("x y"),
        json!(null),
        json!(7),
    ] {
        customers.push(json!({"name": "Z", "profile": profile(json!("17"), platform)}));
    }
    for id in [json!(-7), json!(1.5), json!("7'; DROP"), json!(false)] {
        customers.push(json!({"name": "Z", "profile": profile(id, json!("hytale"))}));
    }
    customers
}

/// An app in which hostile customers have ordered, and what is known of them.
fn app_with_hostile_customers() -> (TestApp, Vec<String>) {
    let app = app_with_product();
    for mut customer in customers() {
        let wallet = flake();
        customer["id"] = json!(wallet.to_string());
        let order = order_by(&customer, 3 * DAY_MS);
        assert!(app.deliver_bytes(order.to_string().as_bytes()).accepted());
    }
    app.drain();
    let wallets = "SELECT count(*) AS value FROM wallets WHERE balance = 500";
    let customers = i64::try_from(customers().len()).unwrap();
    assert_eq!(app.database.number(wallets), customers);
    let known = known(&app);
    assert_eq!(known.len(), 14, "{known:#?}");
    (app, known)
}

#[test]
fn older_payloads_are_read_as_the_worker_reads_new_ones() {
    let (mut app, told) = app_with_hostile_customers();
    app.workers.remove(0).stop();
    let sql = |sql: &str| app.database.execute(sql).unwrap();
    sql("TRUNCATE customer_identities");
    // Not JSON, and JSON that the database cannot hold. The newest event is left: it is the last to be read.
    for payload in [
        r"'\xff'",
        r#"'{"body":{"customer":{"id":"7","name":"\\u0000"}}}'"#,
    ] {
        sql(&format!(
            "INSERT INTO webhook_events (event_id, event_type, outcome, order_id, body_sha256, payload, attempts) \
             SELECT max(event_id) - 1, 'ON_ORDER_COMPLETED', 'already_credited', max(order_id), \
                 sha256({payload}::bytea), {payload}::bytea, 1 FROM webhook_events \
             WHERE octet_length(payload) > 100"
        ));
        sql("UPDATE webhook_events SET event_id = event_id - 5 WHERE octet_length(payload) < 100");
    }
    sql("UPDATE upgrade_rule SET identities_filled_to = 0, identities_filled_until = now()");

    app.start_worker();
    eventually("all payloads were read", || {
        let left = "SELECT count(identities_filled_to) AS value FROM upgrade_rule";
        (app.database.number(left) == 0).then_some(())
    });
    assert_eq!(known(&app), told);
    app.await_log(r#""event":"identities_filled""#);
    app.leave_unaudited();
}

#[test]
fn a_new_system_has_nothing_to_fill_in() {
    let app = TestApp::builder().workers(0).start();
    let left = "SELECT count(identities_filled_to) AS value FROM upgrade_rule";
    assert_eq!(app.database.number(left), 0);
}

#[test]
fn the_database_and_the_programs_agree_on_the_form_of_an_id() {
    let app = TestApp::builder().workers(0).start();
    let long = "7".repeat(101);
    for text in [
        UUID,
        "069A79F444E94726A5BEFCA90E38AAF5",
        " 069a79f4-44e9-4726-A5BE-fca90e38aaf5\u{85}",
        "069a79f4-44e9-4726-a5befca90e38aaf5",
        "{069a79f4-44e9-4726-a5be-fca90e38aaf5}",
        "76561198000000001",
        "Steve_1",
        "\u{a0}x",
        " \t ",
        &long,
    ] {
        let form = app.database.texts(&format!(
            "SELECT coalesce(normal_external_id('{text}'), 'none') AS value"
        ));
        let expected = external_id(text).unwrap_or_else(|| "none".to_owned());
        assert_eq!(form, [expected], "{text:?}");
    }
}

#[test]
fn identities_are_forgotten_after_their_time_in_bounded_pieces() {
    let mut app = TestApp::builder()
        .workers(0)
        .worker_setting("IDENTITY_RETENTION_DAYS", "100")
        .start();
    let seen = |days: i64, count: i64| {
        let rows = format!(
            "INSERT INTO customer_identities \
             SELECT {days} * 10000 + n, 'steam', n, 'Zofia', now() - interval '200 days', \
                 now() - interval '{days} days' FROM generate_series(1, {count}) AS n"
        );
        app.database.execute(&rows).unwrap();
    };
    seen(101, 2_500);
    seen(99, 300);
    // Each transaction leaves one row here.
    app.database
        .execute(
            "CREATE TABLE pieces (size bigint); \
             CREATE FUNCTION count_piece() RETURNS trigger LANGUAGE plpgsql AS \
                 'BEGIN INSERT INTO pieces SELECT count(*) FROM gone; RETURN NULL; END'; \
             CREATE TRIGGER count_piece AFTER DELETE ON customer_identities \
                 REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION count_piece(); \
             ALTER FUNCTION count_piece() SECURITY DEFINER",
        )
        .unwrap();
    app.start_worker();
    let left = "SELECT count(*) AS value FROM customer_identities";
    eventually("the old ones are gone", || {
        (app.database.number(left) == 300).then_some(())
    });
    let pieces = "SELECT size::text AS value FROM pieces WHERE size > 0 ORDER BY size";
    assert_eq!(app.database.texts(pieces), ["500", "1000", "1000"]);
    let by_hand = "SELECT forget_identities(0, 1000) AS value";
    assert_eq!(
        app.database.number(by_hand),
        300,
        "they are older than a day"
    );
}
