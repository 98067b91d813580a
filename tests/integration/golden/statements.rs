//! What released workers ask of the schema, statement by statement: each can still be planned with
//! the worker's rights. The newest list is what the worker of today says on the wire.

use std::collections::BTreeSet;
use std::path::Path;

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel::sql_types::{Oid, Text};
use serde_json::{Value, json};

use super::{compare, newest, read, records, versions};
use crate::harness::{
    Order, Program, Recorder, Servers, Statement, TestApp, TestDatabase, eventually, flake,
};

const LIST: &str = "statements.json";
const PRODUCT: i64 = 600_000_000_000_000_040;
const UNKNOWN: i64 = 600_000_000_000_000_099;
/// The last words of a round of housekeeping, and of a survey.
const LAST: [&str; 2] = ["resolve_applied_letters", "FROM ledger_checks"];

#[derive(diesel::QueryableByName)]
struct TypeName {
    #[diesel(sql_type = Text)]
    value: String,
}

/// With the database's own names of the parameters' types.
fn told(statement: &Statement, database: &TestDatabase) -> Value {
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

/// All that a worker does with its database: credits, repeats, reversals, dead letters, a suspect,
/// and what it does beside.
fn work(app: &mut TestApp, recorder: &Recorder) {
    app.set_product(PRODUCT, 500);
    let order = Order::of(PRODUCT, flake());
    app.deliver(&order);
    // Delivered and handed back: a suspect.
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
    app.drain();
    eventually("the worker has looked at everything", || {
        let said = recorder.statements();
        let has = |words: &&str| said.iter().any(|statement| statement.sql.contains(*words));
        LAST.iter().all(has).then_some(())
    });
}

#[test]
fn the_worker_says_what_the_newest_list_has() {
    let mut app = TestApp::builder().workers(0).start();
    let recorder = Recorder::before(app.database.url());
    work(&mut app, &recorder);

    let said: BTreeSet<String> = recorder
        .statements()
        .iter()
        .map(|statement| told(statement, &app.database).to_string())
        .collect();
    let said = said
        .iter()
        .map(|text| serde_json::from_str(text).expect("just written"));
    let said = Value::Array(said.collect());
    let list = newest().join(LIST);
    let recorded = if list.exists() {
        read(&list)
    } else {
        Value::Null
    };
    compare(&list, &recorded, &said);
    assert!(!records(), "recorded: look at what changed");
}

/// Our schema in a database of its own.
fn schema() -> TestDatabase {
    let name = format!("paynow_statements_{}", flake());
    let database = TestDatabase::create(&Servers::of_this_run().database, &name);
    let variables = [("DATABASE_URL".to_owned(), database.url().to_string())];
    Program::run("paynowctl", &variables, &["setup", "--skip-broker"]).succeeded();
    database
}

/// The statements of a version that the schema has no answer to, with its words.
fn unanswered(version: &Path, database: &TestDatabase) -> Vec<String> {
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
        // A generic plan: with values to look at, the planner would leave parts out, and their
        // rights.
        let planned = connection.batch_execute(&format!(
            "BEGIN; SET LOCAL ROLE paynow_worker; SET LOCAL plan_cache_mode = force_generic_plan; \
             PREPARE asked {given} AS {sql}; EXPLAIN EXECUTE asked {nothing}"
        ));
        problems.extend(planned.err().map(|error| format!("{error}: {sql}")));
        connection
            .batch_execute("ROLLBACK; DEALLOCATE ALL")
            .expect("a transaction can be given up");
    }
    problems
}

#[test]
fn the_schema_answers_the_workers_of_every_released_version() {
    let database = schema();
    for version in versions() {
        let problems = unanswered(&version, &database);
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
fn a_schema_that_took_something_away_would_be_seen() {
    let database = schema();
    for taken in [
        "ALTER TABLE orders RENAME COLUMN currency TO money",
        "ALTER TABLE webhook_events DROP COLUMN secret_id",
        "DROP FUNCTION restore_body(text, bytea)",
        "REVOKE SELECT ON ledger_entries FROM paynow_worker",
        "REVOKE EXECUTE ON FUNCTION forget_bodies(integer, integer) FROM paynow_worker",
        "ALTER TABLE suspects RENAME CONSTRAINT suspects_pkey TO suspects_key",
    ] {
        let before = unanswered(&newest(), &database).len();
        database.execute(taken).expect(taken);
        assert!(unanswered(&newest(), &database).len() > before, "{taken}");
    }
    database.drop_it();
}
