//! The SQL of the ledger: arrays through `unnest`, so that a batch of any size is one statement
//! with the same text.

mod read;
mod statement;
mod write;

pub(crate) use read::{Wanted, read_prices, read_view};
pub(crate) use write::{insert_entries, insert_events, insert_orders, insert_reversals};

use paynow_shared::ids::InvalidId;

use crate::database::DatabaseError;

/// The last millisecond of the year 9999; a header beyond it is no time.
const TIME_MS_MAX: i64 = 253_402_300_799_999;

/// A header's time if it can be one; a message with an odd header is credited all the same.
pub(crate) fn time_ms(at: Option<i64>) -> Option<i64> {
    at.filter(|at| (0..=TIME_MS_MAX).contains(at))
}

pub(crate) fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

impl From<InvalidId> for DatabaseError {
    fn from(error: InvalidId) -> Self {
        Self::Unavailable(format!("a stored id is not valid: {error}"))
    }
}
