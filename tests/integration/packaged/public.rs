//! What `paynowctl doctor` says of the address that PayNow posts to, with a real proxy there.

use super::tls_proxy::{Kind, TlsProxy};
use crate::doctor::{doctor, row, status};
use crate::harness::TestApp;

const CERTIFICATE: &str = "public_certificate";
const RECEIVER: &str = "public_receiver";

#[test]
fn doctor_tells_whether_paynow_meets_our_certificate_and_our_receiver() {
    let app = TestApp::start();
    let proxy = TlsProxy::in_front_of(&app, Kind::Nginx);
    let port = proxy.port();
    let authority = proxy.authority();
    let trust = ("SSL_CERT_FILE", authority.to_str().expect("a path"));
    let webhooks = format!("https://localhost:{port}/webhooks/paynow");
    let by_address = format!("https://127.0.0.1:{port}/webhooks/paynow");
    let other_path = format!("https://localhost:{port}/webhooks");
    let ask = |url: &str, is_trusted: bool| {
        let variables = [("PAYNOW_PUBLIC_URL", url), trust];
        doctor(&app, &variables[..if is_trusted { 2 } else { 1 }])
    };

    for (url, is_trusted, certificate, receiver, said) in [
        (&webhooks, true, "ok", "ok", "more days"),
        (&webhooks, false, "warn", "ok", "does not trust it"),
        (&by_address, true, "fail", "ok", "not for 127.0.0.1"),
        (&other_path, true, "ok", "fail", "HTTP status 404"),
    ] {
        let outcome = ask(url, is_trusted);
        let of = |id| status(&outcome, id);
        let rows = [row(&outcome, CERTIFICATE), row(&outcome, RECEIVER)];
        assert_eq!(
            [of(CERTIFICATE), of(RECEIVER)],
            [certificate, receiver],
            "{rows:?}"
        );
        let messages = rows.map(|row| row["message"].to_string()).concat();
        assert!(messages.contains(said), "{messages}");
    }
    // Nothing listens at port 1: from PayNow it may be otherwise.
    let outcome = ask("https://localhost:1/webhooks/paynow", true);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    for id in [CERTIFICATE, RECEIVER] {
        assert_eq!(status(&outcome, id), "unknown", "{}", row(&outcome, id));
    }
}
