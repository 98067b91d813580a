//! The statements of released workers: the schema of today can still plan each with the worker's
//! rights. The newest list is recorded from the worker of today.

use std::collections::BTreeSet;
use std::path::Path;

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel::sql_types::{Oid, Text};
use paynow_shared::wire::Headers;
use serde_json::{Value, json};

use super::{compare, is_recording, newest, read, versions};
use crate::harness::{
    Order, Program, Recorder, Servers, Statement, TestApp, TestDatabase, eventually, flake,
};

const LIST: &str = "statements.json";
const PRODUCT: i64 = 600_000_000_000_000_040;
const UNKNOWN: i64 = 600_000_000_000_000_099;
/// Parts of the last statements of a round of housekeeping, of a survey and about a missing proof.
const LAST: [&str; 3] = [
    "resolve_applied_letters",
    "FROM ledger_checks",
    "FROM proof_rule",
];

#[derive(diesel::QueryableByName)]
struct TypeName {
    #[diesel(sql_type = Text)]
    value: String,
}

/// A statement with the database's names of its parameters' types, as JSON.
fn with_type_names(statement: &Statement, database: &TestDatabase) -> Value {
    let mut connection = database.connect();
    let name = |oid: &u32| {
        let asked = diesel::sql_query("SELECT format_type($1, NULL) AS value").bind::<Oid, _>(*oid);
        let name: TypeName = asked
            .get_result(&mut connection)
            .expect("a type has a name");
        name.value
    };
    json!({"sql": statement.sql, "types": statement.types.iter().map(name).collect::<Vec<_>>()})
}

/// Makes a worker do all that it does with its database: credits, repeats, reversals, dead letters,
/// a suspect, a message without proof, housekeeping and a survey.
fn work(app: &mut TestApp, recorder: &Recorder) {
    app.set_product(PRODUCT, 500);
    let order = Order::of(PRODUCT, flake());
    app.deliver(&order);
    // A message that was delivered and returned is a suspect.
    app.broker.fail_a_delivery("paynow.credits");
    app.broker.fail_a_delivery("paynow.credits");
    app.start_worker_with("DATABASE_URL", recorder.url().as_str());
    app.drain();
    app.deliver(&order.retold());
    app.deliver(&Order::of(PRODUCT, flake()));
    app.deliver(&Order::of(UNKNOWN, flake()));
    let refund = json!({
        "event_type": "ON_REFUND", "event_id": flake().to_string(), "body": {
            "id": flake().to_string(), "order_id": order.order_id.to_string(),
            "status": "completed", "store_refund_amount": 500,
        },
    });
    app.deliver_bytes(refund.to_string().as_bytes());
    // A message without a signature that says that a person vouched for it.
    let vouched = Headers {
        replay: Some(1),
        ..Headers::default()
    };
    app.broker.publish("paynow.credits", b"no event", &vouched);
    app.drain();
    eventually(
        "the worker has done its housekeeping and its survey",
        || {
            let statements = recorder.statements();
            let has = |words: &&str| {
                statements
                    .iter()
                    .any(|statement| statement.sql.contains(*words))
            };
            LAST.iter().all(has).then_some(())
        },
    );
}

#[test]
fn the_worker_sends_the_statements_of_the_newest_list() {
    let mut app = TestApp::builder().workers(0).start();
    let recorder = Recorder::before(app.database.url());
    work(&mut app, &recorder);

    let sent: BTreeSet<String> = recorder
        .statements()
        .iter()
        .map(|statement| with_type_names(statement, &app.database).to_string())
        .collect();
    let sent = sent
        .iter()
        .map(|text| serde_json::from_str(text).expect("just written"));
    let sent = Value::Array(sent.collect());
    let list = newest().join(LIST);
    let recorded = if list.exists() {
        read(&list)
    } else {
        Value::Null
    };
    compare(&list, &recorded, &sent);
    assert!(!is_recording(), "recorded: check what changed");
}

/// A database with our schema.
fn schema() -> TestDatabase {
    let name = format!("paynow_statements_{}", flake());
    let database = TestDatabase::create(&Servers::of_this_run().database, &name);
    let variables = [("DATABASE_URL".to_owned(), database.url().to_string())];
    Program::run("paynowctl", &variables, &["setup", "--skip-broker"]).succeeded();
    database
}

/// The statements of a version that the schema cannot plan, with the database's errors.
fn unplannable(version: &Path, database: &TestDatabase) -> Vec<String> {
    let list = read(&version.join(LIST));
    let statements = list.as_array().expect("a list");
    assert!(statements.len() > 15, "{}", version.display());
    let mut connection = database.connect();
    let mut problems = Vec::new();
    for statement in statements {
        let sql = statement["sql"].as_str().expect("a text");
        let types = statement["types"].as_array().expect("a list");
        let names: Vec<&str> = types.iter().filter_map(Value::as_str).collect();
        let (given, nothing) = match names.len() {
            0 => (String::new(), String::new()),
            count => (
                format!("({})", names.join(",")),
                format!("({})", vec!["NULL"; count].join(",")),
            ),
        };
        // A generic plan: with values, the planner could leave out parts and their rights.
        let planned = connection.batch_execute(&format!(
            "BEGIN; SET LOCAL ROLE paynow_worker; SET LOCAL plan_cache_mode = force_generic_plan; \
             PREPARE asked {given} AS {sql}; EXPLAIN EXECUTE asked {nothing}"
        ));
        problems.extend(planned.err().map(|error| format!("{error}: {sql}")));
        connection
            .batch_execute("ROLLBACK; DEALLOCATE ALL")
            .expect("a transaction can be rolled back");
    }
    problems
}

#[test]
fn the_schema_answers_the_workers_of_every_released_version() {
    let database = schema();
    for version in versions() {
        let problems = unplannable(&version, &database);
        assert!(
            problems.is_empty(),
            "{}:\n{}",
            version.display(),
            problems.join("\n")
        );
    }
    database.drop_it();
}

#[test]
fn a_schema_that_removes_something_is_found() {
    let database = schema();
    for taken in [
        "ALTER TABLE orders RENAME COLUMN currency TO money",
        "ALTER TABLE webhook_events DROP COLUMN secret_id",
        "DROP FUNCTION is_vouched(bigint, bytea)",
        "REVOKE SELECT ON ledger_entries FROM paynow_worker",
        "REVOKE EXECUTE ON FUNCTION forget_bodies(integer, integer) FROM paynow_worker",
        "ALTER TABLE suspects RENAME CONSTRAINT suspects_pkey TO suspects_key",
    ] {
        let before = unplannable(&newest(), &database).len();
        database.execute(taken).expect(taken);
        assert!(unplannable(&newest(), &database).len() > before, "{taken}");
    }
    database.drop_it();
}
