//! Request heads: their size, their deadline, and that no head can be read in two ways.

use super::wire::{Wire, head, signed};
use crate::harness::{Order, SECRET, TestApp, eventually, flake};

const POINTS: i64 = 600_000_000_000_000_040;
const CONNECTIONS: &str = "paynow_receiver_connections";

fn app() -> TestApp {
    TestApp::builder()
        .receiver_setting("RECEIVER_PATIENCE_MS", "500")
        .workers(0)
        .start()
}

fn order() -> Vec<u8> {
    Order::of(POINTS, flake()).body()
}

#[test]
fn a_request_that_two_servers_could_read_in_two_ways_is_refused() {
    let app = app();
    let body = String::from_utf8(signed(&order(), "")).unwrap();
    // If the first request were read the other way, this one would be accepted.
    let hidden = format!("0\r\n\r\n{body}");
    let length = format!("content-length: {}", hidden.len());
    for headers in [
        format!("{length}\r\ntransfer-encoding: chunked"),
        format!("transfer-encoding: chunked\r\n{length}"),
        format!("{length}\r\ncontent-length: 5"),
        format!("{length}\r\n{length}"),
        "content-length: +5".to_owned(),
        "content-length: 5,5".to_owned(),
        "content-length: 0x5".to_owned(),
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked".to_owned(),
        "transfer-encoding: identity, chunked".to_owned(),
        "transfer-encoding: xchunked".to_owned(),
        "transfer-encoding : chunked".to_owned(),
        "folded: one\r\n two".to_owned(),
        "content-length : 5".to_owned(),
        "content-length: 5\r\nhost: y".to_owned(),
        "content-length: -5".to_owned(),
        "content-length: 99999999999999999999".to_owned(),
    ] {
        let mut wire = Wire::open(&app);
        wire.send(format!(
            "POST /webhooks/paynow HTTP/1.1\r\nhost: x\r\n{headers}\r\n\r\n{hidden}"
        ));
        assert_eq!(wire.expect().status, 400, "{headers}");
        assert!(wire.is_closed(), "{headers}");
    }
    assert_eq!(app.broker.depth("paynow.credits"), 0);
    let log = app.logs();
    assert!(
        !log.contains("actix_http"),
        "a client's mistake is not logged: {log}"
    );
}

#[test]
fn a_line_ends_with_cr_lf_and_with_nothing_else() {
    let app = app();
    let body = order();
    let length = format!("content-length: {}\r\n", body.len());
    let whole = head(SECRET, &body, &length);
    let heads = [
        whole.replace("\r\n", "\n"),
        whole.replacen("\r\n", "\n", 1),
        whole.replace("host: x\r\n", "host: x\n"),
        whole.replace("\r\n\r\n", "\r\n\n"),
        whole.replace("\r\n\r\n", "\n\r\n"),
        whole.replace("host: x", "host: x\ry: z"),
        whole.replace("host: x", "host: x\r"),
    ];
    for malformed in heads {
        let mut wire = Wire::open(&app);
        wire.send(&malformed).send(&body);
        wire.expect().assert_is(400, "malformed_head");
        assert!(wire.is_closed(), "{malformed:?}");

        // The same behind a request that is accepted, in one piece.
        let mut wire = Wire::open(&app);
        let mut both = signed(b"{\n\r}", "");
        both.extend_from_slice(malformed.as_bytes());
        wire.send(both).send(&body);
        assert_eq!(wire.expect().status, 202, "{malformed:?}");
        wire.expect().assert_is(400, "malformed_head");
    }
    assert_eq!(app.broker.depth("paynow.credits"), 7);
    app.leave_unaudited();
}

#[test]
fn a_webhook_that_asks_for_another_protocol_is_refused() {
    let app = app();
    for headers in [
        "connection: upgrade\r\nupgrade: websocket\r\n",
        "upgrade: websocket\r\n",
        "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n",
        "connection: upgrade\r\n",
    ] {
        let mut wire = Wire::open(&app);
        wire.send(signed(&order(), headers));
        wire.expect().assert_is(400, "upgrade_not_supported");
        assert!(wire.is_closed(), "{headers}");
    }
    let mut wire = Wire::open(&app);
    wire.send("CONNECT /webhooks/paynow HTTP/1.1\r\nhost: x\r\n\r\nmore");
    let reply = wire.expect();
    assert!((400..500).contains(&reply.status), "{reply:?}");
    assert!(wire.is_closed());
    assert_eq!(app.broker.depth("paynow.credits"), 0);
}

