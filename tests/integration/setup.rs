//! `paynowctl setup`: it can be repeated and run in parallel, and it sets up the committed
//! topology.

mod game_login;

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::harness::{
    Program, Reply, Servers, TestApp, TestBroker, TestDatabase, flake, serve_api,
};

#[test]
fn setup_may_be_repeated_and_reports_that_nothing_was_left_to_do() {
    let app = TestApp::builder().workers(0).start();
    let again = app.ctl(&["setup"]).succeeded().stdout;
    assert!(again.contains("up to date"), "{again}");
    assert!(!again.contains("applied"), "{again}");
}

#[test]
fn many_setups_at_once_all_succeed() {
    let app = TestApp::builder().workers(0).start();
    let codes: Vec<Option<i32>> = std::thread::scope(|scope| {
        let setups: Vec<_> = (0..4)
            .map(|_| {
                let variables = app.variables();
                scope.spawn(move || Program::run("paynowctl", &variables, &["setup"]).code)
            })
            .collect();
        setups
            .into_iter()
            .map(|setup| setup.join().unwrap())
            .collect()
    });
    assert_eq!(codes, [Some(0); 4]);
}

/// A setup of the broker against a management API that answers the first calls with 500 and every later one with 401.
fn setup_where_calls_fail(failing: usize) -> (usize, String) {
    let servers = Servers::of_this_run();
    let calls: &'static AtomicUsize = Box::leak(Box::default());
    let address = serve_api(
        move |_head| match calls.fetch_add(1, Ordering::Relaxed) < failing {
            true => Reply::Status(500),
            false => Reply::Status(401),
        },
    );
    let variables = [
        ("AMQP_URL", servers.amqp.as_str()),
        ("AMQP_MANAGEMENT_URL", address.as_str()),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let outcome = Program::run("paynowctl", &variables, &["setup", "--skip-database"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    (calls.load(Ordering::Relaxed), outcome.stderr)
}

#[test]
fn a_broker_that_fails_by_itself_is_asked_again_and_then_given_up() {
    let (calls, error) = setup_where_calls_fail(3);
    assert_eq!(calls, 4, "{error}");
    assert!(error.contains("does not allow"), "{error}");

    let (calls, error) = setup_where_calls_fail(usize::MAX);
    assert_eq!(calls, 6, "{error}");
    assert!(error.contains("(500)"), "{error}");
}

#[test]
fn the_default_topology_is_the_committed_one_and_the_broker_takes_it_whole() {
    let servers = Servers::of_this_run();
    let name = format!("paynow_topology_{}", flake());
    let broker = TestBroker::new(&servers.amqp, &servers.management, &name);
    let database = TestDatabase::create(&servers.database, &name);
    let variables: Vec<(String, String)> = [
        ("AMQP_URL", broker.url()),
        ("AMQP_MANAGEMENT_URL", &servers.management),
        ("DATABASE_URL", database.url()),
    ]
    .map(|(name, url)| (name.to_owned(), url.to_string()))
    .to_vec();

    Program::run("paynowctl", &variables, &["setup"]).succeeded();
    let exported = Program::run("paynowctl", &variables, &["topology", "export"]).succeeded();
    let committed = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../deploy/rabbitmq/definitions.json"
    ))
    .unwrap();
    let live = broker.get(&format!("definitions/{name}"));
    let (broker_names, committed_json): (_, Value) =
        (names_of(&live), serde_json::from_str(&committed).unwrap());
    broker.drop_it();
    database.drop_it();

    assert_eq!(exported.stdout, committed);
    assert_eq!(broker_names, names_of(&committed_json));
}

/// Every name in a definitions document, by kind, and each policy's content.
fn names_of(definitions: &Value) -> Vec<String> {
    let mut names: Vec<String> = ["exchanges", "queues", "policies"]
        .into_iter()
        .flat_map(|kind| {
            let members = definitions[kind].as_array().expect("a list");
            members.iter().map(move |member| {
                let content = if kind == "queues" {
                    &member["arguments"]
                } else {
                    &member["definition"]
                };
                format!("{kind} {} {content}", member["name"])
            })
        })
        .collect();
    names.sort();
    names
}

#[test]
fn an_index_whose_build_was_interrupted_is_built_again() {
    let app = TestApp::builder().workers(0).start();
    // What a build leaves behind that ends halfway: an index that is not valid, and no record.
    let interrupted = "UPDATE pg_index SET indisvalid = false \
             WHERE indexrelid = 'wallets_balance_idx'::regclass; \
         DELETE FROM __diesel_schema_migrations WHERE version = '20261129000250'";
    app.database.execute(interrupted).unwrap();
    let again = app.ctl(&["setup"]).succeeded().stdout;
    assert!(
        again.contains("applied migration 2026-11-29-000250"),
        "{again}"
    );
    let valid = "SELECT count(*) AS value FROM pg_index \
         WHERE indexrelid = 'wallets_balance_idx'::regclass AND indisvalid";
    assert_eq!(app.database.number(valid), 1);
}
