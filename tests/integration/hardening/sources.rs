//! Which sources may send webhooks, behind a proxy and without one.

use super::wire::{Wire, head, signed};
use crate::harness::{Order, Program, SECRET, TestApp, flake};

const POINTS: i64 = 600_000_000_000_000_040;
const PAYNOW: &str = "192.0.2.7";

fn app_with(settings: &[(&str, &str)]) -> TestApp {
    let builder = TestApp::builder().workers(0);
    let with = settings.iter().fold(builder, |builder, (name, value)| {
        builder.receiver_setting(name, value)
    });
    with.start()
}

fn order() -> Vec<u8> {
    Order::of(POINTS, flake()).body()
}

/// Posts a signed order with these values of the forwarding header. Returns status and code.
fn post(app: &TestApp, forwarded: &[&str]) -> (u16, String) {
    let headers: String = forwarded
        .iter()
        .map(|value| format!("X-Forwarded-For: {value}\r\n"))
        .collect();
    let reply = Wire::open(app).send(signed(&order(), &headers)).expect();
    (reply.status, reply.code())
}

fn refused(code: &str) -> (u16, String) {
    (403, code.to_owned())
}

#[test]
fn behind_a_trusted_proxy_only_listed_sources_are_let_in() {
    let app = app_with(&[
        ("RECEIVER_ALLOWED_SOURCES", "192.0.2.0/29, 2001:db8::/64"),
        ("RECEIVER_TRUSTED_PROXIES", "127.0.0.1,10.0.0.0/8"),
    ]);
    let accepted = [
        &[PAYNOW][..],
        &["::ffff:192.0.2.7"],
        &["2001:db8::5"],
        &["198.51.100.1, 192.0.2.7, 10.0.0.9"],
        &["198.51.100.1", PAYNOW],
    ];
    for forwarded in accepted {
        assert_eq!(post(&app, forwarded).0, 202, "{forwarded:?}");
    }
    for (forwarded, code) in [
        (&["198.51.100.1"][..], "source_not_allowed"),
        // The value that the client wrote itself comes first.
        (&["192.0.2.7, 198.51.100.1"], "source_not_allowed"),
        (&[PAYNOW, "198.51.100.1, 10.0.0.9"], "source_not_allowed"),
        (&[], "source_unknown"),
        (&["192.0.2.7, nonsense"], "source_unknown"),
    ] {
        assert_eq!(post(&app, forwarded), refused(code), "{forwarded:?}");
    }
    assert_eq!(app.broker.depth("paynow.credits"), 5);
    let series = "paynow_receiver_requests_total{outcome=\"source_not_allowed\"}";
    assert_eq!(app.receiver_metric(series), Some(3.0));
    app.leave_unaudited();
}

#[test]
fn the_header_of_an_untrusted_proxy_is_ignored() {
    let app = app_with(&[("RECEIVER_ALLOWED_SOURCES", PAYNOW)]);
    assert_eq!(post(&app, &[PAYNOW]), refused("source_not_allowed"));
    assert_eq!(post(&app, &[]), refused("source_not_allowed"));
}

#[test]
fn without_a_list_a_proxy_need_not_name_its_client() {
    let app = app_with(&[("RECEIVER_TRUSTED_PROXIES", "127.0.0.1")]);
    for forwarded in [&[][..], &["nonsense"], &["198.51.100.1"]] {
        assert_eq!(post(&app, forwarded).0, 202, "{forwarded:?}");
    }
    app.leave_unaudited();
}

#[test]
fn a_foreign_source_is_refused_before_the_body_and_probes_are_answered() {
    let app = app_with(&[("RECEIVER_ALLOWED_SOURCES", PAYNOW)]);
    let mut wire = Wire::open(&app);
    wire.send(head(SECRET, b"never sent", "content-length: 10\r\n"));
    wire.expect().assert_is(403, "source_not_allowed");
    assert!(wire.is_closed());
    for probe in ["healthz", "readyz"] {
        let request = format!("GET /{probe} HTTP/1.1\r\nhost: x\r\n\r\n");
        assert_eq!(Wire::open(&app).send(request).expect().status, 200);
    }
}

#[test]
fn a_wrong_list_stops_the_start_with_one_sentence() {
    let app = TestApp::builder().workers(0).start();
    for (name, value) in [
        ("RECEIVER_ALLOWED_SOURCES", "paynow.gg"),
        ("RECEIVER_ALLOWED_SOURCES", "34.203.112.123/8"),
        ("RECEIVER_TRUSTED_PROXIES", "10.0.0.0/40"),
        ("RECEIVER_TRUSTED_PROXIES", "0.0.0.0/0"),
    ] {
        let mut variables = app.variables();
        variables.push((name.to_owned(), value.to_owned()));
        // A port in use: a receiver that starts nevertheless ends at once, with another code.
        let taken = format!("127.0.0.1:{}", app.receiver_port());
        variables.push(("RECEIVER_ADDR".to_owned(), taken));
        let outcome = Program::run("paynow-receiver", &variables, &[]);
        assert_eq!(outcome.code, Some(64), "{outcome:?}");
        let sentence = outcome.stderr.trim_end();
        assert!(
            sentence.starts_with(&format!("paynow-receiver: {name} ")) && !sentence.contains('\n'),
            "{sentence}"
        );
    }
}
