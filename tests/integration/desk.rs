//! The dead-letter desk, as on-call uses it: what is shown, what is hidden, what is done, and what
//! is recorded of it.

mod corrections;
mod filters;
mod states;

use diesel::connection::SimpleConnection;
use serde_json::{Value, json};

use crate::harness::{Order, PLANTED_EMAIL, PLANTED_NAME, Program, TestApp, eventually, flake};

const KNOWN: i64 = 600_000_000_000_000_040;
const UNKNOWN: i64 = 600_000_000_000_000_099;
const NOTE: [&str; 4] = ["--by", "anna", "--why", "ticket 4711"];

/// A system with letters of three reasons: two orders of another store, an unknown product, and a
/// body that is no JSON.
struct Desk {
    app: TestApp,
    elsewhere: [Order; 2],
    unknown: Order,
    gifted: i64,
    unreadable: String,
}

impl Desk {
    fn start() -> Self {
        let app = TestApp::builder()
            .worker_setting("PAYNOW_STORE_ID", "600000000000000002")
            .start();
        app.set_product(KNOWN, 500);
        let gifted = flake();
        let elsewhere = [
            Order::of(KNOWN, flake()),
            Order::of(KNOWN, flake()).line(KNOWN, 2, Some(gifted)),
        ]
        .map(|order| Order {
            store_id: 3,
            ..order
        });
        let unknown = Order::of(UNKNOWN, flake()).line(KNOWN, 1, None);
        app.deliver(&elsewhere[0]);
        app.deliver(&elsewhere[1]);
        app.deliver(&unknown);
        let unreadable = app.deliver_bytes(b"Zofia\x1b\xff").event_id().to_owned();
        app.drain();
        Self {
            app,
            elsewhere,
            unknown,
            gifted,
            unreadable,
        }
    }

    /// The events that `dead list --each` finds, sorted.
    fn found(&self, filter: &[&str]) -> Vec<String> {
        let listed = self
            .app
            .ctl_json(&[&["dead", "list", "--each"], filter].concat());
        let mut events: Vec<String> = listed
            .as_array()
            .expect("a list")
            .iter()
            .map(|letter| letter["event_id"].as_str().unwrap().to_owned())
            .collect();
        events.sort();
        events
    }

    /// The number of an event's dead letter.
    fn number_of(&self, event: impl ToString) -> String {
        let letter = self.app.ctl_json(&["dead", "show", &event.to_string()]);
        letter["dead_letter_id"].as_str().unwrap().to_owned()
    }

    fn discard(&self, arguments: &[&str]) -> crate::harness::Outcome {
        let arguments = [&["dead", "discard"], arguments, &NOTE].concat();
        self.app.ctl(&arguments)
    }

    fn actions(&self) -> Vec<String> {
        actions(&self.app)
    }
}

/// All recorded operator actions, in order, without the prices that each test sets.
fn actions(app: &TestApp) -> Vec<String> {
    app.database.texts(
        "SELECT concat_ws(' | ', action, operator, why, selection, outcome) AS value \
         FROM operator_actions WHERE action <> 'price' ORDER BY action_id",
    )
}

fn ids<const N: usize>(orders: [&Order; N]) -> Vec<String> {
    let mut ids = orders.map(|order| order.event_id.to_string()).to_vec();
    ids.sort();
    ids
}

#[test]
fn open_letters_are_grouped_by_reason_with_age_and_points_at_stake() {
    let desk = Desk::start();

    let groups = desk.app.ctl_json(&["dead", "list"]);

    let listed: Vec<Value> = groups
        .as_array()
        .expect("a list")
        .iter()
        .map(|group| {
            assert!(group["oldest_age_seconds"].as_i64().unwrap() >= 0);
            assert!(group["newest_at"].as_str().unwrap().ends_with('Z'));
            json!([
                group["reason"],
                group["letters"],
                group["points_at_stake"],
                group["letters_of_unknown_points"],
            ])
        })
        .collect();
    let expected = [
        json!(["malformed", 1, 0, 1]),
        json!(["unknown_product", 1, 0, 1]),
        json!(["wrong_store", 2, 2000, 0]),
    ];
    assert_eq!(listed, expected);
    let human = desk.app.ctl(&["dead", "list"]).succeeded().stdout;
    let row = |reason: &str| human.lines().find(|line| line.starts_with(reason)).unwrap();
    assert!(row("unknown_product").ends_with("unknown"), "{human}");
    assert!(row("wrong_store").ends_with("2000"), "{human}");

    desk.app.set_product(UNKNOWN, 7);
    let groups = desk
        .app
        .ctl_json(&["dead", "list", "--reason", "unknown_product"]);
    assert_eq!(groups[0]["points_at_stake"], 507);
}

