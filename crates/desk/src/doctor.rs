//! Everything that must be right before points arrive, one row each, with what mends it. A row that
//! cannot be made says so, and hides no other.

mod broker;
mod database;
mod public;
mod traffic;

use std::error::Error;

use paynow_process::broker::BrokerAddress;
use paynow_process::certificate::{TlsPeer, not_after};
use paynow_process::clock::now_ms;
use paynow_process::secrets::SigningSecrets;
use serde::Serialize;
use url::Url;

use crate::check;
use crate::database::{Database, DatabaseError};
use crate::error::in_one_line;

const DAY_SECONDS: i64 = 86_400;
/// As the alert `PayNowCertificateExpiring` has it: an automatic renewal should have happened by then.
const CERTIFICATE_DAYS_MIN: i64 = 21;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::Display)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Status {
    Ok,
    /// Points may arrive, and somebody should look at it.
    Warn,
    /// Points do not arrive, or soon will not.
    Fail,
    /// It could not be looked at.
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    pub id: &'static str,
    pub status: Status,
    pub message: String,
    /// The command or the page that mends it; none where nothing is to be mended.
    pub remedy: Option<&'static str>,
}

impl Row {
    fn ok(id: &'static str, message: impl Into<String>) -> Self {
        Self {
            id,
            status: Status::Ok,
            message: message.into(),
            remedy: None,
        }
    }

    fn not_ok(
        id: &'static str,
        status: Status,
        message: impl Into<String>,
        remedy: &'static str,
    ) -> Self {
        Self {
            id,
            status,
            message: message.into(),
            remedy: Some(remedy),
        }
    }

    /// A row that another one has to be mended for first.
    fn unknown(id: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: Status::Unknown,
            ..Self::ok(id, message)
        }
    }

    fn failed(id: &'static str, error: &dyn Error, remedy: &'static str) -> Self {
        Self::not_ok(id, Status::Fail, in_one_line(error), remedy)
    }
}

/// What the settings gave; a part is missing where its setting is missing or wrong.
pub struct Subject {
    /// A sentence for each setting that is missing or wrong.
    pub problems: Vec<String>,
    /// A sentence for each variable that looks like a misspelled setting.
    pub misspelled: Vec<String>,
    pub broker: Option<BrokerAddress>,
    /// Where nothing of it is missing or wrong.
    pub whole_broker: Option<check::Broker>,
    pub database: Option<Database>,
    pub secrets: Option<SigningSecrets>,
    /// Where PayNow posts to.
    pub public_url: Option<Url>,
    /// Whether a product may have its points in PayNow's metadata.
    pub reads_metadata: bool,
}

pub fn examine(subject: &Subject) -> Vec<Row> {
    let mut rows = vec![
        listed(
            "settings",
            &subject.problems,
            Status::Fail,
            "every setting that paynowctl reads is valid",
        ),
        listed(
            "misspelled",
            &subject.misspelled,
            Status::Warn,
            "no variable looks like a misspelled setting",
        ),
    ];
    rows.extend(public::rows(subject.public_url.as_ref()));
    rows.extend(broker::rows(subject));
    rows.extend(database::rows(subject));
    rows
}

fn listed(id: &'static str, problems: &[String], status: Status, fine: &str) -> Row {
    match problems {
        [] => Row::ok(id, fine),
        problems => Row::not_ok(id, status, problems.join("; "), "ops/settings.md"),
    }
}

/// The row of one question to the database, whose failure hides no other row.
fn asked(id: &'static str, answer: Result<Row, DatabaseError>) -> Row {
    answer.unwrap_or_else(|error| Row::unknown(id, in_one_line(&error)))
}

/// The row about a server's certificate; `None` for a peer stands for one that cannot be looked at.
fn certificate(id: &'static str, peer: Option<&TlsPeer>) -> Row {
    match peer.map(not_after) {
        None => Row::unknown(
            id,
            "the address names no single host whose certificate could be read",
        ),
        Some(Ok(end)) => expiry(id, end, now_ms() / 1000),
        Some(Err(error)) => Row::unknown(id, in_one_line(&error)),
    }
}

/// `end` and `now` are in Unix seconds.
fn expiry(id: &'static str, end: Option<i64>, now: i64) -> Row {
    let Some(end) = end else {
        return Row::ok(id, "the connection has no TLS, so there is no certificate");
    };
    let days = end.saturating_sub(now).div_euclid(DAY_SECONDS);
    let status = match days {
        ..0 => Status::Fail,
        0..CERTIFICATE_DAYS_MIN => Status::Warn,
        _later => return Row::ok(id, format!("the certificate is valid for {days} more days")),
    };
    let message = match status {
        Status::Fail => "the certificate has expired".to_owned(),
        Status::Ok | Status::Warn | Status::Unknown => {
            format!("the certificate expires in {days} days")
        }
    };
    let remedy = "ops/runbooks/PayNowCertificateExpiring.md";
    Row::not_ok(id, status, message, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_warns_three_weeks_before_its_end() {
        let status = |days: i64| expiry("c", Some(days * DAY_SECONDS), 0).status;
        assert_eq!(expiry("c", None, 0).status, Status::Ok);
        assert_eq!(status(22), Status::Ok);
        assert_eq!(status(20), Status::Warn);
        assert_eq!(status(-1), Status::Fail);
    }
}
