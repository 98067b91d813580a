//! The receiver and the worker with their own logins only.

use std::path::PathBuf;

use super::login::{Login, with};
use super::made::Users;
use crate::harness::{Answer, Order, Program, TestApp, eventually, flake, free_port, try_post};
use crate::reversals::refund;

const POINTS: i64 = 600_000_000_000_000_040;
const UNKNOWN: i64 = 600_000_000_000_000_099;

type Variables = Vec<(String, String)>;

fn start(app: &TestApp, program: &'static str, variables: &[(String, String)]) -> Program {
    let log = format!("{}-privileges-{program}.log", app.broker.vhost());
    let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(log);
    Program::start(program, log, variables)
}

/// A receiver without a database URL, and the URL of its webhooks.
fn receiver(app: &TestApp, users: &Users<'_>) -> (Program, String) {
    let port = free_port();
    let mut variables = with(app.variables(), "DATABASE_URL", None);
    variables = with(variables, "AMQP_MANAGEMENT_URL", None);
    variables = with(variables, "AMQP_URL", Some(users.amqp("receiver").as_str()));
    variables.extend([
        ("RECEIVER_ADDR".to_owned(), format!("127.0.0.1:{port}")),
        (
            "METRICS_ADDR".to_owned(),
            format!("127.0.0.1:{}", free_port()),
        ),
    ]);
    let receiver = start(app, "paynow-receiver", &variables);
    let url = format!("http://127.0.0.1:{port}");
    eventually("the receiver is ready", || {
        let answer = ureq::get(format!("{url}/readyz")).call().ok()?;
        (answer.status() == 200).then_some(())
    });
    (receiver, format!("{url}/webhooks/paynow"))
}

fn worker_variables(app: &TestApp, users: &Users<'_>, login: &Login) -> Variables {
    let mut variables = with(app.variables(), "AMQP_MANAGEMENT_URL", None);
    variables = with(variables, "AMQP_URL", Some(users.amqp("worker").as_str()));
    variables = with(variables, "DATABASE_URL", Some(login.url.as_str()));
    let admin = format!("127.0.0.1:{}", free_port());
    variables.push(("METRICS_ADDR".to_owned(), admin));
    variables
}

/// Whether the process has loaded PostgreSQL's client library.
fn loads_libpq(program: &Program) -> bool {
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", program.pid()));
    maps.expect("the process runs").contains("libpq")
}

#[test]
fn receiver_and_worker_do_all_their_work_with_their_own_logins() {
    let app = TestApp::builder().workers(0).start();
    app.set_product(POINTS, 500);
    let users = Users::for_app(&app);
    let login = Login::with_role(&app, "paynow_worker");
    let (mut receiver, url) = receiver(&app, &users);
    let mut worker = start(
        &app,
        "paynow-worker",
        &worker_variables(&app, &users, &login),
    );
    let buyer = flake();
    let order = Order::of(POINTS, buyer);
    let unpriced = Order::of(UNKNOWN, buyer);

    // One is credited, one dies at once, and one dies after the retry ladder, because its order
    // never comes.
    let bodies = [
        order.body(),
        unpriced.body(),
        refund(&Order::of(POINTS, buyer), flake(), 1000),
    ];
    for body in &bodies {
        let answer: Answer = try_post(&url, body).expect("the receiver answers");
        assert_eq!(answer.status, 202, "{answer:?}");
        app.note_accepted(answer.event_id());
    }
    app.drain();
    let loaded = (loads_libpq(&receiver), loads_libpq(&worker));
    receiver.stop();
    let log = worker.whole_log();

    assert_eq!(app.balance_of(buyer), 500);
    let mut reasons: Vec<String> = app
        .dead_letters()
        .iter()
        .filter_map(|letter| Some(letter.split_once(": ")?.1.to_owned()))
        .collect();
    reasons.sort();
    assert_eq!(reasons, ["order_unknown", "unknown_product"]);
    assert_eq!(log.matches("\"event_deferred\"").count(), 2, "{log}");
    assert_eq!(loaded, (false, true), "receiver and worker, and libpq");
}

/// The exit code and the error output of a program that lacks one of its settings.
fn failed_start(program: &str, variables: &[(String, String)]) -> (Option<i32>, String) {
    let outcome = Program::run(program, variables, &[]);
    (outcome.code, outcome.stdout + &outcome.stderr)
}

#[test]
fn no_program_has_a_default_secret() {
    let app = TestApp::builder().workers(0).start();
    for (program, name) in [
        ("paynow-receiver", "AMQP_URL"),
        ("paynow-receiver", "PAYNOW_SIGNING_SECRETS"),
        ("paynow-worker", "AMQP_URL"),
        ("paynow-worker", "DATABASE_URL"),
        ("paynow-worker", "PAYNOW_SIGNING_SECRETS"),
    ] {
        for value in [None, Some("")] {
            let (code, words) = failed_start(program, &with(app.variables(), name, value));
            assert_eq!(code, Some(64), "{program} without {name}: {words}");
            assert!(words.contains(name), "{program} without {name}: {words}");
        }
    }
    for (arguments, name) in [
        (["check", "--skip-broker"], "DATABASE_URL"),
        (["setup", "--skip-broker"], "DATABASE_URL"),
        (["setup", "--skip-database"], "AMQP_URL"),
        (["send", "--count=1"], "PAYNOW_SIGNING_SECRETS"),
    ] {
        let outcome = Program::run("paynowctl", &with(app.variables(), name, None), &arguments);
        assert_eq!(outcome.code, Some(64), "{arguments:?}: {outcome:?}");
        assert!(outcome.stderr.contains(name), "{outcome:?}");
    }
}
