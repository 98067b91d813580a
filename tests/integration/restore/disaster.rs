//! The database loses its disk under load, and the commands of the guide restore everything.

use std::collections::BTreeMap;

use super::guide::commands_under;
use super::paynow::{await_drained, missing, resend_everything};
use super::system::{SPENDER, System};
use crate::harness::eventually;

#[test]
#[ignore = "runs a database server and destroys it: ops/test runs it alone"]
fn a_dump_and_paynows_history_restore_a_lost_database() {
    let system = System::start();
    let model = system.under_load(|| {
        system.await_arrived(150);
        system.spend(300, "before-the-dump");
        let taken = "UPDATE dead_letters SET state = 'replayed' WHERE dead_letter_id = \
                     (SELECT min(dead_letter_id) FROM dead_letters WHERE state = 'open')";
        system.app.database.execute(taken).unwrap();
        system.follow(&["Every day: a dump"]);
        system.await_arrived(150);
        system.spend(200, "after-the-dump");
        system.change_passwords("second");
        let schema = system.schema();
        assert!(schema.contains("CREATE TRIGGER") && schema.contains("TO paynow_worker"));
        system.cluster.lose();
        system.await_accepted(100);
        system.cluster.create();
        system.follow(&["Restore a dump"]);
        assert_eq!(system.schema(), schema);
        system.assert_passwords("second", "first");
        system.await_arrived(100);
    });
    await_drained(&system.app);
    let found = missing(&system.app, &system.history, &["--json"]);
    let lost = found.json()["missing"].as_array().map_or(0, Vec::len);
    println!(
        "{} events, {lost} missing after the restore",
        system.app.accepted_count()
    );
    assert!(lost >= 50, "the dump cannot have had them: {lost}");

    let printed = system.follow(&["Reopen replayed dead letters", "Recover missing events"]);

    assert!(
        printed.contains("UPDATE 1"),
        "the replayed letter is open again"
    );
    await_drained(&system.app);
    // PayNow's history does not contain what was spent after the dump, so the player has it again.
    system.assert_restored(model.clone(), 300);
    resend_everything(&system.app, &system.history);
    system.assert_restored(model, 300);
}

#[test]
#[ignore = "runs a database server and destroys it: ops/test runs it alone"]
fn a_restore_beside_the_damaged_database_brings_back_no_password_and_no_login() {
    let system = System::start();
    let execute = |sql: &str| system.app.database.execute(sql).unwrap();
    execute("CREATE ROLE anna LOGIN PASSWORD 'of-anna' IN ROLE paynow_operator");
    system.follow(&["Every day: a dump"]);
    let roles = std::fs::read_to_string(system.folder.join("roles.sql")).unwrap();
    assert!(roles.contains("CREATE ROLE anna"), "{roles}");
    assert!(!roles.contains("PASSWORD"), "{roles}");
    execute("DROP ROLE anna");
    system.change_passwords("second");
    // The guide reads the passwords of today; a hand that gave an old one is no part of it.
    execute("ALTER ROLE paynow_reader PASSWORD 'forgotten'");

    let printed = system.follow(&["If the damaged database is still there", "Restore a dump"]);

    assert!(!printed.contains("ERROR"), "{printed}");
    system.assert_passwords("second", "first");
    assert!(system.log_in("anna", "of-anna").is_err());
    let logins = "SELECT count(*) AS value FROM pg_roles WHERE rolname = 'anna'";
    assert_eq!(system.app.database.number(logins), 0);
    let databases = system
        .app
        .database
        .texts("SELECT datname AS value FROM pg_database WHERE datname LIKE 'paynow%' ORDER BY 1");
    assert_eq!(databases, ["paynow", "paynow_damaged"]);
    await_drained(&system.app);
    system.assert_restored(BTreeMap::new(), 0);
}

#[test]
#[ignore = "runs a database server and destroys it: ops/test runs it alone"]
fn a_streamed_log_brings_a_lost_database_back_to_its_last_commit() {
    let system = System::start();
    let (backups, archive) = (
        system.cluster.folder("backups"),
        system.cluster.folder("archive"),
    );
    let server = system.cluster.url("postgres").to_string();
    let variables = [
        ("BACKUPS", &*backups),
        ("ARCHIVE", &*archive),
        ("SERVER_URL", &*server),
    ];
    let mut streaming = system
        .cluster
        .start_as_server(&commands_under("Lose nothing: stream the log"), &variables);
    eventually("the log is streamed", || {
        let sql = "SELECT count(*) AS value FROM pg_stat_replication WHERE state = 'streaming'";
        (system.app.database.number(sql) > 0).then_some(())
    });
    let model = system.under_load(|| {
        system.await_arrived(50);
        let turn_on = commands_under("Turn on synchronous commits, and take a base backup");
        system.cluster.run_as_server(&turn_on, &variables);
        let in_sync = "SELECT count(*) AS value FROM pg_stat_replication WHERE sync_state = 'sync'";
        assert_eq!(system.app.database.number(in_sync), 1);
        system.await_arrived(150);
        system.spend(300, "to-the-end");
        let wallet = SPENDER.to_string();
        let correction = ["correct", "--wallet", &wallet, "--points", "-100", "--yes"];
        let note = ["--by", "anna", "--why", "a test"];
        system
            .app
            .ctl(&[&correction[..], &note].concat())
            .succeeded();
        system.cluster.lose();
        system.await_accepted(100);
        streaming.kill().expect("it waits for the server");
        streaming.wait().expect("a child can be waited for");
        let restore = commands_under("Restore to the last commit");
        system.cluster.run_as_server(&restore, &variables);
        system.cluster.launch();
        system.await_arrived(100);
    });
    await_drained(&system.app);
    let replay = [
        "dead",
        "replay",
        "--reason",
        "order_unknown",
        "--yes",
        "--by",
        "a",
        "--why",
        "b",
    ];
    system.app.ctl(&replay);
    system.assert_restored(model, 400);
}
