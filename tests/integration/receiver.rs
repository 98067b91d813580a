//! The receiver's answers. It answers 202 only for a confirmed message.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Answer, Order, SECRET, TestApp, eventually, flake, send, sign, try_post};

const POINTS: i64 = 600_000_000_000_000_040;

fn now() -> i64 {
    paynow_process::clock::now_ms()
}

/// Posts `body` signed with `secret` at `timestamp`.
fn post_as(app: &TestApp, secret: &str, timestamp: &str, body: &[u8]) -> Answer {
    let signature = sign(secret, timestamp, body);
    let headers = [
        ("PayNow-Signature", signature.as_str()),
        ("PayNow-Timestamp", timestamp),
    ];
    send(&app.webhook_url(), body, &headers).expect("the receiver answers")
}

#[track_caller]
fn assert_problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code()), (status, code), "{answer:?}");
    assert_eq!(answer.content_type, "application/problem+json");
    assert_eq!(answer.body["status"], status);
    assert_eq!(answer.body["type"], "about:blank");
    assert!(!answer.text("title").is_empty() && !answer.text("detail").is_empty());
}

#[test]
fn a_webhook_that_paynow_did_not_sign_is_refused_and_not_stored() {
    let app = TestApp::builder().workers(0).start();
    let body = Order::of(POINTS, flake()).body();
    let timestamp = now().to_string();
    let signature = sign(SECRET, &timestamp, &body);
    let url = app.webhook_url();
    let with = |headers: &[(&str, &str)]| send(&url, &body, headers).unwrap();
    let signed = ("PayNow-Signature", signature.as_str());
    let timed = ("PayNow-Timestamp", timestamp.as_str());

    assert_problem(&with(&[timed]), 400, "missing_header");
    assert_problem(&with(&[signed]), 400, "missing_header");
    assert_problem(
        &with(&[signed, ("PayNow-Timestamp", "123abc")]),
        400,
        "malformed_header",
    );
    assert_problem(
        &with(&[timed, ("PayNow-Signature", "not base64")]),
        400,
        "malformed_header",
    );
    assert_problem(&with(&[signed, timed, timed]), 400, "malformed_header");
    assert_problem(
        &post_as(&app, "pn-another", &timestamp, &body),
        401,
        "mismatch",
    );
    let old = (now() - 301_000).to_string();
    assert_problem(&post_as(&app, SECRET, &old, &body), 401, "stale");
    let early = (now() + 302_000).to_string();
    assert_problem(&post_as(&app, SECRET, &early, &body), 401, "stale");
    assert_problem(&post_as(&app, "pn-another", &old, &body), 401, "mismatch");

    assert_eq!(app.broker.depth("paynow.credits"), 0);
    let (_status, metrics) = app.receiver_admin("/metrics").unwrap();
    for (outcome, times) in [("stale", 2), ("mismatch", 2), ("missing_header", 2)] {
        let line = format!("paynow_receiver_requests_total{{outcome=\"{outcome}\"}} {times}");
        assert!(metrics.contains(&line), "{line} is not in {metrics}");
    }
}

#[test]
fn any_of_several_secrets_may_match() {
    let app = TestApp::builder()
        .receiver_setting(
            "PAYNOW_SIGNING_SECRETS",
            "new:pn-new-secret, old:pn-old-secret",
        )
        .workers(0)
        .start();
    let timestamp = now().to_string();
    for secret in ["pn-new-secret", "pn-old-secret"] {
        let answer = post_as(&app, secret, &timestamp, &Order::of(POINTS, flake()).body());
        assert_eq!(answer.status, 202);
    }
    let (_status, metrics) = app.receiver_admin("/metrics").unwrap();
    for id in ["new", "old"] {
        let line = format!("paynow_receiver_secret_uses_total{{secret_id=\"{id}\"}} 1");
        assert!(metrics.contains(&line), "{metrics}");
    }
    assert_eq!(app.broker.depth("paynow.credits"), 2);
    app.leave_unaudited();
}