#[test]
fn letters_are_found_by_reason_type_wallet_order_time_and_state() {
    let desk = Desk::start();
    let [first, second] = &desk.elsewhere;
    let text = |id: i64| id.to_string();

    assert_eq!(
        desk.found(&["--reason", "wrong_store"]),
        ids([first, second])
    );
    assert_eq!(desk.found(&["--type", "ON_ORDER_COMPLETED"]).len(), 3);
    assert_eq!(
        desk.found(&["--wallet", &text(first.customer_id)]),
        ids([first])
    );
    assert_eq!(desk.found(&["--wallet", &text(desk.gifted)]), ids([second]));
    assert_eq!(
        desk.found(&["--order", &text(desk.unknown.order_id)]),
        ids([&desk.unknown])
    );
    assert_eq!(desk.found(&["--since", "2026-01-01T00:00:00Z"]).len(), 4);
    assert_eq!(
        desk.found(&["--since", "2999-01-01T00:00:00+01:00"]),
        [""; 0]
    );
    assert_eq!(desk.found(&["--older-than", "86400"]), [""; 0]);
    assert_eq!(desk.found(&["--state", "discarded"]), [""; 0]);
    let both = [
        "--wallet",
        &text(first.customer_id),
        "--reason",
        "malformed",
    ];
    assert_eq!(desk.found(&both), [""; 0]);

    desk.discard(&[&text(first.event_id)]).succeeded();
    assert_eq!(desk.found(&["--state", "discarded"]), ids([first]));
    assert_eq!(desk.found(&["--reason", "wrong_store"]), ids([second]));
    assert_eq!(desk.found(&["--state", "all"]).len(), 4);
}

#[test]
fn more_letters_than_are_in_memory_at_once_are_all_counted() {
    let app = TestApp::builder().workers(0).start();
    app.database
        .execute(
            "INSERT INTO dead_letters (event_id, reason, error, body, body_sha256, attempts) \
             SELECT n::text, 'malformed', 'no JSON', '', sha256(n::text::bytea), 1 \
             FROM generate_series(1, 1000) AS n",
        )
        .unwrap();
    assert_eq!(app.ctl_json(&["dead", "list"])[0]["letters"], 1000);
    let few = app.ctl(&["dead", "list", "--each", "--limit", "3"]);
    assert!(few.succeeded().stdout.contains("and 997 more"));
}

#[test]
fn a_letter_is_shown_without_personal_data_unless_it_is_asked_for() {
    let desk = Desk::start();
    let event = desk.unknown.event_id.to_string();
    let shown = |arguments: &[&str]| {
        let outcome = desk.app.ctl(&[&["dead", "show"], arguments].concat());
        outcome.succeeded().stdout
    };

    for masked in [shown(&[&event]), shown(&[&event, "--json"])] {
        for personal in [
            PLANTED_NAME,
            PLANTED_EMAIL,
            "203.0.113.7",
            "PlayerOne",
            "\"PL\"",
        ] {
            assert!(!masked.contains(personal), "{personal} in {masked}");
        }
        let product = UNKNOWN.to_string();
        assert!(
            masked.contains("***") && masked.contains(&product),
            "{masked}"
        );
    }
    for revealed in [
        shown(&[&event, "--reveal"]),
        shown(&[&event, "--reveal", "--json"]),
    ] {
        assert!(revealed.contains(PLANTED_NAME) && revealed.contains(PLANTED_EMAIL));
    }
    let letter = desk.app.ctl_json(&["dead", "show", &event]);
    assert_eq!(letter["reason"], "unknown_product");
    assert_eq!(letter["order_id"], desk.unknown.order_id.to_string());
    assert_eq!(
        letter["wallet_ids"][0],
        desk.unknown.customer_id.to_string()
    );
    assert_eq!(letter["points_at_stake"], Value::Null);
    let by_number = desk.number_of(&event);
    assert_eq!(
        desk.app.ctl_json(&["dead", "show", &by_number])["event_id"],
        event
    );
}

#[test]
fn a_body_that_is_no_json_is_shown_only_when_it_is_asked_for_and_never_raw() {
    let desk = Desk::start();
    let event = desk.unreadable.as_str();

    let hidden = desk.app.ctl_json(&["dead", "show", event]);
    assert_eq!(hidden["body"], Value::Null);
    let human = desk.app.ctl(&["dead", "show", event]).succeeded().stdout;
    assert!(
        human.contains("--reveal") && !human.contains("Zofia"),
        "{human}"
    );
    let revealed = desk.app.ctl_json(&["dead", "show", event, "--reveal"]);
    assert_eq!(revealed["body"], "5a6f6669611bff");
    assert_eq!(revealed["body_form"], "hex");
    assert_eq!(desk.app.ctl(&["dead", "show", "12345"]).code, Some(3));
}

