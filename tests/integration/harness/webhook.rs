//! Webhooks as PayNow sends them.

use std::time::Duration;

use paynow_process::clock;
use paynow_shared::signature::{SIGNATURE_HEADER, Signer, TIMESTAMP_HEADER};
use paynow_shared::wire::Headers;
use serde_json::Value;

use super::wait::eventually;

/// An invented secret. The harness fails a test when a log contains it.
pub(crate) const SECRET: &str = "pn-0123456789abcdef0123456789abcdef";

/// The receiver's answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) retry_after: Option<String>,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn accepted(&self) -> bool {
        self.status == 202
    }

    pub(crate) fn text(&self, field: &str) -> &str {
        self.body
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    pub(crate) fn event_id(&self) -> &str {
        self.text("event_id")
    }

    pub(crate) fn code(&self) -> &str {
        self.text("code")
    }
}

/// The signature of a body, as PayNow sends it in its header.
pub(crate) fn sign(secret: &str, timestamp: &str, body: &[u8]) -> String {
    Signer::new(secret).sign(timestamp, body)
}

/// The headers of a message whose body this secret signs now, as the receiver writes them.
pub(crate) fn signed_headers(secret: &str, body: &[u8]) -> Headers {
    let signed_at_ms = clock::now_ms();
    Headers {
        received_at_ms: Some(signed_at_ms),
        signed_at_ms: Some(signed_at_ms),
        secret_id: Some("test".to_owned()),
        signature: Some(sign(secret, &signed_at_ms.to_string(), body)),
        attempt: 1,
        ..Headers::default()
    }
}

/// Signs a body and posts it to a running receiver. Posts it again, as PayNow does, while the
/// receiver answers that it is overloaded, which a slow machine can cause.
pub(crate) fn post(url: &str, body: &[u8]) -> Answer {
    eventually("the receiver is not overloaded", || {
        let answer = try_post(url, body).expect("the receiver answers");
        (answer.code() != "overloaded").then_some(answer)
    })
}

/// Signs a body and posts it to a receiver that may not be running.
pub(crate) fn try_post(url: &str, body: &[u8]) -> Result<Answer, ureq::Error> {
    try_post_as(SECRET, url, body)
}

/// Signs a body with this secret and posts it to a receiver that may not be running.
pub(crate) fn try_post_as(secret: &str, url: &str, body: &[u8]) -> Result<Answer, ureq::Error> {
    let timestamp = clock::now_ms().to_string();
    let signature = sign(secret, &timestamp, body);
    send(
        url,
        body,
        &[
            (SIGNATURE_HEADER, &signature),
            (TIMESTAMP_HEADER, &timestamp),
        ],
    )
}

/// Posts a body with only these headers.
pub(crate) fn send(
    url: &str,
    body: &[u8],
    headers: &[(&str, &str)],
) -> Result<Answer, ureq::Error> {
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build(),
    );
    let mut request = agent.post(url).header("Content-Type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut response = request.send(body)?;
    let header = |name: &str| {
        response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let (content_type, retry_after) = (header("content-type"), header("retry-after"));
    let text = response.body_mut().read_to_string()?;
    Ok(Answer {
        status: response.status().as_u16(),
        content_type: content_type.unwrap_or_default(),
        retry_after,
        body: serde_json::from_str(&text).unwrap_or(Value::Null),
    })
}