#[test]
fn other_paths_and_methods_are_problems_too() {
    let app = TestApp::builder().workers(0).start();
    let elsewhere = app.webhook_url().replace("paynow", "stripe");
    assert_problem(&send(&elsewhere, b"{}", &[]).unwrap(), 404, "not_found");
    let answer = raw(
        &app,
        "GET /webhooks/paynow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    );
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
    assert!(
        answer.to_lowercase().contains("\r\nallow: post\r\n"),
        "{answer}"
    );
    assert!(answer.contains("method_not_allowed"), "{answer}");
}

#[test]
fn a_body_over_the_limit_is_refused_announced_or_not() {
    let app = TestApp::builder()
        .receiver_setting("RECEIVER_BODY_LIMIT_BYTES", "1000")
        .workers(0)
        .start();
    let timestamp = now().to_string();
    let at_limit = vec![b'x'; 1000];
    let over = vec![b'x'; 1001];
    assert_eq!(post_as(&app, SECRET, &timestamp, &at_limit).status, 202);
    assert_problem(
        &post_as(&app, SECRET, &timestamp, &over),
        413,
        "body_too_large",
    );

    let signature = sign(SECRET, &timestamp, &over);
    let chunked = format!(
        "POST /webhooks/paynow HTTP/1.1\r\nhost: x\r\nPayNow-Signature: {signature}\r\n\
         PayNow-Timestamp: {timestamp}\r\ntransfer-encoding: chunked\r\n\r\n\
         3e9\r\n{}\r\n0\r\n\r\n",
        String::from_utf8(over).unwrap()
    );
    let answer = raw(&app, &chunked);
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(app.broker.depth("paynow.credits"), 1);
    app.leave_unaudited();
}

#[test]
fn a_body_that_drips_ends_in_408() {
    let app = TestApp::builder().workers(0).start();
    let timestamp = now().to_string();
    let signature = sign(SECRET, &timestamp, b"never whole");
    let head = format!(
        "POST /webhooks/paynow HTTP/1.1\r\nhost: x\r\nPayNow-Signature: {signature}\r\n\
         PayNow-Timestamp: {timestamp}\r\ncontent-length: 100000\r\n\r\n"
    );
    let mut stream = TcpStream::connect(("127.0.0.1", app.receiver_port())).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    let started = Instant::now();
    eventually("the receiver ends the slow request", || {
        // Reading waits half a second when there is nothing, which makes the body slow.
        let _closed = stream.write_all(b"x");
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).unwrap_or(0);
        answer.push_str(&String::from_utf8_lossy(&buffer[..read]));
        answer.contains("body_too_slow").then_some(())
    });
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_signed_body_that_names_no_event_is_kept_under_its_digest() {
    let app = TestApp::start();
    let answer = app.deliver_bytes(b"hello");
    app.drain();
    let digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    assert_eq!((answer.status, answer.event_id()), (202, digest));
    assert_eq!(app.dead_letters(), [format!("{digest}: malformed")]);
}

#[test]
fn health_is_public_and_metrics_are_not() {
    let app = TestApp::start();
    assert_eq!(app.receiver_ready().unwrap().0, 200);
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(app.receiver_admin(path).unwrap().0, 200, "{path}");
    }
    let public = raw(
        &app,
        "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    );
    assert!(public.starts_with("HTTP/1.1 404 "), "{public}");
}

#[test]
fn a_stopping_receiver_is_not_ready_before_it_ends() {
    let mut app = TestApp::builder().workers(0).start();
    let mut receiver = app.receiver.take().unwrap();
    receiver.ask_to_stop();
    let (status, text) = eventually("the receiver reports that it is draining", || {
        app.receiver_ready()
            .filter(|(status, _text)| *status == 503)
    });
    assert_eq!((status, text.contains("draining")), (503, true));
    assert!(receiver.ended().success());
}

#[test]
fn a_full_queue_is_503_with_retry_after_and_recovers() {
    let mut app = TestApp::builder().workers(0).start();
    app.set_product(POINTS, 500);
    let limit = json!({"max-length": 2, "overflow": "reject-publish"});
    app.broker.limit_queue("paynow.credits", limit);
    let refused = eventually("the queue is full", || {
        let answer = app.deliver(&Order::of(POINTS, flake()));
        (!answer.accepted()).then_some(answer)
    });
    assert_problem(&refused, 503, "nacked");
    assert_eq!(refused.retry_after.as_deref(), Some("5"));

    app.broker.unlimit_queue();
    eventually("the queue accepts events again", || {
        app.deliver(&Order::of(POINTS, flake()))
            .accepted()
            .then_some(())
    });
    app.start_worker();
}

#[test]
fn without_its_exchange_the_receiver_is_not_ready_and_answers_503() {
    let app = TestApp::builder().workers(0).start();
    app.broker
        .delete(&format!("exchanges/{}/paynow.events", app.broker.vhost()));
    // each lane notices at its next publish.
    let (refused, (_status, reason)) = eventually("the receiver notices", || {
        let answer = app.deliver(&Order::of(POINTS, flake()));
        let not_ready = app
            .receiver_ready()
            .filter(|(status, _text)| *status == 503)?;
        (!answer.accepted()).then_some((answer, not_ready))
    });
    assert_problem(&refused, 503, "disconnected");
    assert_eq!(refused.retry_after.as_deref(), Some("5"));
    assert!(reason.contains("disconnected"), "{reason}");

    app.ctl(&["setup"]).succeeded();
    eventually("it is ready again", || {
        app.receiver_ready().filter(|(status, _)| *status == 200)
    });
}

#[test]
fn an_event_that_no_queue_takes_is_kept_as_unrouted_and_not_lost() {
    let app = TestApp::builder().workers(0).start();
    let vhost = app.broker.vhost();
    let binding = format!("bindings/{vhost}/e/paynow.events/q/paynow.credits/paynow.%23");
    app.broker.delete(&binding);
    let answer = app.deliver(&Order::of(POINTS, flake()));
    assert_eq!(
        answer.status, 202,
        "the alternate exchange took it: {answer:?}"
    );
    assert_eq!(app.broker.depth("paynow.unrouted"), 1);
    app.leave_unaudited();
}

#[test]
fn overload_is_answered_at_once_and_accepted_events_are_queued() {
    let app = TestApp::builder()
        .receiver_setting("RECEIVER_MAX_IN_FLIGHT", "1")
        .workers(0)
        .start();
    let url = app.webhook_url();
    let overloaded = eventually("one of many simultaneous posts is refused", || {
        let answers: Vec<Answer> = std::thread::scope(|scope| {
            let posts: Vec<_> = (0..32)
                .map(|_| scope.spawn(|| try_post(&url, &Order::of(POINTS, flake()).body())))
                .collect();
            posts
                .into_iter()
                .map(|post| post.join().unwrap().expect("it answers"))
                .collect()
        });
        for answer in answers.iter().filter(|answer| answer.accepted()) {
            app.note_accepted(answer.event_id());
        }
        answers.into_iter().find(|answer| !answer.accepted())
    });
    assert_problem(&overloaded, 503, "overloaded");
    assert_eq!(overloaded.retry_after.as_deref(), Some("1"));
    assert_eq!(app.broker.depth("paynow.credits"), app.accepted_count());
    app.leave_unaudited();
}

/// Sends raw text and reads until the receiver closes or answers.
fn raw(app: &TestApp, text: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", app.receiver_port())).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _timed_out_or_closed = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}
