//! What is taken for an outage: a database that refuses to write, and not several lanes that wait for one row.

use diesel::connection::SimpleConnection;

use super::{POINTS, PRICE, app_with_wallet, attempts_of, hold, pauses};
use crate::harness::{Order, eventually, flake};

/// The first lane that waits for a row holds its place with a lock that a table's lock could be mistaken for.
#[test]
fn a_wallet_that_several_lanes_wait_for_is_no_locked_table() {
    let (mut app, held) = app_with_wallet();
    app.set_for_workers("WORKER_LANES", "6");
    app.set_for_workers("WORKER_BATCH_MAX", "10");
    app.set_for_workers("WORKER_PREFETCH", "10");
    let mut backend = hold(
        &app,
        &format!("SELECT FROM wallets WHERE wallet_id = {held} FOR UPDATE"),
    );
    let neighbours: Vec<i64> = (0..30).map(|_| flake()).collect();
    for neighbour in &neighbours {
        for _ in 0..4 {
            app.deliver(&Order::of(POINTS, held));
        }
        app.deliver(&Order::of(POINTS, *neighbour));
    }

    for _ in 0..3 {
        app.start_worker();
    }
    eventually("the neighbours are credited", || {
        let mut balances = neighbours.iter().map(|wallet| app.balance_of(*wallet));
        balances.all(|balance| balance == PRICE).then_some(())
    });

    assert_eq!(app.balance_of(held), 1000, "the spend is not committed");
    let paused = app
        .workers
        .iter()
        .filter(|worker| worker.log().contains("\"event\":\"paused\""))
        .count();
    assert_eq!(paused, 0);
    backend.batch_execute("COMMIT").unwrap();
    app.drain();
    // Those that met the lock at the end of the ladder, and no other.
    for letter in app.dead_letters() {
        assert!(letter.ends_with(": wallet_locked"), "{letter}");
    }
    assert_eq!(attempts_of(&app, &neighbours), 1);
}

/// Each session begins well, because the database can be read, and gives its messages back.
#[test]
fn a_database_that_only_refuses_to_write_spends_no_attempt_however_often() {
    let (mut app, _held) = app_with_wallet();
    app.start_worker();
    let paused_before = pauses(&app).unwrap();
    let database = app.database.url().path().trim_start_matches('/');
    let set = |change: &str| {
        let setting = format!("ALTER DATABASE {database} {change}");
        app.database.execute(&setting).expect("the owner may");
    };
    // The test's own session began before, and keeps the setting that it began with.
    set("SET default_transaction_read_only = on");
    let end_others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                      WHERE datname = current_database() AND pid <> pg_backend_pid()";
    app.database.execute(end_others).expect("a superuser may");
    let buyers: Vec<i64> = (0..5).map(|_| flake()).collect();
    for buyer in &buyers {
        app.deliver(&Order::of(POINTS, *buyer));
    }
    eventually("the worker has tried several times", || {
        (pauses(&app)? >= paused_before + 5.0).then_some(())
    });

    set("RESET default_transaction_read_only");
    app.drain();
    assert_eq!(attempts_of(&app, &buyers), 1);
    assert_eq!(app.dead_letters(), Vec::<String>::new());
}
