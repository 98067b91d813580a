//! Decisions to ledger: one transaction per batch. Rows are sorted by key in every statement, so
//! that concurrent batches wait for each other instead of deadlocking.

use diesel::Connection;
use diesel::pg::PgConnection;

use crate::database::DatabaseError;
use crate::decide::Policy;
use crate::disposition::Disposition;
use crate::plan::{Incoming, plan};
use crate::rows;
use crate::tally::Tally;

/// A race is lost to a transaction that has committed, so the next try sees its rows; more in a
/// row than this is no race.
const TRIES: u32 = 5;

/// A batch whose transaction has committed.
#[derive(Debug)]
pub struct Committed {
    /// One per message, in order.
    pub dispositions: Vec<Disposition>,
    pub tally: Tally,
}

/// Applies a batch: all of it commits, or nothing does. The dispositions hold only because the
/// commit came first.
pub fn apply(
    connection: &mut PgConnection,
    batch: &[Incoming<'_>],
    policy: &Policy,
) -> Result<Committed, DatabaseError> {
    for _try in 1..TRIES {
        match try_apply(connection, batch, policy) {
            Err(DatabaseError::Raced) => {}
            decided => return decided,
        }
    }
    try_apply(connection, batch, policy)
}

fn try_apply(
    connection: &mut PgConnection,
    batch: &[Incoming<'_>],
    policy: &Policy,
) -> Result<Committed, DatabaseError> {
    connection.transaction(|connection| {
        let mut view = rows::read_view(connection, batch)?;
        let plan = plan(batch, &mut view, policy);
        // Each count must be whole: a row that another transaction wrote first is a decision that
        // was made on an old view.
        let whole = rows::insert_events(connection, &plan.events)? == plan.events.len()
            && rows::insert_orders(connection, &plan.orders)? == plan.orders.len()
            && rows::insert_reversals(connection, &plan.reversals)? == plan.reversals.len()
            && rows::insert_entries(connection, &plan.entries)? == plan.entries.len();
        if whole {
            Ok(Committed {
                tally: Tally::of(&plan),
                dispositions: plan.dispositions,
            })
        } else {
            Err(DatabaseError::Raced)
        }
    })
}
