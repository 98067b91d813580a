//! `paynowctl check --signatures` verifies what is stored with the secrets.

use super::{POINTS, app};
use crate::harness::{Order, Outcome, Program, SECRET, TestApp, flake};
use crate::reversals::refund;

fn check(app: &TestApp) -> Outcome {
    app.ctl(&["check", "--skip-broker", "--signatures", "--json"])
}

/// The row of the signatures, as `status: message`.
fn row(outcome: &Outcome) -> String {
    let rows = outcome.json();
    let rows = rows.as_array().expect("check lists invariants");
    let row = rows.iter().find(|row| row["id"] == "events_are_signed");
    let row = row.expect("the signatures are verified");
    format!("{}: {}", row["status"], row["message"]).replace('"', "")
}

#[test]
fn an_event_that_no_secret_of_ours_signed_is_found_while_its_payload_is_kept() {
    let app = app();
    let order = Order::of(POINTS, flake());
    app.deliver(&order);
    app.drain();
    app.deliver_bytes(&refund(&order, flake(), 1000));
    app.drain();
    let honest = check(&app);
    assert_eq!(honest.code, Some(0), "{honest:?}");
    assert!(row(&honest).starts_with("ok: 2 events"), "{honest:?}");

    let event = order.event_id;
    let forgeries = [
        (
            "signature = sha256('x')",
            "was signed by none of these secrets",
        ),
        (
            "signed_at = signed_at + interval '1 ms'",
            "was signed by none of these secrets",
        ),
        (
            "payload = payload || ' '",
            "has another body than its digest",
        ),
        (
            "payload = payload || ' ', body_sha256 = sha256(payload || ' ')",
            "was signed by none of these secrets",
        ),
        ("event_id = event_id + 1", "has the body of another event"),
        (
            "order_id = order_id + 1",
            "moved points of another order than its body names",
        ),
    ];
    for (forgery, problem) in forgeries {
        let keep = "CREATE TABLE kept AS SELECT * FROM webhook_events";
        let forge = format!("{keep}; UPDATE webhook_events SET {forgery} WHERE event_id = {event}");
        app.database.execute(&forge).expect("a superuser may");
        let found = check(&app);
        assert_eq!(found.code, Some(1), "{forgery}: {found:?}");
        let row = row(&found);
        assert!(
            row.starts_with("failed: ") && row.contains(problem),
            "{forgery}: {row}"
        );
        let back = "DELETE FROM webhook_events; INSERT INTO webhook_events SELECT * FROM kept; DROP TABLE kept";
        app.database.execute(back).expect("a superuser may");
    }

    // The order's lines once more, under keys that its body does not have, with all that accounts for them.
    let again = format!(
        "BEGIN; SET LOCAL session_replication_role = replica; \
         INSERT INTO order_lines SELECT order_id, line_id + 1, product_id, quantity FROM order_lines; \
         INSERT INTO ledger_entries (entry_key, wallet_id, order_id, event_id, kind, points, created_at) \
         SELECT 'order-line:' || substr(entry_key, 12)::bigint + 1, wallet_id, order_id, event_id, kind, \
             points, created_at FROM ledger_entries WHERE event_id = {event}; COMMIT"
    );
    app.database.execute(&again).expect("a superuser may");
    let found = check(&app);
    assert!(
        row(&found).contains("credited other lines than its body has"),
        "{found:?}"
    );
    app.leave_unaudited();
}

#[test]
fn the_signatures_are_verified_only_with_the_secrets_and_by_who_may_read_payloads() {
    let app = app();
    app.deliver(&Order::of(POINTS, flake()));
    app.drain();
    let with_secrets = |signing: &str, retired: &str| {
        let mut variables = app.variables();
        for (name, value) in [
            ("PAYNOW_SIGNING_SECRETS", signing),
            ("PAYNOW_RETIRED_SECRETS", retired),
        ] {
            variables.retain(|(existing, _)| existing != name);
            if !value.is_empty() {
                variables.push((name.to_owned(), value.to_owned()));
            }
        }
        let check = ["check", "--skip-broker", "--signatures", "--json"];
        Program::run("paynowctl", &variables, &check)
    };
    let other = "pn-ffeeddccbbaa99887766554433221100";
    assert!(row(&with_secrets(other, SECRET)).starts_with("ok: 1 events"));
    assert!(row(&with_secrets(other, "")).starts_with("failed: "));
    assert_eq!(with_secrets("", SECRET).code, Some(64));

    let name = app.database.url().path().trim_start_matches('/').to_owned();
    let role = format!("{name}_reads");
    let create = format!("CREATE ROLE {role} LOGIN PASSWORD 'only-here' IN ROLE paynow_reader");
    app.database
        .execute(&create)
        .expect("a superuser makes a role");
    let mut url = app.database.url().clone();
    url.set_username(&role).expect("it has a user");
    url.set_password(Some("only-here"))
        .expect("it has a password");
    let mut variables = app.variables();
    variables.retain(|(name, _)| name != "DATABASE_URL");
    variables.push(("DATABASE_URL".to_owned(), url.to_string()));
    let unread = Program::run(
        "paynowctl",
        &variables,
        &["check", "--skip-broker", "--signatures", "--json"],
    );
    app.database
        .execute(&format!("DROP ROLE {role}"))
        .expect("it owns nothing");
    assert_eq!(
        row(&unread),
        "unknown: this login may not read payloads: use the one that setup uses"
    );
    assert_eq!(unread.code, Some(1), "{unread:?}");
}
