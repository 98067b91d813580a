//! A replay that a signal or a crash ended before it was done.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use serde_json::{Value, json};

use super::{
    ALL_UNKNOWN, PRODUCT, action, balances, dead_orders, ended, replay, start, states, stop_workers,
};
use crate::harness::{Order, TestApp, eventually, flake};

const RESOLVED: &str = "SELECT count(*) AS value FROM dead_letters WHERE state = 'resolved'";

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status()
        .expect("kill runs");
    assert!(status.success(), "it had already ended");
}

/// The recorded outcome of the last replay.
fn last_outcome(app: &TestApp) -> Value {
    let rows = app.database.texts(
        "SELECT outcome::text AS value FROM operator_actions ORDER BY action_id DESC LIMIT 1",
    );
    serde_json::from_str(&rows[0]).expect("an outcome is JSON")
}

#[test]
fn a_replay_that_was_killed_continues_where_it_stopped() {
    let (app, orders) = dead_orders(6);
    app.set_product(PRODUCT, 500);

    let mut killed = start(&app, &[&ALL_UNKNOWN[..], &["--rate", "1"]].concat());
    eventually("two are resolved", || {
        (app.database.number(RESOLVED) >= 2).then_some(())
    });
    killed.kill().expect("a process of ours can be killed");
    killed.wait().expect("a child can be waited for");

    let left = app
        .database
        .number("SELECT count(*) AS value FROM replays WHERE state = 'waiting'");
    assert!(left > 0, "it was done before it was killed");
    let id = action(&app);
    // The database server must notice first that the session of the killed one has ended.
    eventually("the next run continues", || {
        (replay(&app, &["--resume", &id]).code == Some(0)).then_some(())
    });
    assert_eq!(states(&app), ["resolved: 6"]);
    assert_eq!(balances(&app, &orders), [500; 6]);
    let unknown = replay(&app, &["--resume", "999999"]);
    assert_eq!(unknown.code, Some(3), "{unknown:?}");
}

#[test]
fn a_letter_that_was_marked_and_not_published_is_published_by_the_next_run() {
    let (app, orders) = dead_orders(2);
    app.set_product(PRODUCT, 500);
    // The state that a kill between marking a letter and publishing it leaves behind.
    app.database
        .execute(
            "INSERT INTO operator_actions (action, operator, why) VALUES ('replay', 'anna', 'x'); \
             INSERT INTO replays (action_id, dead_letter_id, deaths_before) \
                 SELECT action_id, dead_letter_id, deaths FROM operator_actions, dead_letters \
                 WHERE action = 'replay'; \
             UPDATE dead_letters SET state = 'replayed'",
        )
        .unwrap();
    let left_behind = || -> Value {
        let rows = app.ctl(&["check", "--skip-broker", "--json"]).json();
        let mut rows = rows.as_array().expect("rows").iter();
        let row = rows.find(|row| row["id"] == "replays_go_on");
        row.expect("the row is there").clone()
    };
    assert_eq!(left_behind()["status"], "ok");
    app.database
        .execute("UPDATE replays SET updated_at = now() - interval '3 hours'")
        .unwrap();
    let id = action(&app);
    let row = left_behind();
    assert_eq!(row["status"], "failed");
    let message = row["message"].as_str().expect("a text");
    assert!(message.ends_with(&format!("replay {id} left 2")), "{row}");

    replay(&app, &["--resume", &id]).succeeded();

    assert_eq!(balances(&app, &orders), [500; 2]);
    assert_eq!(states(&app), ["resolved: 2"]);
    assert_eq!(left_behind()["status"], "ok");
}

#[test]
fn ctrl_c_ends_it_between_two_letters_and_shows_how_to_continue() {
    const LETTERS: usize = 20;
    let (app, orders) = dead_orders(LETTERS);
    app.set_product(PRODUCT, 500);

    let running = start(&app, &[&ALL_UNKNOWN[..], &["--rate", "1"]].concat());
    eventually("two are resolved", || {
        (app.database.number(RESOLVED) >= 2).then_some(())
    });
    signal(&running, "-INT");
    let stopped = ended(running);

    assert_eq!(stopped.code, Some(130), "{stopped:?}");
    let id = action(&app);
    for part in ["interrupted by SIGINT", &format!("--resume {id}")] {
        assert!(stopped.stderr.contains(part), "{part}: {stopped:?}");
    }
    let outcome = last_outcome(&app);
    assert_eq!(outcome["ended"], "interrupted by SIGINT");
    assert_eq!(outcome["replay"], json!(id));
    let count = |name: &str| outcome[name].as_u64().expect("a number");
    assert!(count("to_do") > 0 && count("applied") >= 2, "{outcome}");
    let all = count("to_do") + count("applied") + count("deferred");
    assert_eq!(all, u64::try_from(LETTERS).unwrap());

    replay(&app, &["--resume", &id]).succeeded();
    assert_eq!(states(&app), [format!("resolved: {LETTERS}")]);
    assert_eq!(balances(&app, &orders), [500; LETTERS]);
    let entries = "SELECT count(*) AS value FROM ledger_entries";
    assert_eq!(app.database.number(entries), 20);
}