#[test]
fn unusual_but_valid_requests_are_accepted() {
    let app = app();
    let body = order();
    let length = format!("content-length: {}\r\n", body.len());
    // HTTP/1.0, which keeps no connection.
    let old = head(SECRET, &body, &length).replace("HTTP/1.1", "HTTP/1.0");
    let mut wire = Wire::open(&app);
    assert_eq!(wire.send(old).send(&body).expect().status, 202);
    assert!(wire.is_closed());

    let mut wire = Wire::open(&app);
    let expecting = head(SECRET, &body, &format!("{length}expect: 100-continue\r\n"));
    assert_eq!(wire.send(expecting).expect().status, 100);
    assert_eq!(wire.send(&body).expect().status, 202);

    // A body of unknown length is the last of its connection.
    let chunked = head(SECRET, &body, "transfer-encoding: chunked\r\n");
    let mut wire = Wire::open(&app);
    wire.send(chunked).send(format!("{:x}\r\n", body.len()));
    assert_eq!(wire.send(&body).send("\r\n0\r\n\r\n").expect().status, 202);
    assert!(wire.is_closed());
    assert_eq!(app.broker.depth("paynow.credits"), 3);
    app.leave_unaudited();
}

#[test]
fn http_2_is_not_spoken() {
    let app = app();
    let mut wire = Wire::open(&app);
    wire.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_eq!(wire.expect().status, 400);
    let upgrade = "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings\r\n\
                   upgrade: h2c\r\nhttp2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n";
    assert_eq!(Wire::open(&app).send(upgrade).expect().status, 200);
}

#[test]
fn requests_that_come_together_are_answered_in_turn() {
    let app = app();
    let requests: Vec<u8> = (0..20).flat_map(|_| signed(&order(), "")).collect();
    let mut wire = Wire::open(&app);
    wire.send(requests);
    for _request in 0..20 {
        assert_eq!(wire.expect().status, 202);
    }
    assert_eq!(app.broker.depth("paynow.credits"), 20);
    app.leave_unaudited();
}

#[test]
fn a_head_has_limits() {
    let app = app();
    let with = |headers: &str| Wire::open(&app).send(signed(&order(), headers)).expect();
    let fits = format!("long: {}\r\n", "x".repeat(12_000));
    assert_eq!(with(&fits).status, 202);
    let many: String = (0..90).map(|number| format!("h{number}: x\r\n")).collect();
    assert_eq!(with(&many).status, 202);

    let too_large = format!("long: {}\r\n", "x".repeat(200_000));
    with(&too_large).assert_is(431, "head_too_large");
    let path = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(200_000));
    Wire::open(&app)
        .send(path)
        .expect()
        .assert_is(431, "head_too_large");
    let too_many: String = (0..100).map(|number| format!("h{number}: x\r\n")).collect();
    assert_eq!(with(&too_many).status, 431);
    app.leave_unaudited();
}

#[test]
fn every_head_has_its_deadline_and_not_only_the_first() {
    let app = app();
    let mut first = Wire::open(&app);
    first.send("POST /webhooks/paynow HTTP/1.1\r\n");
    first.expect().assert_is(408, "head_too_slow");
    assert!(first.is_closed());

    let mut second = Wire::open(&app);
    assert_eq!(second.send(signed(&order(), "")).expect().status, 202);
    second.send("POST /webhooks/paynow HTTP/1.1\r\n");
    second.expect().assert_is(408, "head_too_slow");
    assert!(second.is_closed());

    let mut idle = Wire::open(&app);
    assert_eq!(idle.send(signed(&order(), "")).expect().status, 202);
    assert!(
        idle.is_closed(),
        "an idle connection is closed without an answer"
    );
    assert!(Wire::open(&app).is_closed());
    app.leave_unaudited();
}

#[test]
fn a_client_that_does_not_read_its_answers_is_disconnected() {
    let app = app();
    let mut deaf = Wire::open(&app);
    // Each answer is longer than its request, until no buffer takes more.
    let request = "GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1000);
    let mut sent = 0;
    while deaf.try_send(&request).is_ok() {
        sent += 1;
        assert!(sent < 100_000, "it is still answered");
    }
    eventually("its connection is closed", || {
        app.receiver_metric(CONNECTIONS).filter(|open| *open < 1.0)
    });
}
