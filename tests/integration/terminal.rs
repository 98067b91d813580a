//! What others wrote reaches no terminal as it is: every command runs over rows, brokers, servers and
//! arguments that try to move the cursor, fake a row, or turn and hide text.

mod commands;
mod keys;
mod others;
mod plant;

use std::collections::BTreeSet;

use paynow_shared::wire::Headers;

use self::commands::{World, commands, invocations};
use self::others::{hostile_api, hostile_metrics, refusing_server};
use self::plant::{HOSTILE, plant_every_column, plant_rows};
use crate::harness::{Order, Outcome, Program, TestApp, flake};

const POINTS: i64 = 600_000_000_000_000_040;
const UNKNOWN: i64 = 600_000_000_000_000_099;

/// The columns whose text some command shows. Without it, a test over empty outputs would pass.
const SHOWN: [&str; 22] = [
    "console_people.shown_name",
    "customer_identities.external_id",
    "customer_identities.name",
    "customer_identities.platform",
    "dead_letters.error",
    "dead_letters.event_id",
    "dead_letters.event_type",
    "dead_letters.secret_id",
    "ledger_entries.entry_key",
    "operator_actions.operator",
    "operator_actions.why",
    "products.name",
    "spends.login",
    "waiting_events.error",
    "waiting_steps.error",
    "webhook_events.event_type",
    "webhook_events.secret_id",
    "a body in JSON",
    "a body of bytes",
    "a player",
    "a product",
    "an argument",
];

/// Fails when a terminal would obey, or not show, a character of the output, or when a line is not of
/// our making. The letters of names are the only others that a command may show.
#[track_caller]
fn assert_tame(command: &[&str], outcome: &Outcome) {
    for text in [&outcome.stdout, &outcome.stderr] {
        for line in text.split('\n') {
            assert!(!line.starts_with("FAKE"), "{command:?}: {outcome:?}");
            // A letter that shows nothing is none for a reader.
            let is_fine = |letter: char| {
                let is_letter = letter.is_alphabetic() && !"\u{3164}\u{115f}".contains(letter);
                letter == ' ' || letter.is_ascii_graphic() || is_letter
            };
            let wild = line.chars().find(|letter| !is_fine(*letter));
            assert_eq!(wild, None, "{command:?}: {outcome:?}");
        }
    }
    assert!(!outcome.stderr.contains("panicked"), "{outcome:?}");
}

