//! Messages from before there were signatures: they are let through until `required_from`.

use super::{POINTS, app, assert_unsigned, proofs, unsigned};
use crate::harness::{Order, SECRET, eventually, flake, signed_headers};
use paynow_shared::wire::Headers;

#[test]
fn old_messages_are_let_through_until_the_time_of_the_rule_and_never_with_a_wrong_signature() {
    let app = app();
    app.database.require_proof_from("now() + interval '1 hour'");
    let old = Order::of(POINTS, flake());
    app.broker
        .publish("paynow.credits", &old.body(), &unsigned());
    eventually("the old message is credited", || {
        (app.balance_of(old.customer_id) == 500).then_some(())
    });
    assert_eq!(proofs(&app), ["-"]);
    let forged = Order::of(POINTS, flake());
    let wrong = signed_headers("pn-of-an-attacker", &forged.body());
    app.broker.publish("paynow.credits", &forged.body(), &wrong);
    assert_unsigned(&app, &forged);
    let malformed = Order::of(POINTS, flake());
    let wrong = Headers {
        signature: Some(String::new()),
        ..signed_headers(SECRET, b"")
    };
    app.broker
        .publish("paynow.credits", &malformed.body(), &wrong);
    assert_unsigned(&app, &malformed);
    let until = app.ctl(&["setup"]).succeeded().stdout;
    assert!(until.contains("applied until 20"), "{until}");

    app.database.require_proof_from("now()");
    let late = Order::of(POINTS, flake());
    app.broker
        .publish("paynow.credits", &late.body(), &unsigned());
    assert_unsigned(&app, &late);
}

#[test]
fn a_new_database_requires_a_proof_at_once_and_one_with_events_after_a_day() {
    let app = app();
    let now = "SELECT count(*) AS value FROM proof_rule WHERE required_from <= now()";
    assert_eq!(app.database.number(now), 1);
    app.deliver(&Order::of(POINTS, flake()));
    app.drain();
    let migration = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../migrations/2026-11-27-000200_proof/"
    );
    for script in ["down.sql", "up.sql"] {
        let sql = std::fs::read_to_string(format!("{migration}{script}")).expect("it exists");
        let as_owner = format!("SET ROLE paynow_owner; {sql}; RESET ROLE");
        app.database.execute(&as_owner).expect("it runs");
    }
    let a_day = "SELECT (extract(epoch FROM required_from - now()) / 60)::bigint AS value \
                 FROM proof_rule";
    assert!((1430..=1440).contains(&app.database.number(a_day)));
}

#[test]
fn the_check_finds_points_that_came_without_a_proof() {
    let app = app();
    app.database.require_proof_from("now() + interval '1 hour'");
    let order = Order::of(POINTS, flake());
    app.broker
        .publish("paynow.credits", &order.body(), &unsigned());
    eventually("the old message is credited", || {
        (app.balance_of(order.customer_id) == 500).then_some(())
    });
    let check = || app.ctl(&["check", "--skip-broker"]);
    check().succeeded();
    app.database.require_proof_from("now() - interval '1 hour'");
    let failed = check();
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(
        failed.stdout.contains("credited_events_have_proof"),
        "{failed:?}"
    );
    app.database
        .execute("SELECT check_ledger(0)")
        .expect("the worker's check runs");
    let found = "SELECT violations AS value FROM ledger_checks \
                 WHERE check_id = 'credited_events_have_proof'";
    assert_eq!(app.database.number(found), 1);
    app.leave_unaudited();
}
