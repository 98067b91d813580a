//! Accepted events against the events that are settled, dead or waiting: none may be lost.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;

use super::{Row, Status};
use crate::row::row;

row! {
    /// Events of the database by what became of them.
    pub(super) struct Account {
        credited: i64,
        ignored: i64,
        /// Dead letters whose event was not settled afterwards.
        dead: i64,
    }
}

pub(super) fn read(connection: &mut PgConnection) -> QueryResult<Account> {
    sql_query(
        "SELECT count(*) FILTER (WHERE outcome <> 'ignored') AS credited, \
                count(*) FILTER (WHERE outcome = 'ignored') AS ignored, \
                (SELECT count(*) FROM dead_letters letter WHERE NOT EXISTS ( \
                    SELECT FROM webhook_events event \
                    WHERE event.event_id::text = letter.event_id \
                        AND event.body_sha256 = letter.body_sha256)) AS dead \
         FROM webhook_events",
    )
    .get_result(connection)
}

/// Fewer events than were accepted is a loss. More is not: an event that was sent twice waits twice.
pub(super) fn row(account: &Account, waiting: Option<u64>, accepted: u64) -> Row {
    let known = [account.credited, account.ignored, account.dead].map(i64::unsigned_abs);
    let (status, waiting) = match waiting {
        None => (Status::Unknown, "an unknown number".to_owned()),
        Some(waiting) => {
            let found = known.iter().sum::<u64>().saturating_add(waiting);
            let is_lost = found < accepted;
            let status = if is_lost { Status::Failed } else { Status::Ok };
            (status, waiting.to_string())
        }
    };
    let [credited, ignored, dead] = known;
    let message = format!(
        "{accepted} accepted: {credited} applied, {ignored} ignored, {waiting} waiting, {dead} dead"
    );
    Row::new("accounted_for", status, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_event_is_a_failure() {
        let account = Account {
            credited: 5,
            ignored: 2,
            dead: 1,
        };
        for (waiting, accepted, status) in [
            (Some(0), 8, Status::Ok),
            (Some(2), 10, Status::Ok),
            (Some(3), 10, Status::Ok),
            (Some(1), 10, Status::Failed),
            (None, 8, Status::Unknown),
        ] {
            assert_eq!(
                row(&account, waiting, accepted).status,
                status,
                "{waiting:?}, {accepted}"
            );
        }
    }
}
