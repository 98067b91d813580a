//! A flood of failing requests: it is counted but not logged, and rightly signed webhooks are not
//! affected.

use super::wire::{Reply, Wire, forged, head, signed, stale};
use crate::harness::{Order, TestApp, eventually, flake};

const POINTS: i64 = 600_000_000_000_000_040;
const LIMITED: &str = "paynow_receiver_failures_limited_total";

fn order() -> Vec<u8> {
    Order::of(POINTS, flake()).body()
}

fn forge(app: &TestApp, forwarded: &str) -> Reply {
    let header = format!("X-Forwarded-For: {forwarded}\r\n");
    Wire::open(app).send(forged(&order(), &header)).expect()
}

fn lines_of(log: &str, event: &str) -> usize {
    let event = format!("\"event\":\"{event}\"");
    log.lines().filter(|line| line.contains(&event)).count()
}

#[test]
fn too_many_failures_are_limited_and_the_rightly_signed_are_accepted() {
    let app = TestApp::builder()
        .receiver_setting("RECEIVER_FAILURES_PER_SOURCE", "5")
        .workers(0)
        .start();
    for _failure in 0..5 {
        let mut wire = Wire::open(&app);
        wire.send(forged(&order(), ""))
            .expect()
            .assert_is(401, "mismatch");
        // The client may try again on the same connection.
        assert_eq!(wire.send(signed(&order(), "")).expect().status, 202);
    }
    for _failure in 0..50 {
        let mut wire = Wire::open(&app);
        let reply = wire.send(forged(&order(), "")).expect();
        reply.assert_is(429, "too_many_failures");
        let (_before, after) = reply.head.split_once("retry-after: ").expect("a time");
        let seconds: u32 = after.lines().next().unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
        // The connection, which may be a proxy's, stays open.
        assert_eq!(wire.send(signed(&order(), "")).expect().status, 202);
    }
    // Failures of every kind count.
    let no_header = "POST /webhooks/paynow HTTP/1.1\r\nhost: x\r\n\r\n";
    Wire::open(&app)
        .send(no_header)
        .expect()
        .assert_is(429, "too_many_failures");

    // Each is counted by its kind, and the log records only some and that there are more.
    let count = |series: &str| app.receiver_metric(series).expect("the series exists");
    assert_eq!(
        count("paynow_receiver_requests_total{outcome=\"mismatch\"}"),
        55.0
    );
    assert_eq!(
        count("paynow_receiver_requests_total{outcome=\"queued\"}"),
        55.0
    );
    assert_eq!(count(LIMITED), 51.0);
    let log = eventually("the limit is logged", || {
        let log = app.logs();
        (lines_of(&log, "failures_limited") > 0).then_some(log)
    });
    assert_eq!(lines_of(&log, "webhook_refused"), 5);
    assert_eq!(lines_of(&log, "failures_limited"), 1);
    app.leave_unaudited();
}

#[test]
fn behind_a_proxy_each_client_has_its_own_limit() {
    let app = TestApp::builder()
        .receiver_setting("RECEIVER_FAILURES_PER_SOURCE", "2")
        .receiver_setting("RECEIVER_TRUSTED_PROXIES", "127.0.0.1")
        .workers(0)
        .start();
    for _failure in 0..2 {
        forge(&app, "198.51.100.1").assert_is(401, "mismatch");
    }
    forge(&app, "198.51.100.1").assert_is(429, "too_many_failures");
    forge(&app, "198.51.100.2").assert_is(401, "mismatch");

    let header = "X-Forwarded-For: 198.51.100.1\r\n";
    let reply = Wire::open(&app).send(signed(&order(), header)).expect();
    assert_eq!(reply.status, 202);
    app.leave_unaudited();
}

#[test]
fn many_sources_are_limited_together() {
    let app = TestApp::builder()
        .receiver_setting("RECEIVER_FAILURES_OVERALL", "10")
        .receiver_setting("RECEIVER_TRUSTED_PROXIES", "127.0.0.1")
        .workers(0)
        .start();
    let codes: Vec<String> = (0..20)
        .map(|source| forge(&app, &format!("198.51.100.{source}")).code())
        .collect();
    assert!(
        codes[..10].iter().all(|code| code == "mismatch"),
        "{codes:?}"
    );
    assert!(
        codes[10..].iter().all(|code| code == "too_many_failures"),
        "{codes:?}"
    );
    assert_eq!(
        Wire::open(&app).send(signed(&order(), "")).expect().status,
        202
    );
    app.leave_unaudited();
}

/// A body that is large enough to be refused to a source that keeps failing.
fn large_order() -> Vec<u8> {
    let mut body = order();
    // JSON may end with blanks.
    body.resize(100_000, b' ');
    body
}

#[test]
fn a_failing_source_gets_no_large_body_read_and_no_other_source_is_affected() {
    let app = TestApp::builder()
        .receiver_setting("RECEIVER_FAILURES_PER_SOURCE", "5")
        .receiver_setting("RECEIVER_TRUSTED_PROXIES", "127.0.0.1")
        .workers(0)
        .start();
    let failing = "X-Forwarded-For: 198.51.100.1\r\n";
    for _failure in 0..6 {
        forge(&app, "198.51.100.1");
    }
    // Nothing of the first body is ever sent, and the second one announces no length.
    let announced = format!("{failing}content-length: 1000000\r\n");
    let chunked = format!("{failing}transfer-encoding: chunked\r\n");
    let chunk = format!("f4240\r\n{}", "x".repeat(20_000));
    for (headers, part) in [(&announced, ""), (&chunked, &*chunk)] {
        let mut wire = Wire::open(&app);
        wire.send(head("pn-another", b"never whole", headers));
        let reply = wire.send(part).expect();
        reply.assert_is(429, "too_many_failures");
        assert!(reply.head.contains("retry-after: "), "{reply:?}");
    }
    let series = "paynow_receiver_requests_total{outcome=\"too_many_failures\"}";
    assert_eq!(app.receiver_metric(series), Some(2.0));

    let post = |body: &[u8], headers: &str| Wire::open(&app).send(signed(body, headers)).expect();
    let other = "X-Forwarded-For: 192.0.2.7\r\n";
    assert_eq!(post(&large_order(), other).status, 202);
    // A small webhook is read whoever else fails at its address, and then large ones are too.
    post(&large_order(), failing).assert_is(429, "too_many_failures");
    assert_eq!(post(&order(), failing).status, 202);
    assert_eq!(post(&large_order(), failing).status, 202);
    app.leave_unaudited();
}

#[test]
fn old_webhooks_that_are_sent_again_limit_nobody() {
    let app = TestApp::builder().workers(0).start();
    let old = stale(&order());
    let mut wire = Wire::open(&app);
    for _replay in 0..1000 {
        wire.send(&old).expect().assert_is(401, "stale");
    }
    // All come from one address.
    assert_eq!(wire.send(signed(&order(), "")).expect().status, 202);
    let large = Wire::open(&app).send(signed(&large_order(), "")).expect();
    assert_eq!(large.status, 202, "{large:?}");
    Wire::open(&app)
        .send(forged(&order(), ""))
        .expect()
        .assert_is(401, "mismatch");
    let count = |series: &str| app.receiver_metric(series).expect("the series exists");
    assert_eq!(
        count("paynow_receiver_requests_total{outcome=\"stale\"}"),
        1000.0
    );
    assert_eq!(count(LIMITED), 0.0);
    let log = app.logs();
    assert!(
        lines_of(&log, "webhook_refused") <= 122,
        "the log is readable"
    );
    app.leave_unaudited();
}
