//! Writes decisions to the ledger, one transaction per batch. Every statement sorts its rows by key, so
//! that concurrent batches wait for each other instead of deadlocking.

mod identities;
pub(crate) mod payments;
pub mod plan;
pub(crate) mod read;
mod statement;
mod write;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use diesel::Connection;
use diesel::pg::PgConnection;
use paynow_shared::ids::RefundId;

use crate::database::{DatabaseError, locks};
use crate::decide::Policy;
use crate::decide::view::Told;
use crate::disposition::Disposition;
use crate::message::DecodedMessage;
use crate::observe::events::BatchCommitted;
use plan::{charged_back_by, plan, refund_of};

/// A view is stale because another transaction has committed, so the next try sees its rows. When this
/// many full views in a row are stale, the caller applies the messages one by one.
const TRIES_MAX: u32 = 5;
/// So many batches after a stale view are decided on a full view: duplicates come in bursts, because
/// PayNow sends everything again, or a queue is delivered again.
const FULL_VIEWS_AFTER_STALE: u32 = 20;
/// A connection that was not used for so long may have died unnoticed. Asking it costs less than the time
/// after which a silent transaction is given up.
const IDLE: Duration = Duration::from_secs(5);

/// The result of a committed transaction.
#[derive(Debug)]
pub struct BatchResult {
    /// One per message, in order.
    pub dispositions: Vec<Disposition>,
    pub committed: BatchCommitted,
}

/// The ledger, as one lane writes it.
pub struct Ledger {
    pub(crate) connection: PgConnection,
    /// What PayNow said about refunds of the next messages. A person's decision goes before it.
    pub(crate) told: HashMap<RefundId, Told>,
    /// How many more batches are decided on a full view from the start.
    full_views_left: u32,
    /// `None` on a new connection.
    lock_wait: Option<Duration>,
    /// When the connection was last found to be alive.
    used_at: Instant,
}

impl Ledger {
    pub fn new(connection: PgConnection) -> Self {
        Self {
            connection,
            told: HashMap::new(),
            full_views_left: 0,
            lock_wait: None,
            used_at: Instant::now(),
        }
    }

    /// Whether nobody has used the connection for a while.
    pub(crate) fn is_idle(&self) -> bool {
        self.used_at.elapsed() >= IDLE
    }

    /// The connection was used.
    pub(crate) fn used(&mut self) {
        self.used_at = Instant::now();
    }

    /// Sets how long the next transactions wait for a lock.
    pub(crate) fn limit_lock_waits(&mut self, lock_wait: Duration) -> Result<(), DatabaseError> {
        if self.lock_wait != Some(lock_wait) {
            locks::limit_waits(&mut self.connection, lock_wait)?;
            self.lock_wait = Some(lock_wait);
        }
        Ok(())
    }

    /// Applies messages: all of them commit, or none does.
    ///
    /// Most batches contain only new orders, and these need no view of the ledger: the inserts show
    /// whether the orders were new. If one was not, the batch is applied again with a full view.
    pub fn apply(
        &mut self,
        messages: &[DecodedMessage<'_>],
        policy: &Policy,
    ) -> Result<BatchResult, DatabaseError> {
        if self.full_views_left == 0 && may_all_be_new(messages) {
            match self.try_apply(messages, policy, View::PricesOnly) {
                Err(DatabaseError::StaleView) => self.full_views_left = FULL_VIEWS_AFTER_STALE,
                result => return result,
            }
        }
        self.full_views_left = self.full_views_left.saturating_sub(1);
        for _try in 1..TRIES_MAX {
            match self.try_apply(messages, policy, View::Full) {
                Err(DatabaseError::StaleView) => {}
                result => return result,
            }
        }
        self.try_apply(messages, policy, View::Full)
    }

    fn try_apply(
        &mut self,
        messages: &[DecodedMessage<'_>],
        policy: &Policy,
        view: View,
    ) -> Result<BatchResult, DatabaseError> {
        self.connection.transaction(|connection| {
            let mut known = match view {
                View::PricesOnly => read::read_prices(connection, messages)?,
                View::Full => read::read_view(connection, messages)?,
            };
            for (refund_id, told) in &self.told {
                known.told.entry(*refund_id).or_insert(told.clone());
            }
            let plan = plan(messages, &mut known, policy);
            // A refused event inserts no row, so no insert shows whether it was applied before.
            if view == View::PricesOnly && !plan.dispositions.iter().all(Disposition::is_ack) {
                return Err(DatabaseError::StaleView);
            }
            // A row that exists already is not in the view: it is newer, or only prices were read.
            if !write::insert(connection, &plan)? {
                return Err(DatabaseError::StaleView);
            }
            payments::record(connection, &plan.events)?;
            identities::record(connection, &plan.events)?;
            paynow_process::fault_point!("before_commit");
            Ok(BatchResult {
                committed: plan.totals(),
                dispositions: plan.dispositions,
            })
        })
    }
}

/// How much of the ledger is read before the decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    /// The points of products: enough for events that the ledger does not contain.
    PricesOnly,
    Full,
}

/// Whether all events are likely to be new to the ledger. A reversal always needs a full view, and a
/// message that was delivered before may have been applied.
fn may_all_be_new(messages: &[DecodedMessage<'_>]) -> bool {
    messages.iter().all(|decoded| {
        let is_reversal = decoded
            .event
            .as_ref()
            .is_ok_and(|event| refund_of(event).is_some() || charged_back_by(event).is_some());
        !is_reversal && decoded.message.redeliveries == 0
    })
}
