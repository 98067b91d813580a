//! The shipped configurations of proxies with TLS: PayNow gets in, nobody else, and the receiver sees who sent.

use paynow_process::clock;

use super::tls_proxy::{Kind, TlsProxy, adapt_caddyfile};
use crate::harness::{Order, SECRET, TestApp, eventually, flake, sign};

const POINTS: i64 = 600_000_000_000_000_040;
const WEBHOOKS: &str = "/webhooks/paynow";
/// The only address that may send.
const PAYNOW: &str = "127.0.0.7";
const SOMEBODY: &str = "127.0.0.9";
const BODY_LIMIT: usize = 1024 * 1024;

/// The options of curl that post a signed webhook.
fn signed(proxy: &TlsProxy, name: &str, body: &[u8], secret: &str) -> Vec<String> {
    let timestamp = clock::now_ms().to_string();
    let signature = sign(secret, &timestamp, body);
    [
        "--data-binary".to_owned(),
        proxy.file(name, body),
        "--header".to_owned(),
        format!("PayNow-Signature: {signature}"),
        "--header".to_owned(),
        format!("PayNow-Timestamp: {timestamp}"),
    ]
    .to_vec()
}

fn lets_only_webhooks_in(kind: Kind) {
    let app = TestApp::builder()
        .receiver_setting("RECEIVER_TRUSTED_PROXIES", "127.0.0.1,::1")
        .receiver_setting("RECEIVER_ALLOWED_SOURCES", PAYNOW)
        .start();
    app.set_product(POINTS, 500);
    let proxy = TlsProxy::in_front_of(&app, kind);
    let wallet = flake();
    let order = Order::of(POINTS, wallet).body();
    let post = |source: &str, name: &str, body: &[u8], more: &[&str]| {
        let options = signed(&proxy, name, body, SECRET);
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        proxy.ask(source, WEBHOOKS, &[&options[..], more].concat())
    };

    let (status, answer) = post(PAYNOW, "order", &order, &[]);
    assert_eq!(status, 202, "{answer}");
    eventually("it is credited", || {
        (app.balance_of(wallet) == 500).then_some(())
    });

    // Whatever a client writes into the header, the receiver sees the address that it came from.
    let forged = format!("X-Forwarded-For: {PAYNOW}");
    let another = Order::of(POINTS, flake()).body();
    for more in [
        &[][..],
        &["--header", &forged],
        &["--header", &forged, "--header", &forged],
    ] {
        let (status, answer) = post(SOMEBODY, "another", &another, more);
        assert_eq!(status, 403, "{answer}");
        assert!(answer.contains("source_not_allowed"), "{answer}");
    }
    let refused = "paynow_receiver_requests_total{outcome=\"source_not_allowed\"}";
    assert_eq!(app.receiver_metric(refused), Some(3.0));

    let (status, _answer) = post(PAYNOW, "large", &vec![b'x'; BODY_LIMIT + 1], &[]);
    // Where the receiver refuses a body that Caddy still sends, Caddy may not see the answer.
    let refused: &[u16] = match kind {
        Kind::Nginx => &[413],
        Kind::Caddy | Kind::NginxOfConsole | Kind::CaddyOfConsole => &[413, 502],
    };
    assert!(refused.contains(&status), "{status}");
    for path in [
        "/",
        "/metrics",
        "/readyz",
        "/healthz",
        "/webhooks/paynow/x",
        "/webhooks",
    ] {
        let (status, answer) = proxy.ask(PAYNOW, path, &[]);
        assert_eq!(status, 404, "{path}: {answer}");
        assert!(
            !answer.contains("not_found"),
            "{path} reached the receiver: {answer}"
        );
    }
    // A request that is refused by the receiver gets its answer.
    let options = signed(&proxy, "wrong", &another, "pn-another");
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let (status, answer) = proxy.ask(PAYNOW, WEBHOOKS, &options);
    assert_eq!(status, 401, "{answer}");
    assert!(answer.contains("mismatch"), "{answer}");
}

#[test]
fn nginx_lets_only_webhooks_in_and_tells_who_sent_them() {
    lets_only_webhooks_in(Kind::Nginx);
}

#[test]
fn caddy_lets_only_webhooks_in_and_tells_who_sent_them() {
    lets_only_webhooks_in(Kind::Caddy);
}

#[test]
fn caddy_accepts_the_shipped_files() {
    for (name, host) in [
        ("Caddyfile", "shop.example.org"),
        ("console.Caddyfile", "console.example.org"),
    ] {
        let adapted = adapt_caddyfile(name);
        assert!(adapted.contains(host), "{adapted}");
    }
    // One answer of the console may take an hour, also to read the request of.
    let console = adapt_caddyfile("console.Caddyfile");
    assert!(
        console.contains("\"write_timeout\":3600000000000"),
        "{console}"
    );
    assert!(!console.contains("\"read_timeout\":21"), "{console}");
}
