//! One post: signed, sent over a connection that is kept, its answer read.

use std::time::Duration;

use paynow_process::clock::now_ms;
use paynow_shared::signature::{SIGNATURE_HEADER, Signer, TIMESTAMP_HEADER};
use serde_json::Value;
use ureq::Agent;
use ureq::http::{HeaderMap, StatusCode};
use url::Url;

/// Longer than a receiver waits for its broker.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// What became of a post.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Accepted,
    /// Final. The text is the status and the code of the problem.
    Refused(String),
    /// As above, and worth another try, not before the receiver said.
    TryAgain {
        code: String,
        not_before: Option<Duration>,
    },
}

/// One connection's end.
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
            // A redirect is not an acceptance, and PayNow follows none that we know of.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .build()
            .new_agent();
        Self { agent, url, signer }
    }

    /// Signs with the present time, as every attempt of a sender does, and posts.
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
                // Reading to the end is what lets the connection be used again.
                let text = answer.body_mut().read_to_string().unwrap_or_default();
                judged(answer.status(), answer.headers(), &text)
            }
            Err(error) => Reply::TryAgain {
                code: no_answer(&error),
                not_before: None,
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

fn judged(status: StatusCode, headers: &HeaderMap, text: &str) -> Reply {
    if status.is_success() {
        return Reply::Accepted;
    }
    let problem: Value = serde_json::from_str(text).unwrap_or_default();
    let code = match problem.get("code").and_then(Value::as_str) {
        Some(code) => format!("{} {code}", status.as_u16()),
        None => status.as_u16().to_string(),
    };
    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        let not_before = headers
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        Reply::TryAgain { code, not_before }
    } else {
        Reply::Refused(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_worth_another_try() {
        let mut headers = HeaderMap::new();
        let problem = r#"{"code":"mismatch","status":401}"#;
        let judge = |status: u16, headers: &HeaderMap, text: &str| {
            judged(StatusCode::from_u16(status).unwrap(), headers, text)
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
                not_before: Some(Duration::from_secs(2)),
            }
        );
    }
}
