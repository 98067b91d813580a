//! A dead letter is resolved automatically when another copy of its event was applied.

use serde_json::json;

use crate::harness::{Order, Outcome, Program, TestApp, eventually, flake};

const POINTS: i64 = 600_000_000_000_000_040;
const PRICE: i64 = 500;

/// Every letter as `state: resolution`.
fn letters(app: &TestApp) -> Vec<String> {
    app.database.texts(
        "SELECT state || ': ' || coalesce(resolution, '-') AS value FROM dead_letters \
         ORDER BY dead_letter_id",
    )
}

fn stop_workers(app: &mut TestApp) {
    app.workers.iter_mut().for_each(Program::stop);
    app.workers.clear();
}

/// An order that is credited after a copy of it had died.
fn dead_and_then_applied(app: &TestApp) -> Order {
    let order = Order::of(POINTS, flake());
    app.deliver(&order);
    app.drain();
    app.set_product(POINTS, PRICE);
    app.deliver(&order);
    eventually("the event is credited", || {
        (app.balance_of(order.customer_id) == PRICE).then_some(())
    });
    order
}

#[test]
fn a_copy_that_dies_after_another_was_applied_is_filed_as_resolved() {
    let app = TestApp::start();
    app.set_product(POINTS, PRICE);
    let order = Order::of(POINTS, flake());
    app.deliver(&order);
    app.drain();

    for deaths in 1..=2 {
        let body = order.json().to_string();
        app.broker.publish_bare("paynow.credits.dead", &body);
        eventually("the copy is a dead letter", || {
            let sum = "SELECT coalesce(sum(deaths), 0) AS value FROM dead_letters";
            (app.database.number(sum) == deaths).then_some(())
        });
        assert_eq!(letters(&app), ["resolved: applied_by_another_copy"]);
    }

    let event = order.event_id.to_string();
    for shown in [["dead", "show", &event], ["events", "show", &event]] {
        let shown = app.ctl(&shown).succeeded().stdout;
        let why = "its event was applied by another copy of the message";
        assert!(shown.contains(why), "{shown}");
    }
    let shown = app.ctl_json(&["dead", "show", &event]);
    assert_eq!(shown["resolution"], "applied_by_another_copy");
    assert_eq!(app.balance_of(order.customer_id), PRICE);
}

#[test]
fn a_letter_whose_event_is_applied_later_is_resolved_and_a_conflict_stays_open() {
    let mut app = TestApp::start();
    let order = dead_and_then_applied(&app);
    let forged = Order {
        event_id: order.event_id,
        ..Order::of(POINTS, flake())
    };
    app.deliver(&forged);
    app.drain();
    let other = Order::of(POINTS + 9, flake());
    app.deliver(&other);
    app.drain();
    // Event ids that are no numbers, or no PayNow ids, must not break the search, which expects
    // numbers.
    app.database
        .execute(
            "INSERT INTO dead_letters (event_id, reason, error, body, body_sha256, attempts) \
             SELECT id, 'malformed', 'no JSON', '', sha256(''), 1 \
             FROM unnest(ARRAY['9999999999999999999', '', '0', repeat('9', 64)]) AS id",
        )
        .unwrap();

    app.start_worker();
    // One statement checks all of these letters, so the others have been checked as well.
    let mut expected = vec!["resolved: applied_by_another_copy".to_owned()];
    expected.resize(7, "open: -".to_owned());
    eventually("the letter is resolved, and no other", || {
        (letters(&app) == expected).then_some(())
    });
    let open = app.dead_letters();
    for letter in [
        format!("{}: conflict", order.event_id),
        format!("{}: unknown_product", other.event_id),
    ] {
        assert!(open.contains(&letter), "{letter} is not in {open:?}");
    }
    assert_eq!(app.balance_of(forged.customer_id), 0);
}

#[test]
fn a_letter_of_an_abandoned_replay_is_resolved() {
    let mut app = TestApp::start();
    let order = Order::of(POINTS, flake());
    app.deliver(&order);
    app.drain();
    app.set_product(POINTS, PRICE);
    // The state that a replay leaves behind when its operator aborts it.
    app.database
        .execute("UPDATE dead_letters SET state = 'replayed'")
        .unwrap();
    app.deliver(&order);
    eventually("the event is credited", || {
        (app.balance_of(order.customer_id) == PRICE).then_some(())
    });

    app.start_worker();
    eventually("the letter is resolved", || {
        (letters(&app) == ["resolved: applied_after_replay"]).then_some(())
    });
}

fn discard(app: &TestApp, letter: &str) {
    let note = ["--by", "anna", "--why", "a test"];
    app.ctl(&[&["dead", "discard", letter][..], &note].concat())
        .succeeded();
}

