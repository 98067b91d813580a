//! Sends webhooks as `PayNow` does: each try with a new timestamp and signature, over connections that
//! are kept.

use std::time::Duration;

use paynow_process::clock;
use paynow_shared::signature::{SIGNATURE_HEADER, TIMESTAMP_HEADER};
use strum::{Display, EnumIter};

use crate::harness::{SECRET, sign};

/// Nobody knows whether a post that takes longer was accepted.
const TIMEOUT: Duration = Duration::from_secs(5);
const TOO_OLD_MS: i64 = 30 * 86_400_000;

/// What becomes of one try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reply {
    Status(u16),
    /// No connection, or no answer in time.
    Nothing,
}

impl Reply {
    pub(super) fn is_accepted(self) -> bool {
        matches!(self, Self::Status(200..300))
    }

    /// Whether the receiver understood the request and refuses it.
    pub(super) fn is_refused(self) -> bool {
        matches!(self, Self::Status(400..500))
    }
}

/// How a post only seems to be one of `PayNow`'s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, EnumIter)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Forgery {
    OtherSecret,
    /// The body was changed after it was signed.
    OtherBody,
    /// Signed by `PayNow`, long ago.
    Old,
    Unsigned,
}

pub(super) fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(TIMEOUT))
        .build();
    ureq::Agent::new_with_config(config)
}

pub(super) fn post(agent: &ureq::Agent, url: &str, body: &[u8]) -> Reply {
    let timestamp = clock::now_ms().to_string();
    let signature = sign(SECRET, &timestamp, body);
    send(agent, url, body, Some((&timestamp, &signature)))
}

pub(super) fn forge(agent: &ureq::Agent, url: &str, body: &[u8], how: Forgery) -> Reply {
    let now = clock::now_ms();
    let (now, old) = (now.to_string(), (now - TOO_OLD_MS).to_string());
    let signed = |secret: &str, timestamp: &str, body: &[u8]| {
        (timestamp.to_owned(), sign(secret, timestamp, body))
    };
    let headers = match how {
        Forgery::OtherSecret => Some(signed("pn-another-secret-of-the-same-length", &now, body)),
        Forgery::OtherBody => Some(signed(SECRET, &now, &body[1..])),
        Forgery::Old => Some(signed(SECRET, &old, body)),
        Forgery::Unsigned => None,
    };
    let headers = headers
        .as_ref()
        .map(|(at, signature)| (at.as_str(), signature.as_str()));
    send(agent, url, body, headers)
}

fn send(agent: &ureq::Agent, url: &str, body: &[u8], signed: Option<(&str, &str)>) -> Reply {
    let mut request = agent.post(url).header("Content-Type", "application/json");
    if let Some((timestamp, signature)) = signed {
        request = request
            .header(TIMESTAMP_HEADER, timestamp)
            .header(SIGNATURE_HEADER, signature);
    }
    let Ok(mut response) = request.send(body) else {
        return Reply::Nothing;
    };
    let status = response.status().as_u16();
    // The connection can be used again only when the answer is read.
    match response.body_mut().read_to_vec() {
        Ok(_read) => Reply::Status(status),
        Err(_cut) => Reply::Nothing,
    }
}