/// An app with rows in every table, all of whose texts are hostile.
fn hostile_app() -> (TestApp, World) {
    let app = TestApp::start();
    app.leave_unaudited();
    app.set_product(POINTS, 500);
    let mut credited = Order::of(POINTS, flake()).json();
    credited["body"]["customer"]["name"] = HOSTILE.into();
    let credited_wallet = credited["body"]["customer"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let credited_event = credited["event_id"].as_str().unwrap().to_owned();
    app.deliver_bytes(credited.to_string().as_bytes());
    let dead: Vec<String> = (0..6).map(|_| die(&app)).collect();
    let bytes = format!("{HOSTILE} of a body of bytes");
    app.deliver_bytes(bytes.as_bytes());
    app.drain();
    let note = ["--by", "anna", "--why", "ticket 4711"];
    let act = |arguments: &[&str]| app.ctl(&[arguments, &note].concat()).succeeded();
    act(&[
        "correct",
        "--points",
        "5",
        "--yes",
        "--wallet",
        &credited_wallet,
    ]);
    act(&["dead", "discard", &dead[0]]);
    let replay = ["dead", "replay", dead[1].as_str(), "--yes"];
    let replayed = app.ctl(&[&replay, &note[..]].concat());
    assert_eq!(replayed.code, Some(1), "it dies again: {replayed:?}");
    let spend = format!("SELECT spend({credited_wallet}, 7, 'order:1')");
    app.database.execute(&spend).unwrap();
    plant_rows(&app, &credited_wallet, &dead[2]);
    let number = |event: &str| {
        let sql =
            format!("SELECT dead_letter_id AS value FROM dead_letters WHERE event_id = '{event}'");
        app.database.number(&sql).to_string()
    };
    let bytes = "SELECT max(dead_letter_id) AS value FROM dead_letters WHERE event_type IS NULL";
    app.broker
        .publish("paynow.unrouted", HOSTILE.as_bytes(), &hostile_headers());
    let world = World {
        wallet: credited_wallet,
        order: credited["body"]["id"].as_str().unwrap().to_owned(),
        credited: credited_event,
        dead: dead[2].clone(),
        acted_on: number(&dead[0]),
        letters: dead[3..].iter().map(|event| number(event)).collect(),
        bytes: app.database.number(bytes).to_string(),
        receiver: refusing_server(),
        metrics: hostile_metrics(),
        page: others::hostile_page(),
        products: others::hostile_products(),
    };
    (app, world)
}

fn hostile_headers() -> Headers {
    Headers {
        secret_id: Some(HOSTILE.to_owned()),
        ..Headers::default()
    }
}

/// Delivers an order that becomes a dead letter, and returns its event id.
fn die(app: &TestApp) -> String {
    let mut order = Order::of(UNKNOWN, flake()).json();
    order["body"]["lines"][0]["product_name"] = format!("{HOSTILE} of a body in JSON").into();
    order["body"]["customer"]["name"] = format!("{HOSTILE} of a player").into();
    app.deliver_bytes(order.to_string().as_bytes());
    order["event_id"].as_str().unwrap().to_owned()
}

#[test]
fn no_command_lets_a_text_of_any_column_act_on_the_terminal() {
    let (app, world) = hostile_app();
    plant_every_column(&app, &world.dead);

    let mut seen = String::new();
    for command in commands(&app) {
        for arguments in invocations(&command.name, &world) {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let outcome = app.ctl(&arguments);
            assert_tame(&arguments, &outcome);
            seen += &format!("{}{}\n", outcome.stdout, outcome.stderr);
            if !command.has_json {
                continue;
            }
            let arguments = [&arguments[..], &["--json"]].concat();
            let outcome = app.ctl(&arguments);
            assert_tame(&arguments, &outcome);
            if !outcome.stdout.is_empty() {
                seen += &outcome.json().to_string();
            }
        }
    }

    let shown: BTreeSet<&str> = SHOWN
        .into_iter()
        .filter(|column| seen.contains(&format!("of {column}")))
        .collect();
    assert_eq!(shown, BTreeSet::from(SHOWN));
}

/// Commands whose output is a document without being asked.
const ALWAYS_A_DOCUMENT: [&str; 1] = ["topology export"];

#[test]
fn every_command_prints_one_document_if_it_is_asked_to() {
    let app = TestApp::builder().workers(0).start();
    let without: Vec<String> = commands(&app)
        .into_iter()
        .filter(|command| !command.has_json)
        .map(|command| command.name)
        .collect();
    assert_eq!(without, ALWAYS_A_DOCUMENT);
}

#[test]
fn what_a_broker_or_a_server_answers_cannot_act_on_the_terminal() {
    let app = TestApp::builder().workers(0).start();
    app.leave_unaudited();
    let with = |name: &str, value: &str| {
        let mut variables = app.variables();
        variables.retain(|(variable, _value)| variable != name);
        variables.push((name.to_owned(), value.to_owned()));
        variables
    };
    let (api, refusing, metrics) = (hostile_api(), refusing_server(), hostile_metrics());
    let top = ["top", "--once", "--interval", "1", "--metrics", &metrics];
    let mut database = app.database.url().clone();
    database.set_username(HOSTILE).unwrap();
    let mut seen = String::new();
    for variables in [
        with("AMQP_MANAGEMENT_URL", &api),
        with("AMQP_MANAGEMENT_URL", &refusing),
        with("DATABASE_URL", database.as_str()),
        with("DATABASE_URL", HOSTILE),
        with("RETRY_LADDER", HOSTILE),
        with("PARTIAL_REFUNDS", HOSTILE),
        with("AMQP_URL", HOSTILE),
    ] {
        for arguments in [
            &["check"][..],
            &["check", "--json"],
            &["setup"],
            &["setup", "--skip-database"],
            &["products", "list"],
            &["dead", "replay", "1", "--by", "a", "--why", "b"],
            &top,
            &[&top[..], &["--json"]].concat(),
        ] {
            let outcome = Program::run("paynowctl", &variables, arguments);
            assert_tame(arguments, &outcome);
            seen += &format!("{}{}\n", outcome.stdout, outcome.stderr);
        }
    }
    for shown in [
        "\\u{202e}",
        "\\u202e",
        "of a node",
        "of a queue",
        "of a reason",
        "of a label",
    ] {
        assert!(seen.contains(shown), "{shown}: {seen}");
    }
}

#[test]
fn what_paynow_answers_cannot_act_on_the_terminal() {
    let app = TestApp::builder().workers(0).start();
    let mut seen = String::new();
    for (url, key) in [
        (others::hostile_shop(), "points"),
        (others::hostile_shop(), HOSTILE),
        (refusing_server(), "points"),
    ] {
        let mut variables = app.variables();
        for (name, value) in [
            ("PAYNOW_API_URL", url.as_str()),
            ("PAYNOW_API_KEY", "pnapi"),
            ("PAYNOW_STORE_ID", "2"),
            ("POINTS_METADATA_KEY", key),
        ] {
            variables.push((name.to_owned(), value.to_owned()));
        }
        let import = [
            "products",
            "import",
            "--from-paynow",
            "--by",
            "a",
            "--why",
            "b",
        ];
        let outcome = Program::run("paynowctl", &variables, &import);
        assert_tame(&import, &outcome);
        seen += &format!("{}{}\n", outcome.stdout, outcome.stderr);
    }
    for shown in ["of a product", "of a reason", "of product 43"] {
        assert!(seen.contains(shown), "{shown}: {seen}");
    }
}

#[test]
fn a_wrong_argument_is_repeated_without_acting_on_the_terminal() {
    let app = TestApp::builder().workers(0).start();
    let option = format!("--{HOSTILE}");
    for arguments in [
        &[HOSTILE][..],
        &[&option],
        &["wallet", HOSTILE],
        &["wallet", "show", HOSTILE],
        &["wallet", "show", "7", HOSTILE],
        &["wallet", "history", "7", "--limit", HOSTILE],
        &["events", "show", HOSTILE],
        &["dead", "list", "--reason", HOSTILE],
        &["dead", "list", "--since", HOSTILE],
        &["top", "--metrics", HOSTILE],
        &["correct", "--key", HOSTILE],
        &["products", "set", HOSTILE, "1"],
        &["products", "set", "1", "1", "--valid-from", HOSTILE],
    ] {
        let outcome = app.ctl(arguments);
        assert_eq!(outcome.code, Some(2), "{arguments:?}: {outcome:?}");
        assert_tame(arguments, &outcome);
        let is_repeated = outcome.stderr.contains("\\u{1b}[2J");
        let is_refused_unread = arguments.contains(&"--key") || arguments.contains(&"--metrics");
        assert!(
            is_repeated || is_refused_unread,
            "{arguments:?}: {outcome:?}"
        );
    }
}

#[test]
fn a_json_document_has_the_texts_as_they_were_stored() {
    let app = TestApp::builder().workers(0).start();
    app.leave_unaudited();
    let why = format!("{HOSTILE} \\u{{202e}} \\u202e \u{e0041} zażółć 👍");
    let wallet = flake().to_string();
    let change = [
        "correct", "--wallet", &wallet, "--points", "5", "--key", "k", "--yes",
    ];
    app.ctl(&[&change[..], &["--by", "anna", "--why", "x"]].concat())
        .succeeded();
    let planted = format!(
        "SET session_replication_role = replica; \
         ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_key_form; \
         UPDATE ledger_entries SET entry_key = 'correction:{why}'; \
         SET session_replication_role = origin"
    );
    app.database.execute(&planted).unwrap();

    let history = ["wallet", "history", &wallet, "--json"];
    let outcome = app.ctl(&history).succeeded();
    assert!(
        !outcome
            .stdout
            .contains(['\u{202e}', '\u{9b}', '\u{e0041}', '\r'])
    );
    assert_eq!(outcome.json()[0]["entry_key"], format!("correction:{why}"));
}
