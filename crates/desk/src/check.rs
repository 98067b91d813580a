//! The invariants, one row each. An invariant that could not be read counts as not proven.

mod account;
mod broker;
mod ledger;
mod row;

use std::error::Error;

use paynow_shared::ladder::RetryLadder;

pub use self::row::{Row, Status};
use crate::database::Database;
use crate::error::in_one_line;
use crate::management::ManagementApi;

/// The broker to check, and the ladder that its queues must form.
pub struct Broker {
    pub api: ManagementApi,
    pub ladder: RetryLadder,
}

/// Checks the database, and the broker where one is given. `accepted` is a number of different events
/// that were answered 202: the check then fails unless as many are found.
pub fn check(database: &Database, broker: Option<&Broker>, accepted: Option<u64>) -> Vec<Row> {
    let mut rows = database
        .read(ledger::rows)
        .unwrap_or_else(|error| vec![unknown("database", &error)]);
    if let Some(broker) = broker {
        let broker_rows = broker::rows(&broker.api, &broker.ladder);
        rows.extend(broker_rows.unwrap_or_else(|error| vec![unknown("broker", &error)]));
    }
    if let Some(accepted) = accepted {
        // The broker first: an event that moves on meanwhile is then counted twice instead of never.
        let waiting = match broker {
            Some(broker) => broker::waiting(&broker.api, &broker.ladder).unwrap_or(None),
            None => Some(0),
        };
        rows.push(match database.read(account::read) {
            Ok(account) => account::row(&account, waiting, accepted),
            Err(error) => unknown("accounted_for", &error),
        });
    }
    rows
}

fn unknown(id: &'static str, error: &dyn Error) -> Row {
    Row::new(id, Status::Unknown, in_one_line(error))
}
