//! Decisions to ledger: one transaction per batch. Rows are sorted by key in every statement, so
//! that concurrent batches wait for each other instead of deadlocking.

pub mod plan;
pub(crate) mod read;
mod statement;
mod write;

use diesel::Connection;
use diesel::pg::PgConnection;
use paynow_shared::event::EventKind;

use crate::database::DatabaseError;
use crate::decide::Policy;
use crate::disposition::Disposition;
use crate::tally::Tally;
use plan::{Incoming, plan};

/// A race is lost to a transaction that has committed, so the next try sees its rows; more in a
/// row than this is no race.
const TRIES: u32 = 5;
/// Duplicates come in bursts: a shop that sends all again, a queue that was handed back.
const CAREFUL_AFTER_RACE: u32 = 20;

/// A batch whose transaction has committed.
#[derive(Debug)]
pub struct Committed {
    /// One per message, in order.
    pub dispositions: Vec<Disposition>,
    pub tally: Tally,
}

/// Applies batches, and knows how it went lately.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Batches to look at first, after one that turned out not to be new.
    careful: u32,
}

impl Ledger {
    /// Applies a batch: all of it commits, or nothing does. The dispositions hold only because the
    /// commit came first.
    ///
    /// Most batches are orders that nobody told us before. For those there is nothing to look at:
    /// their rows say by their counts whether they were new, and if not, it was a race like any other.
    pub fn apply(
        &mut self,
        connection: &mut PgConnection,
        batch: &[Incoming<'_>],
        policy: &Policy,
    ) -> Result<Committed, DatabaseError> {
        if self.careful == 0 && may_be_new(batch) {
            match try_apply(connection, batch, policy, Look::AtPrices) {
                Err(DatabaseError::Raced) => self.careful = CAREFUL_AFTER_RACE,
                decided => return decided,
            }
        }
        self.careful = self.careful.saturating_sub(1);
        for _try in 1..TRIES {
            match try_apply(connection, batch, policy, Look::AtAll) {
                Err(DatabaseError::Raced) => {}
                decided => return decided,
            }
        }
        try_apply(connection, batch, policy, Look::AtAll)
    }
}

/// How much of the ledger a try looks at before it decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Only what products give: right for a batch that the ledger does not know.
    AtPrices,
    AtAll,
}

/// Whether all that the ledger may know of the batch is a duplicate: what reverses points depends on
/// what is there, and what was delivered before may have been applied.
fn may_be_new(batch: &[Incoming<'_>]) -> bool {
    batch.iter().all(|incoming| {
        let is_reversal = incoming.event.as_ref().is_ok_and(|event| match event.kind {
            EventKind::Refunded(_) | EventKind::Chargeback(_) => true,
            EventKind::OrderCompleted(_) | EventKind::Ignored => false,
        });
        !is_reversal && incoming.received.redeliveries == 0
    })
}

fn try_apply(
    connection: &mut PgConnection,
    batch: &[Incoming<'_>],
    policy: &Policy,
    look: Look,
) -> Result<Committed, DatabaseError> {
    connection.transaction(|connection| {
        let mut view = match look {
            Look::AtPrices => read::read_prices(connection, batch)?,
            Look::AtAll => read::read_view(connection, batch)?,
        };
        let plan = plan(batch, &mut view, policy);
        // What is refused leaves no row that could say it was there before.
        if look == Look::AtPrices && !plan.dispositions.iter().all(Disposition::is_ack) {
            return Err(DatabaseError::Raced);
        }
        // Each count must be whole: a row that another transaction wrote first is a decision that
        // was made on an old view.
        let whole = write::insert_events(connection, &plan.events)? == plan.events.len()
            && write::insert_orders(connection, &plan.orders)? == plan.orders.len()
            && write::insert_reversals(connection, &plan.reversals)? == plan.reversals.len()
            && write::insert_entries(connection, &plan.entries)? == plan.entries.len();
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
