//! Posts one event: signs it, sends it over a connection that is kept open, and reads the answer.

use std::time::Duration;

use paynow_process::clock::now_ms;
use paynow_process::idle::IDLE_MAX;
use paynow_shared::signature::{SIGNATURE_HEADER, Signer, TIMESTAMP_HEADER};
use serde_json::Value;
use ureq::Agent;
use ureq::http::{HeaderMap, StatusCode};
use url::Url;

/// A receiver that waits for its broker answers earlier.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// How the receiver answered a post.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Accepted,
    /// Final. The text is the status and the code of the problem.
    Refused(String),
    /// Another attempt may succeed.
    TryAgain {
        code: String,
        /// The wait that the receiver asked for.
        retry_after: Option<Duration>,
    },
}

/// Posts over one connection.
pub(super) struct Poster<'a> {
    agent: Agent,
    url: &'a Url,
    signer: &'a Signer,
}

impl<'a> Poster<'a> {
    pub(super) fn new(url: &'a Url, signer: &'a Signer) -> Self {
        let agent = Agent::config_builder()
            .timeout_global(Some(ANSWER_LIMIT))
            .timeout_connect(Some(CONNECT_LIMIT))
            .http_status_as_error(false)
            // A redirect is not an acceptance, and PayNow is not known to follow any.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .max_idle_age(IDLE_MAX)
            .build()
            .new_agent();
        Self { agent, url, signer }
    }

    /// Every attempt is signed with the time at which it is made.
    pub(super) fn post(&self, body: &[u8]) -> Reply {
        let timestamp = now_ms().to_string();
        let answer = self
            .agent
            .post(self.url.as_str())
            .header("content-type", "application/json")
            .header(TIMESTAMP_HEADER, &timestamp)
            .header(SIGNATURE_HEADER, self.signer.sign(&timestamp, body))
            .send(body);
        match answer {
            Ok(mut answer) => {
                // The connection can be used again only after the whole answer was read.
                let text = answer.body_mut().read_to_string().unwrap_or_default();
                reply(answer.status(), answer.headers(), &text)
            }
            Err(error) => Reply::TryAgain {
                code: no_answer(&error),
                retry_after: None,
            },
        }
    }
}

fn no_answer(error: &ureq::Error) -> String {
    let refused = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionRefused;
    if matches!(error, ureq::Error::Timeout(_)) {
        "no answer in time".to_owned()
    } else if matches!(error, ureq::Error::Io(error) if refused(error)) {
        "connection refused".to_owned()
    } else {
        format!("no answer: {error}")
    }
}

fn reply(status: StatusCode, headers: &HeaderMap, text: &str) -> Reply {
    if status.is_success() {
        return Reply::Accepted;
    }
    let problem: Value = serde_json::from_str(text).unwrap_or_default();
    let code = match problem.get("code").and_then(Value::as_str) {
        Some(code) => format!("{} {code}", status.as_u16()),
        None => status.as_u16().to_string(),
    };
    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        let retry_after = headers
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        Reply::TryAgain { code, retry_after }
    } else {
        Reply::Refused(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_temporary_refusal_is_tried_again() {
        let mut headers = HeaderMap::new();
        let problem = r#"{"code":"mismatch","status":401}"#;
        let judge = |status: u16, headers: &HeaderMap, text: &str| {
            reply(StatusCode::from_u16(status).unwrap(), headers, text)
        };
        assert_eq!(judge(202, &headers, "{}"), Reply::Accepted);
        let refused = Reply::Refused("401 mismatch".to_owned());
        assert_eq!(judge(401, &headers, problem), refused);
        assert_eq!(judge(302, &headers, ""), Reply::Refused("302".to_owned()));
        headers.insert("retry-after", "2".parse().unwrap());
        assert_eq!(
            judge(503, &headers, "<html>"),
            Reply::TryAgain {
                code: "503".to_owned(),
                retry_after: Some(Duration::from_secs(2)),
            }
        );
    }
}