#[test]
fn an_event_with_two_bodies_is_named_by_number() {
    let desk = Desk::start();
    let again = desk.elsewhere[0].clone().quantity(9);
    desk.app.deliver(&again);
    let event = again.event_id.to_string();
    eventually("the other body is a dead letter", || {
        (desk.app.dead_letters().len() == 5).then_some(())
    });

    for outcome in [
        desk.app.ctl(&["dead", "show", &event]),
        desk.discard(&[&event]),
    ] {
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(outcome.stderr.contains("by its number"), "{outcome:?}");
    }
    assert_eq!(desk.app.dead_letters().len(), 5);
}

#[test]
fn a_discarded_letter_is_recorded_with_who_and_why_and_is_not_discarded_twice() {
    let desk = Desk::start();
    let event = desk.unknown.event_id.to_string();
    for incomplete in [
        &["dead", "discard", &event, "--by", "anna"][..],
        &["dead", "discard", &event, "--why", "ticket"],
        &["dead", "discard", &event, "--by", " ", "--why", "ticket"],
        &["dead", "discard", "--by", "anna", "--why", "ticket"],
    ] {
        assert_eq!(desk.app.ctl(incomplete).code, Some(2), "{incomplete:?}");
    }
    assert_eq!(desk.actions(), [""; 0]);
    let number = desk.number_of(&event);

    desk.discard(&[&event]).succeeded();

    let recorded = format!(
        "discard | anna | ticket 4711 | {{\"letters\": [\"{event}\"]}} | \
         {{\"discarded\": 1, \"dead_letter_ids\": [\"{number}\"]}}"
    );
    assert_eq!(desk.actions(), [recorded.as_str()]);
    let letter = desk.app.ctl_json(&["dead", "show", &event]);
    assert_eq!(letter["state"], "discarded");
    assert_eq!(letter["operator_actions"][0]["why"], "ticket 4711");

    let other = desk.elsewhere[0].event_id.to_string();
    let refused = desk.discard(&[&other, &event, "--yes"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("is discarded"), "{refused:?}");
    assert_eq!(desk.discard(&[&other, "12345", "--yes"]).code, Some(3));
    assert_eq!(desk.actions(), [recorded.as_str()]);
    assert_eq!(
        desk.app.dead_letters().len(),
        3,
        "none of them was discarded"
    );
}

#[test]
fn a_selection_is_discarded_only_with_yes() {
    let desk = Desk::start();
    let selection = ["--reason", "wrong_store"];

    let dry = desk.discard(&selection).succeeded().stdout;
    assert!(dry.contains("dry run: 2 dead letters"), "{dry}");
    assert_eq!(
        (desk.app.dead_letters().len(), desk.actions().len()),
        (4, 0)
    );
    desk.discard(&["--reason", "wrong_store", "--yes"])
        .succeeded();

    assert_eq!(desk.app.dead_letters().len(), 2);
    let actions = desk.actions();
    assert_eq!(actions.len(), 1);
    assert!(
        actions[0].contains("{\"reason\": \"wrong_store\"}"),
        "{actions:?}"
    );
    assert_eq!(desk.discard(&selection).code, Some(3), "nothing is left");
    let two = [desk.unreadable.as_str(), &desk.unknown.event_id.to_string()];
    assert!(desk.discard(&two).succeeded().stdout.contains("dry run"));
    assert_eq!(desk.app.dead_letters().len(), 2);
}

#[test]
fn a_discarded_letter_that_dies_again_is_open_again() {
    let desk = Desk::start();
    desk.discard(&[&desk.unknown.event_id.to_string()])
        .succeeded();
    assert_eq!(desk.app.dead_letters().len(), 3);

    desk.app.deliver(&desk.unknown);

    eventually("the letter is open again", || {
        (desk.app.dead_letters().len() == 4).then_some(())
    });
}

#[test]
fn a_letter_that_dies_again_meanwhile_is_not_discarded() {
    let desk = Desk::start();
    let event = desk.unknown.event_id.to_string();
    let mut worker = desk.app.database.connect();
    let dies_again =
        format!("BEGIN; UPDATE dead_letters SET deaths = deaths + 1 WHERE event_id = '{event}'");
    worker.batch_execute(&dies_again).unwrap();
    let variables = desk.app.variables();
    let arguments = [&["dead", "discard", &event], &NOTE[..]].concat();

    let outcome = std::thread::scope(|scope| {
        let discard = scope.spawn(|| Program::run("paynowctl", &variables, &arguments));
        let waiting = "SELECT count(*) AS value FROM pg_stat_activity \
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        eventually("the operator's session waits for the worker's", || {
            (desk.app.database.number(waiting) == 1).then_some(())
        });
        worker.batch_execute("COMMIT").unwrap();
        discard.join().unwrap()
    });

    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("changed meanwhile"), "{outcome:?}");
    assert_eq!(
        (desk.app.dead_letters().len(), desk.actions().len()),
        (4, 0)
    );
}