#[test]
fn a_broker_that_rejects_everything_delays_no_end_and_unsent_letters_are_open_again() {
    // A hundred are sent together, and the outcome of these is unknown.
    const LETTERS: usize = 102;
    let (mut app, orders) = dead_orders(LETTERS);
    app.set_product(PRODUCT, 500);
    stop_workers(&mut app);
    let limit = json!({"max-length": 1, "overflow": "reject-publish"});
    app.broker.limit_queue("paynow.credits", limit);
    eventually("the queue is full", || {
        let answer = app.deliver(&Order::of(PRODUCT, flake()));
        (!answer.accepted()).then_some(())
    });

    let running = start(&app, &[&ALL_UNKNOWN[..], &["--canary", "102"]].concat());
    eventually("all letters are marked as replayed", || {
        (states(&app) == ["replayed: 102"]).then_some(())
    });
    let asked = Instant::now();
    signal(&running, "-TERM");
    let stopped = ended(running);

    // Without the signal it would try to publish the first hundred for 15 seconds.
    assert!(asked.elapsed() < Duration::from_secs(8), "{stopped:?}");
    assert_eq!(stopped.code, Some(143), "{stopped:?}");
    assert_eq!(last_outcome(&app)["ended"], "interrupted by SIGTERM");
    assert_eq!(states(&app), ["open: 2", "replayed: 100"]);

    app.broker.unlimit_queue();
    app.start_worker();
    replay(&app, &["--resume", &action(&app)]).succeeded();
    assert_eq!(balances(&app, &orders), [500; LETTERS]);
}

#[test]
fn waiting_for_an_outcome_ends_with_the_signal_too() {
    let (mut app, orders) = dead_orders(2);
    app.set_product(PRODUCT, 500);
    stop_workers(&mut app);

    let running = start(&app, &[&ALL_UNKNOWN[..], &["--wait", "86400"]].concat());
    eventually("the canary is sent", || {
        (app.broker.depth("paynow.credits") == 1).then_some(())
    });
    signal(&running, "-INT");
    let stopped = ended(running);

    assert_eq!(stopped.code, Some(130), "{stopped:?}");
    app.start_worker();
    replay(&app, &["--resume", &action(&app)]).succeeded();
    assert_eq!(balances(&app, &orders), [500; 2]);
}

#[test]
fn a_second_signal_ends_it_at_once_even_when_the_database_hangs() {
    let (mut app, orders) = dead_orders(2);
    app.set_product(PRODUCT, 500);
    stop_workers(&mut app);
    let mut running = start(&app, &[&ALL_UNKNOWN[..], &["--wait", "86400"]].concat());
    eventually("the canary is sent", || {
        (app.broker.depth("paynow.credits") == 1).then_some(())
    });
    let mut blocker = app.database.connect();
    blocker.batch_execute("BEGIN; LOCK TABLE replays").unwrap();
    eventually("the replay waits for the database", || {
        let waiting = "SELECT count(*) AS value FROM pg_stat_activity \
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        (app.database.number(waiting) == 1).then_some(())
    });

    // The first signal asks for an orderly end, which the hanging database prevents.
    let status = eventually("the replay has ended", || {
        let status = running.try_wait().expect("a child can be waited for");
        if status.is_none() {
            signal(&running, "-INT");
        }
        status
    });

    assert_eq!(status.code(), Some(130));
    blocker.batch_execute("ROLLBACK").unwrap();
    app.start_worker();
    eventually("the next run continues", || {
        (replay(&app, &["--resume", &action(&app)]).code == Some(0)).then_some(())
    });
    assert_eq!(balances(&app, &orders), [500; 2]);
}
