//! The invariants, one row each. An invariant that could not be read counts as not proven.

mod account;
mod broker;
mod consumed;
mod figures;
mod ledger;
mod overdue;
mod signatures;

use std::error::Error;

use paynow_process::broker::BrokerAddress;
use paynow_process::secrets::SigningSecrets;
use paynow_shared::ladder::RetryLadder;
use serde::Serialize;

use crate::database::Database;
use crate::error::in_one_line;
use crate::management::{ManagementApi, ManagementError};

/// Whether an invariant holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::Display)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Status {
    Ok,
    /// Broken: someone must act.
    Failed,
    /// Nothing is broken; someone may want to know.
    Notice,
    /// It could not be read.
    Unknown,
}

impl Status {
    pub fn is_fine(self) -> bool {
        match self {
            Self::Ok | Self::Notice => true,
            Self::Failed | Self::Unknown => false,
        }
    }
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    pub id: &'static str,
    pub status: Status,
    pub message: String,
}

impl Row {
    fn new(id: &'static str, status: Status, message: impl Into<String>) -> Self {
        Self {
            id,
            status,
            message: message.into(),
        }
    }
}

/// The broker, and what it should look like.
pub struct Broker {
    pub api: ManagementApi,
    pub ladder: RetryLadder,
    /// Where a queue itself is asked.
    pub address: BrokerAddress,
}

/// Checks the database, and the broker where it is given.
/// `accepted` is a number of different events that were answered 202: the check then fails unless as
/// many are found.
pub fn check(database: &Database, broker: Option<&Broker>, accepted: Option<u64>) -> Vec<Row> {
    let database = database.patient();
    let mut rows = database
        .read(ledger::rows)
        .unwrap_or_else(|error| vec![unknown("database", &error)]);
    if let Some(broker) = broker {
        let broker_rows = broker::rows(broker);
        rows.extend(broker_rows.unwrap_or_else(|error| vec![unknown("broker", &error)]));
    }
    if let Some(accepted) = accepted {
        // The broker first: an event that moves on meanwhile is then counted twice instead of never.
        let waiting = match broker {
            Some(broker) => broker::waiting(broker).unwrap_or(None),
            None => Some(0),
        };
        rows.push(match database.read(account::read) {
            Ok(account) => account::row(&account, waiting, accepted),
            Err(error) => unknown("accounted_for", &error),
        });
    }
    rows
}

/// Verifies the signatures of the events once more, with the rights of the login itself: no role of ours may
/// read payloads.
pub fn signatures(database: &Database, secrets: &[SigningSecrets]) -> Row {
    database
        .read_as_login(|connection| signatures::row(connection, secrets))
        .unwrap_or_else(|error| unknown("events_are_signed", &error))
}

/// The rows about the broker alone.
pub(crate) fn of_broker(broker: &Broker) -> Result<Vec<Row>, ManagementError> {
    broker::rows(broker)
}

fn unknown(id: &'static str, error: &dyn Error) -> Row {
    Row::new(id, Status::Unknown, in_one_line(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_proven_invariant_is_fine() {
        assert!(Status::Ok.is_fine() && Status::Notice.is_fine());
        assert!(!Status::Failed.is_fine() && !Status::Unknown.is_fine());
    }
}
