//! The programs of today write exactly the messages of the newest golden directory, so a change of
//! the message fails here.

use paynow_shared::wire::label;
use serde_json::{Map, Value, json};

use super::message::{Tap, body, of_version, text};
use super::{compare, is_recording, newest};
use crate::harness::{SECRET, TestApp, eventually, sign};

/// Headers with times, ids of actions and texts for people. Only their types are compared.
const OF_THE_MOMENT: [&str; 4] = [
    "paynow-received-at-ms",
    "paynow-signed-at-ms",
    "paynow-replay",
    "paynow-error",
];

/// The golden message with the parts that a program wrote in place of the recorded ones.
fn with_parts(golden: &Value, mut written: Map<String, Value>) -> Value {
    let mut found = golden.clone();
    let signed = written.clone();
    let headers = written["headers"].as_object_mut().expect("headers");
    for name in OF_THE_MOMENT {
        let recorded = &golden["headers"][name];
        let of_one_type = |one: &Value, other: &Value| {
            let kind = |value: &Value| value.as_object().and_then(|it| it.keys().next().cloned());
            kind(one).is_some() && kind(one) == kind(other)
        };
        if let Some(value) = headers.get_mut(name)
            && of_one_type(value, recorded)
        {
            *value = recorded.clone();
        }
    }
    if let Some(signature) = headers.get_mut("paynow-signature") {
        assert_eq!(*signature, signature_of(&signed, &signed["headers"]));
        *signature = signature_of(&signed, &golden["headers"]);
    }
    for (part, value) in written {
        found[part] = value;
    }
    found
}

/// The header with the signature of a message's body, made at the time in these headers.
fn signature_of(message: &Map<String, Value>, headers: &Value) -> Value {
    let signed_at_ms = headers["paynow-signed-at-ms"]["i64"].to_string();
    let body = body(&Value::Object(message.clone()));
    json!({"text": sign(SECRET, &signed_at_ms, &body)})
}

/// The golden messages of the newest version that this program wrote.
fn made_by(program: &str) -> Vec<(std::path::PathBuf, Value)> {
    let all = of_version(&newest()).into_iter();
    let made: Vec<_> = all
        .filter(|(_, golden)| text(golden, "made_by") == program)
        .collect();
    assert!(!made.is_empty(), "{program}");
    made
}

/// An app without products and orders.
fn fresh_app() -> TestApp {
    let app = TestApp::builder()
        .workers(0)
        .receiver_setting("PAYNOW_SIGNING_SECRETS", &format!("orders:{SECRET}"))
        .worker_setting("PAYNOW_SIGNING_SECRETS", &format!("orders:{SECRET}"))
        .start();
    // The test takes its messages out of the queues.
    app.leave_unaudited();
    app
}

#[test]
fn the_receiver_writes_the_messages_of_the_newest_golden_directory() {
    let app = fresh_app();
    let mut credits = Tap::on(&app.broker, "paynow.credits");
    for (file, golden) in made_by("receiver") {
        assert!(app.deliver_bytes(&body(&golden)).accepted());
        compare(&file, &golden, &with_parts(&golden, credits.next()));
    }
    credits.close();
    assert!(!is_recording(), "recorded: check what changed");
}

#[test]
fn the_worker_writes_the_messages_of_the_newest_golden_directory() {
    let mut app = fresh_app();
    app.start_worker();
    let mut waiting = Tap::on(&app.broker, "paynow.credits.retry.1s");
    let mut dead = Tap::on(&app.broker, "paynow.credits.dead");
    for (program, tap) in [
        ("worker, to retry", &mut waiting),
        ("worker, dead", &mut dead),
    ] {
        for (file, golden) in made_by(program) {
            assert!(app.deliver_bytes(&body(&golden)).accepted());
            compare(&file, &golden, &with_parts(&golden, tap.next()));
        }
    }
    waiting.close();
    dead.close();
    assert!(!is_recording(), "recorded: check what changed");
}

#[test]
fn a_replay_writes_the_messages_of_the_newest_golden_directory() {
    let mut app = fresh_app();
    app.start_worker();
    let goldens = made_by("paynowctl dead replay");
    for (_, golden) in &goldens {
        assert!(app.deliver_bytes(&body(golden)).accepted());
    }
    eventually("the letters are archived", || {
        (app.dead_letters().len() == goldens.len()).then_some(())
    });
    // Only the test takes the replayed messages.
    app.workers[0].stop();
    let mut credits = Tap::on(&app.broker, "paynow.credits");
    for (file, golden) in goldens {
        let event = label(&body(&golden)).message_id;
        let mut replay = vec!["dead", "replay", &event, "--by", "anna", "--why", "a test"];
        replay.extend(["--yes", "--wait", "1"]);
        let replayed = app.ctl(&replay);
        assert_eq!(replayed.code, Some(1), "it has no outcome: {replayed:?}");
        compare(&file, &golden, &with_parts(&golden, credits.next()));
    }
    credits.close();
    assert!(!is_recording(), "recorded: check what changed");
}

#[test]
fn another_type_of_a_header_is_a_difference() {
    let golden = json!({"headers": {"paynow-received-at-ms": {"i64": 1}}, "about": "an order"});
    let written = |header: Value| {
        let parts = json!({"headers": {"paynow-received-at-ms": header}});
        with_parts(&golden, parts.as_object().expect("an object").clone())
    };
    assert_eq!(written(json!({"i64": 2})), golden);
    assert_ne!(written(json!({"u32": 2})), golden);
}
