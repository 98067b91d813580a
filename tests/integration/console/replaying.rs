//! How a replay stands, for whom it was begun, and what going on with it takes.

use serde_json::Value;

use super::acting::{UNKNOWN, dead, go, preview, set_price};
use super::{Browser, Page};
use crate::harness::{TestApp, eventually};

fn json(browser: &Browser, path: &str) -> Value {
    browser.with("Accept", "application/json").get(path).json()
}

fn ask(browser: &Browser, replay: &str, what: &str) -> Page {
    let fields = [("what", what), ("why", "live traffic")];
    browser.post(&format!("{replay}/ask"), &fields)
}

/// A replay that waits for the outcome of its first letter.
fn waiting(app: &TestApp, anna: &Browser, letters: &str) -> String {
    app.workers[0].signal("-STOP");
    let preview = preview(anna);
    let begun = go(anna, &preview, letters);
    assert_eq!(begun.status, 303, "{begun:?}");
    let replay = begun.header("location").to_owned();
    eventually("the first letter is sent", || {
        (json(anna, &replay)["sent"] == 1).then_some(())
    });
    replay
}

#[test]
fn a_paused_replay_says_so_and_by_whom_and_since_when() {
    let (app, console, anna) = dead(2);
    set_price(&anna);
    let replay = waiting(&app, &anna, "2");
    let state = |browser: &Browser| {
        let one = json(browser, &replay);
        let list = json(browser, "/replays");
        assert_eq!(one["paused_by"], list[0]["paused_by"], "{one} {list}");
        one["state"].as_str().expect("a text").to_owned()
    };
    assert_eq!(state(&anna), "runs");
    let olaf = console.somebody(&app, "olaf", "operator");
    assert_eq!(ask(&olaf, &replay, "pause").status, 303);
    let paused = state(&anna);
    let today = &app
        .database
        .texts("SELECT (now() AT TIME ZONE 'UTC')::date::text AS value")[0];
    let since = format!("paused by olaf since {today}");
    assert!(paused.starts_with(&since), "{paused}");
    let offers = |what: &str| {
        let option = format!("<option value=\"{what}\"");
        olaf.get(&replay).text.contains(&option)
    };
    assert!(offers("go") && offers("stop") && !offers("pause"));
    for path in [replay.as_str(), "/replays"] {
        let page = anna.get(path);
        assert!(page.text.contains(&paused), "{path}: {page:?}");
        assert!(!page.text.contains(">runs<"), "{path}: {page:?}");
    }
    assert_eq!(ask(&olaf, &replay, "go").status, 303);
    assert_eq!(state(&anna), "runs");
    assert!(offers("pause") && offers("stop") && !offers("go"));
    assert_eq!(ask(&olaf, &replay, "pause").status, 303);
    assert_eq!(ask(&olaf, &replay, "stop").status, 303);
    let ended = eventually("it is stopped", || {
        let state = state(&anna);
        (state != "runs").then_some(state)
    });
    assert_eq!(ended, "stopped by olaf");
    app.workers[0].signal("-CONT");
    app.drain();
}

#[test]
fn a_ticket_is_kept_with_what_was_done_for_it() {
    let (app, console, anna) = dead(1);
    set_price(&anna);
    let preview = preview(&anna);
    let go = |ticket: &str| {
        let fields = [("why", "the price is right"), ("ticket", ticket)];
        anna.post(&format!("{preview}/go"), &fields)
    };
    let long = go(&"x".repeat(101));
    assert!(
        long.status == 422 && long.text.contains("1 to 100 characters"),
        "{long:?}"
    );
    let begun = go("SUP-4711");
    assert_eq!(begun.status, 303, "{begun:?}");
    let replay = begun.header("location");
    eventually("the replay ends", || {
        (json(&anna, replay)["ended"] == "finished").then_some(())
    });
    assert_eq!(json(&anna, replay)["ticket"], "SUP-4711");
    assert!(anna.get(replay).text.contains("SUP-4711"));

    let wallet = app
        .database
        .texts("SELECT wallet_id::text AS value FROM wallets")
        .remove(0);
    let sue = console.somebody(&app, "sue", "support");
    let ask = |ticket: &str| {
        let fields = [
            ("wallet", wallet.as_str()),
            ("points", "20"),
            ("why", "lost"),
            ("key", "case-1"),
            ("ticket", ticket),
        ];
        sue.post("/corrections", &fields)
    };
    let long = ask(&"x".repeat(101));
    assert!(
        long.status == 422 && long.text.contains("1 to 100 characters"),
        "{long:?}"
    );
    let asked = ask("SUP-4712");
    assert_eq!(asked.status, 303, "{asked:?}");
    approve(
        &console.somebody(&app, "abe", "approver"),
        asked.header("location"),
    );
    // What comes of a request, and the end of a replay, have rows of their own.
    let expected = [
        "correct_decide SUP-4712",
        "correct SUP-4712",
        "correct_request SUP-4712",
        "replay SUP-4711",
        "replay SUP-4711",
    ];
    assert_eq!(tickets(&json(&anna, "/audit")), expected);
    assert_eq!(tickets(&app.ctl_json(&["actions", "list"])), expected);
    let listed = app.ctl(&["actions", "list"]).succeeded();
    let page = anna.get("/audit").text;
    let export = anna.get("/audit/export").text;
    for text in [&listed.stdout, &page, &export] {
        assert!(
            text.contains("SUP-4711") && text.contains("SUP-4712"),
            "{text}"
        );
    }
}

/// The actions that name a ticket, newest first.
fn tickets(actions: &Value) -> Vec<String> {
    let rows = actions.as_array().expect("a list").iter();
    let rows = rows.filter_map(|row| {
        let ticket = row["ticket"].as_str()?;
        Some(format!("{} {ticket}", row["action"].as_str()?))
    });
    rows.collect()
}

fn approve(approver: &Browser, request: &str) {
    let balance = json(approver, request)["balance_now"].to_string();
    let decide = [
        ("verdict", "approve"),
        ("why", "it is so"),
        ("balance", balance.as_str()),
    ];
    let decided = approver.post(&format!("{request}/decide"), &decide);
    assert_eq!(decided.status, 303, "{decided:?}");
}

#[test]
fn going_on_with_many_points_takes_a_fresh_sign_in_as_beginning_does() {
    for (points, is_large) in [(100_001, true), (500, false)] {
        let (app, console, anna) = dead(2);
        app.set_product(UNKNOWN, points);
        let replay = waiting(&app, &anna, "2");
        assert_eq!(ask(&anna, &replay, "stop").status, 303);
        eventually("it is stopped", || {
            (json(&anna, &replay)["ended"] == "stopped by anna").then_some(())
        });
        app.database
            .execute("UPDATE console_sessions SET signed_in_at = now() - interval '16 minutes'")
            .expect("a superuser may");
        let because = "a sign-in of the last 15 minutes";
        let shown = anna.get(&replay);
        assert_eq!(shown.text.contains(because), is_large, "{shown:?}");
        let resume = |browser: &Browser| {
            let why = [("why", "the price is right")];
            browser.post(&format!("{replay}/resume"), &why)
        };
        let old = resume(&anna);
        assert_eq!(old.status, if is_large { 403 } else { 303 }, "{old:?}");
        if is_large {
            let fresh = console.somebody(&app, "anna", "operator");
            assert_eq!(resume(&fresh).status, 303);
        }
        app.workers[0].signal("-CONT");
        eventually("the replay ends", || {
            let course = json(&console.somebody(&app, "anna", "operator"), &replay);
            (course["applied"] == 2).then_some(())
        });
    }
}
