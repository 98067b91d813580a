//! What PayNow meets where it posts to: the certificate, and the receiver behind it. From here it may look
//! otherwise than from PayNow, so what cannot be reached is unknown.

use std::time::Duration;

use paynow_process::certificate::{Opening, Shown, TlsPeer};
use paynow_process::clock::now_ms;
use serde_json::Value;
use ureq::Agent;
use ureq::tls::TlsConfig;
use url::Url;

use super::{Row, Status, expiry};
use crate::error::in_one_line;
use crate::text::one_line;

const CERTIFICATE: &str = "public_certificate";
const RECEIVER: &str = "public_receiver";
const SETTING: &str = "set PAYNOW_PUBLIC_URL to the address in PayNow's dashboard";
const PROXY: &str =
    "let the proxy show a certificate for this name with all certificates above it; ops/tls.md";
const NOT_RECEIVER: &str =
    "check the path, the proxy and its address of the receiver; ops/first-points.md";
const CALL_LIMIT: Duration = Duration::from_secs(10);

pub(super) fn rows(url: Option<&Url>) -> Vec<Row> {
    let Some(url) = url else {
        let why = "PAYNOW_PUBLIC_URL is not set, or is wrong";
        let unset = |id| Row::not_ok(id, Status::Unknown, why, SETTING);
        return vec![unset(CERTIFICATE), unset(RECEIVER)];
    };
    vec![certificate(url), receiver(url)]
}

fn certificate(url: &Url) -> Row {
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Row::unknown(CERTIFICATE, "the address names no host");
    };
    if url.scheme() != "https" {
        let message = "the address has no TLS, so everybody between PayNow and it reads its orders";
        return Row::not_ok(CERTIFICATE, Status::Warn, message, SETTING);
    }
    let peer = TlsPeer {
        name: "public",
        // An address of IPv6 is in brackets in a URL only.
        host: host.trim_matches(['[', ']']).to_owned(),
        port,
        opening: Opening::Tls,
    };
    match Shown::by(&peer) {
        Ok(Some(shown)) => judged(&shown, host),
        Ok(None) => Row::unknown(CERTIFICATE, format!("{host} has no TLS")),
        Err(error) => {
            let message = format!(
                "{host} cannot be looked at from here: {}",
                in_one_line(&error)
            );
            Row::unknown(CERTIFICATE, message)
        }
    }
}

fn judged(shown: &Shown, host: &str) -> Row {
    let end = match shown.not_after() {
        Ok(end) => end,
        Err(error) => return Row::failed(CERTIFICATE, &error, PROXY),
    };
    let row = expiry(CERTIFICATE, Some(end), now_ms() / 1000);
    if row.status == Status::Fail {
        return row;
    }
    if !shown.is_for_its_host() {
        let message = format!("the certificate is not for {host}");
        return Row::not_ok(CERTIFICATE, Status::Fail, message, PROXY);
    }
    match shown.refused() {
        Some(error) if row.status == Status::Ok => {
            let message = format!(
                "the certificate is for {host}, and this machine does not trust it: {}",
                in_one_line(&error)
            );
            Row::not_ok(CERTIFICATE, Status::Warn, message, PROXY)
        }
        Some(_) | None => row,
    }
}

/// Asks without a webhook: the receiver refuses that with a code, and counts no failure.
fn receiver(url: &Url) -> Row {
    let agent = Agent::config_builder()
        .timeout_global(Some(CALL_LIMIT))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        // The certificate has a row of its own.
        .tls_config(TlsConfig::builder().disable_verification(true).build())
        .build()
        .new_agent();
    match agent.get(url.as_str()).call() {
        Ok(mut answer) => {
            let text = answer.body_mut().read_to_string().unwrap_or_default();
            answered(answer.status().as_u16(), &text)
        }
        Err(error) => {
            let message = format!("it cannot be reached from here: {}", in_one_line(&error));
            Row::unknown(RECEIVER, message)
        }
    }
}

fn answered(status: u16, text: &str) -> Row {
    let problem: Value = serde_json::from_str(text).unwrap_or_default();
    match (status, problem.get("code").and_then(Value::as_str)) {
        (405, Some("method_not_allowed")) => Row::ok(RECEIVER, "a receiver answers there"),
        (403, Some(code)) => {
            let message =
                format!("a receiver answers there, and lets this machine send nothing ({code})");
            Row::ok(RECEIVER, message)
        }
        (status, Some(code)) => {
            let message = format!("it answers {status} {}", one_line(code));
            Row::not_ok(RECEIVER, Status::Warn, message, NOT_RECEIVER)
        }
        (status, None) => {
            let message = format!("no receiver answers there: HTTP status {status}");
            Row::not_ok(RECEIVER, Status::Fail, message, NOT_RECEIVER)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_of_a_receiver_is_good() {
        for (status, text, expected) in [
            (405, r#"{"code":"method_not_allowed"}"#, Status::Ok),
            (403, r#"{"code":"source_not_allowed"}"#, Status::Ok),
            (404, r#"{"code":"not_found"}"#, Status::Warn),
            (405, "<html>", Status::Fail),
            (200, "{}", Status::Fail),
            (502, "", Status::Fail),
        ] {
            assert_eq!(answered(status, text).status, expected, "{status} {text}");
        }
    }

    #[test]
    fn what_is_not_set_says_how_to_set_it_and_is_no_failure() {
        for row in rows(None) {
            assert_eq!((row.status, row.remedy), (Status::Unknown, Some(SETTING)));
        }
        let plain = "http://shop.example/webhooks".parse().unwrap();
        assert_eq!(certificate(&plain).status, Status::Warn);
    }
}