#[test]
fn a_discarded_letter_whose_event_is_applied_is_resolved_and_tells_who_discarded_it() {
    let mut app = TestApp::start();
    let order = Order::of(POINTS, flake());
    app.deliver(&order);
    app.drain();
    let event = order.event_id.to_string();
    discard(&app, &event);
    app.set_product(POINTS, PRICE);
    app.deliver(&order);
    eventually("the event is credited", || {
        (app.balance_of(order.customer_id) == PRICE).then_some(())
    });
    // Another body under the same id is not what was applied.
    let forged = Order {
        event_id: order.event_id,
        ..Order::of(POINTS, flake())
    };
    app.deliver(&forged);
    let conflict = format!("{}: conflict", order.event_id);
    eventually("the other body is a dead letter", || {
        app.dead_letters().contains(&conflict).then_some(())
    });
    discard(
        &app,
        &app.database
            .texts("SELECT max(dead_letter_id)::text AS value FROM dead_letters")[0],
    );

    app.start_worker();
    eventually("the letter is resolved, and the conflict is not", || {
        let expected = ["resolved: applied_by_another_copy", "discarded: -"];
        (letters(&app) == expected).then_some(())
    });
    let first = app.database.texts(
        "SELECT dead_letter_id::text AS value FROM dead_letters ORDER BY dead_letter_id LIMIT 1",
    );
    let shown = app.ctl_json(&["dead", "show", &first[0]]);
    assert_eq!(shown["operator_actions"][0]["operator"], "anna");
    assert_eq!(app.balance_of(forged.customer_id), 0);
}

#[test]
fn a_letter_that_is_discarded_after_its_event_was_applied_is_resolved() {
    let mut app = TestApp::start();
    let order = dead_and_then_applied(&app);
    // The worker's housekeeping comes once a minute, so the letter is still open.
    discard(&app, &order.event_id.to_string());

    app.start_worker();
    eventually("the letter is resolved", || {
        (letters(&app) == ["resolved: applied_by_another_copy"]).then_some(())
    });
}

#[test]
fn a_settled_letter_that_dies_again_is_filed_by_whether_its_event_was_applied() {
    let app = TestApp::start();
    let order = Order::of(POINTS, flake());
    let dies = |deaths: i64| {
        let body = order.json().to_string();
        app.broker.publish_bare("paynow.credits.dead", &body);
        eventually("the copy is a dead letter", || {
            let sum = "SELECT coalesce(sum(deaths), 0) AS value FROM dead_letters";
            (app.database.number(sum) == deaths).then_some(())
        });
    };
    dies(1);
    discard(&app, &order.event_id.to_string());
    dies(2);
    assert_eq!(letters(&app), ["open: -"]);

    discard(&app, &order.event_id.to_string());
    app.set_product(POINTS, PRICE);
    app.deliver(&order);
    // The dead letter accounts for the event already, so an empty account proves nothing here.
    eventually("the event is applied", || {
        (app.balance_of(order.customer_id) == PRICE).then_some(())
    });
    for deaths in 3..=4 {
        dies(deaths);
        assert_eq!(letters(&app), ["resolved: applied_by_another_copy"]);
    }
    assert_eq!(app.balance_of(order.customer_id), PRICE);
}

#[test]
fn a_replay_copies_and_housekeeping_at_once_credit_once_and_leave_nothing_open() {
    let mut app = TestApp::builder().workers(2).start();
    let orders: Vec<Order> = (0..40).map(|_| Order::of(POINTS, flake())).collect();
    for order in &orders {
        app.deliver(order);
    }
    app.drain();
    app.set_product(POINTS, PRICE);

    let url = app.webhook_url();
    let variables = app.variables();
    let replayed: Outcome = std::thread::scope(|scope| {
        let replay = scope.spawn(|| {
            let arguments = [
                "dead",
                "replay",
                "--reason",
                "unknown_product",
                "--rate",
                "20",
                "--yes",
                "--by",
                "anna",
                "--why",
                "price is known",
                "--json",
            ];
            Program::run("paynowctl", &variables, &arguments)
        });
        for order in &orders {
            crate::harness::post(&url, &order.body());
        }
        // Each worker does its housekeeping when it starts.
        while !replay.is_finished() {
            stop_workers(&mut app);
            app.start_worker();
        }
        replay.join().expect("the replay ran to its end")
    });
    // Exit code 1 says that a copy settled letters before the replay came to them.
    let outcome = replayed.json();
    let skipped = outcome["skipped"] != json!(0);
    assert_eq!(replayed.code, Some(i32::from(skipped)), "{replayed:?}");
    assert_eq!(
        (&outcome["ended"], &outcome["dead_again"], &outcome["to_do"]),
        (&json!("finished"), &json!(0), &json!(0))
    );

    app.start_worker();
    eventually("no letter is left open", || {
        let all_resolved = letters(&app)
            .iter()
            .all(|letter| letter.starts_with("resolved: "));
        all_resolved.then_some(())
    });
    for order in &orders {
        assert_eq!(app.balance_of(order.customer_id), PRICE);
    }
}
