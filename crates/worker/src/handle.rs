//! Batch to dispositions. When the database rejects a batch, another transaction holds one of its rows,
//! or handling it panics, its messages are applied again one by one, so that only the one at fault fails,
//! and only those that need the held row wait on the retry ladder. Only a failure of the database is an
//! error here.

mod questions;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use paynow_process::observe::Observable;
use paynow_shared::reason::Reason;
use paynow_shared::wire::Failure;

use crate::attempt::{AttemptError, Attempts, Rules};
use crate::crash_marks::{CrashMarks, is_suspect};
use crate::database::{DatabaseAddress, DatabaseError};
use crate::disposition::Disposition;
use crate::message::Message;
use crate::observe::events::BatchRedone;
use crate::progress::LaneProgress;

/// How long a batch waits for a lock. Lanes hold the wallets that they share for milliseconds.
const BATCH_LOCK_WAIT: Duration = Duration::from_secs(1);
/// After a batch that met a lock, because the lock is probably still held.
const NEXT_BATCH_LOCK_WAIT: Duration = Duration::from_millis(100);
/// How long an event alone waits for a lock. Each lock that is met halves the wait of those behind it, so
/// that a batch full of events of one held wallet does not hold up the others.
const EVENT_LOCK_WAIT: Duration = Duration::from_millis(500);
const EVENT_LOCK_WAIT_MIN: Duration = Duration::from_millis(20);

/// Handles the batches of one lane.
pub struct Handler {
    attempts: Attempts,
    progress: LaneProgress,
    batch_lock_wait: Duration,
}

impl Handler {
    pub fn new(
        database: DatabaseAddress,
        rules: Arc<Rules>,
        crash_marks: CrashMarks,
        progress: LaneProgress,
    ) -> Self {
        let attempts = Attempts {
            database,
            rules,
            crash_marks,
            told: HashMap::new(),
            ledger: None,
        };
        Self {
            attempts,
            progress,
            batch_lock_wait: BATCH_LOCK_WAIT,
        }
    }

    /// Returns one disposition per message, in order. On an error no event is at fault, and all
    /// messages must stay with the broker until the database is available.
    pub async fn handle(
        &mut self,
        messages: &Arc<Vec<Message>>,
    ) -> Result<Vec<Disposition>, DatabaseError> {
        if messages.iter().any(is_suspect) {
            return self.one_by_one(messages).await;
        }
        let wait = std::mem::replace(&mut self.batch_lock_wait, BATCH_LOCK_WAIT);
        let result = self.attempts.apply(messages, 0..messages.len(), wait).await;
        if let Err(AttemptError::Locked(_)) = result {
            self.batch_lock_wait = NEXT_BATCH_LOCK_WAIT;
        }
        match result {
            Ok(dispositions) => Ok(dispositions),
            // Two lanes whose batches share many orders can make each other's views stale again and
            // again. One by one, their events pass.
            Err(AttemptError::Event(_) | AttemptError::Locked(_) | AttemptError::StaleView) => {
                let events = messages.len();
                BatchRedone { events }.emit();
                self.one_by_one(messages).await
            }
            Err(AttemptError::Database(error)) => Err(error),
        }
    }

    async fn one_by_one(
        &mut self,
        messages: &Arc<Vec<Message>>,
    ) -> Result<Vec<Disposition>, DatabaseError> {
        let mut dispositions = Vec::with_capacity(messages.len());
        let mut wait = EVENT_LOCK_WAIT;
        for (index, message) in messages.iter().enumerate() {
            let _only_suspect = match is_suspect(message) {
                true => Some(self.attempts.crash_marks.lock().await),
                false => None,
            };
            dispositions.extend(self.one(messages, index, &mut wait).await?);
        }
        Ok(dispositions)
    }

    /// Applies one message, whose disposition it returns.
    async fn one(
        &mut self,
        messages: &Arc<Vec<Message>>,
        index: usize,
        wait: &mut Duration,
    ) -> Result<Vec<Disposition>, DatabaseError> {
        let range = index..index.saturating_add(1);
        match self.attempts.apply(messages, range, *wait).await {
            Ok(one) => {
                self.progress.committed();
                Ok(one)
            }
            Err(AttemptError::Locked(failure)) => {
                // The database has answered, and the event leaves this worker.
                self.progress.committed();
                *wait = (*wait / 2).max(EVENT_LOCK_WAIT_MIN);
                Ok(vec![Disposition::RetryLater(failure)])
            }
            Err(AttemptError::Event(failure)) => Ok(vec![Disposition::DeadLetter(failure)]),
            // Another lane cannot be first every time, so the rows must contradict each other in a
            // way that no decision noticed. The event must not hold up the others.
            Err(AttemptError::StaleView) => {
                let error = DatabaseError::StaleView.to_string();
                let failure = Failure::new(Reason::LedgerRejected, error);
                Ok(vec![Disposition::RetryLater(failure)])
            }
            Err(AttemptError::Database(error)) => Err(error),
        }
    }
}
