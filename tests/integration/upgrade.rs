//! Different versions together: a schema that is newer than the worker, one that is older, and one
//! that changes while orders are credited.

mod dump;
mod lint;
mod previous;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::harness::{Order, TestApp, TestDatabase, eventually, flake, migrations, try_post};

const PRODUCT: i64 = 600_000_000_000_000_040;
const POINTS: i64 = 500;
/// The migration from which on a worker may read which migrations were applied.
const SCHEMA_VERSION: &str = "2026-11-25-000300_schema_version";

/// Changes that the migrations of a later version may make.
const EXPANSIONS: [&str; 7] = [
    "ALTER TABLE webhook_events ADD COLUMN later text",
    "ALTER TABLE ledger_entries ADD COLUMN later bigint DEFAULT 7",
    "ALTER TABLE orders ADD COLUMN later timestamptz NOT NULL DEFAULT now()",
    "ALTER TABLE dead_letters ADD COLUMN later jsonb",
    "ALTER TABLE orders ADD CONSTRAINT orders_later_known CHECK (later IS NOT NULL) NOT VALID",
    "CREATE TABLE later (event_id bigint PRIMARY KEY, noted_at timestamptz NOT NULL DEFAULT now())",
    "CREATE INDEX CONCURRENTLY webhook_events_later_idx ON webhook_events (later)",
];

fn name_of(migration: &Path) -> String {
    let name = migration.file_name().expect("a directory has a name");
    name.to_string_lossy().into_owned()
}

/// The version of a migration, as diesel records it.
fn version_of(migration: &Path) -> String {
    let name = name_of(migration);
    let (version, _what) = name.split_once('_').expect("<date>-<number>_<what>");
    version.replace('-', "")
}

/// Reverts the migrations from the one of this name on, as if they had never been applied.
fn revert_from(database: &TestDatabase, first: &str) {
    let newer = migrations().into_iter().rev();
    for migration in newer.take_while(|migration| *name_of(migration) >= *first) {
        let down = std::fs::read_to_string(migration.join("down.sql")).expect("it has a down.sql");
        let version = version_of(&migration);
        database
            .execute(&format!(
                "BEGIN; SET LOCAL ROLE paynow_owner; {down}; \
                 DELETE FROM __diesel_schema_migrations WHERE version = '{version}'; COMMIT"
            ))
            .expect("a migration can be reverted");
    }
}

/// Checks that a worker that starts before `setup` reports that it waits, and works after `setup`.
fn waits_for_setup(behind_from: &str) {
    let mut app = TestApp::builder().workers(0).start();
    app.set_product(PRODUCT, POINTS);
    revert_from(&app.database, behind_from);
    let order = Order::of(PRODUCT, flake());
    assert!(app.deliver(&order).accepted());

    app.launch_worker();
    eventually("the worker reports that it waits for its schema", || {
        app.worker_admin("/readyz")
            .filter(|(status, text)| *status == 503 && text.contains("schema"))
    });
    let newest = version_of(migrations().last().expect("there is one"));
    app.await_log(&format!(
        "run `paynowctl setup` of this version (migration {newest} is missing)"
    ));
    let pauses = app.worker_metric(r#"paynow_worker_pauses_total{cause="schema"}"#);
    assert!(pauses >= Some(1.0), "{pauses:?}");
    assert_eq!(app.broker.depth("paynow.credits"), 1, "it took a message");

    app.ctl(&["setup"]).succeeded();
    app.drain();
    assert_eq!(app.balance_of(order.customer_id), POINTS);
}

#[test]
fn a_worker_that_is_newer_than_the_schema_waits_for_setup() {
    let newest = migrations().pop().expect("there is one");
    waits_for_setup(&name_of(&newest));
}

#[test]
fn a_worker_waits_for_setup_on_a_schema_without_a_version_too() {
    waits_for_setup(SCHEMA_VERSION);
}

#[test]
fn a_schema_that_grows_under_load_costs_nothing() {
    let mut app = TestApp::builder().workers(2).start();
    app.set_product(PRODUCT, POINTS);
    let customer = flake();
    let enough = AtomicBool::new(false);
    let url = app.webhook_url();
    let load = || {
        let mut sent = Vec::new();
        while !enough.load(Ordering::Relaxed) {
            let order = Order::of(PRODUCT, customer).body();
            // The receiver of a slow machine may answer that it is overloaded, and PayNow sends
            // again too.
            let accepted = eventually("an order is accepted", || {
                let answer = try_post(&url, &order).expect("the receiver answers");
                assert!(answer.accepted() || answer.status == 503, "{answer:?}");
                answer.accepted().then_some(answer)
            });
            sent.push(accepted.event_id().to_owned());
        }
        sent
    };
    let credited = |more: i64| {
        let orders = || app.database.number("SELECT count(*) AS value FROM orders");
        let known = orders();
        eventually("orders are credited", || {
            (orders() >= known + more).then_some(())
        });
    };
    let sent: Vec<String> = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..4).map(|_| scope.spawn(load)).collect();
        for expansion in EXPANSIONS {
            credited(20);
            app.database.execute("SET ROLE paynow_owner").unwrap();
            app.database.execute(expansion).expect(expansion);
            // Migrations that this version does not know do not disturb it.
            app.ctl(&["setup"]).succeeded();
        }
        credited(20);
        enough.store(true, Ordering::Relaxed);
        let sent = senders
            .into_iter()
            .flat_map(|sender| sender.join().unwrap());
        sent.collect()
    });
    sent.iter().for_each(|event| app.note_accepted(event));
    app.drain();

    let orders = i64::try_from(sent.len()).unwrap();
    assert_eq!(app.balance_of(customer), orders * POINTS);
    assert_eq!(app.dead_letters(), [""; 0]);
    // A worker that fails because of the schema pauses, or applies its batch event by event.
    let logs = app.logs();
    for event in ["paused", "batch_redone", "event_dead_lettered"] {
        assert!(!logs.contains(&format!("\"event\":\"{event}\"")), "{event}");
    }
    app.start_worker();
}

#[test]
fn a_setup_that_would_wait_for_a_backup_gives_up_and_delays_nobody() {
    // With one lane, whose connection is open, this worker stands for one of an older version. It uses
    // columns of a newer migration, so `setup` only believes that this migration is missing.
    let app = TestApp::builder()
        .worker_setting("WORKER_LANES", "1")
        .start();
    app.set_product(PRODUCT, POINTS);
    app.deliver(&Order::of(PRODUCT, flake()));
    app.drain();
    let recorded = |change: &str| app.database.execute(change).expect("the owner may");
    recorded("DELETE FROM __diesel_schema_migrations WHERE version = '20261127000200'");
    let mut backup = app.database.connect();
    diesel::connection::SimpleConnection::batch_execute(
        &mut backup,
        "BEGIN; LOCK TABLE dead_letters, webhook_events, ledger_entries IN ACCESS SHARE MODE",
    )
    .expect("a backup reads");

    let refused = app.ctl(&["setup"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("lock timeout"), "{refused:?}");
    let holder = "in use for more than 5 seconds: paynow (process ";
    assert!(refused.stderr.contains(holder), "{refused:?}");
    let order = Order::of(PRODUCT, flake());
    app.deliver(&order);
    app.drain();

    drop(backup);
    recorded("INSERT INTO __diesel_schema_migrations (version) VALUES ('20261127000200')");
    revert_from(&app.database, "2026-11-27-000200_proof");
    app.ctl(&["setup"]).succeeded();
    assert_eq!(app.balance_of(order.customer_id), POINTS);
}
