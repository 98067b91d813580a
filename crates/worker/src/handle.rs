//! Batch to dispositions. When the database rejects a batch, or handling it panics, its messages are
//! applied again one by one, so that only the one at fault fails. Only a failure of the database is an
//! error here.

use std::sync::Arc;

use paynow_process::observe::Observable;
use paynow_shared::reason::Reason;
use paynow_shared::wire::Failure;

use crate::attempt::{AttemptError, Attempts};
use crate::crash_marks::{CrashMarks, is_suspect};
use crate::database::{DatabaseAddress, DatabaseError};
use crate::decide::Policy;
use crate::disposition::Disposition;
use crate::message::Message;
use crate::observe::events::BatchRedone;

/// Handles the batches of one lane.
pub struct Handler {
    attempts: Attempts,
}

impl Handler {
    pub fn new(database: DatabaseAddress, policy: Arc<Policy>, crash_marks: CrashMarks) -> Self {
        let attempts = Attempts {
            database,
            policy,
            crash_marks,
            ledger: None,
        };
        Self { attempts }
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
        match self.attempts.apply(messages, 0..messages.len()).await {
            Ok(dispositions) => Ok(dispositions),
            // Two lanes whose batches share many orders can make each other's views stale again and
            // again. One by one, their events pass.
            Err(AttemptError::Event(_) | AttemptError::StaleView) => {
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
        for (index, message) in messages.iter().enumerate() {
            let _only_suspect = match is_suspect(message) {
                true => Some(self.attempts.crash_marks.lock().await),
                false => None,
            };
            let range = index..index.saturating_add(1);
            match self.attempts.apply(messages, range).await {
                Ok(one) => dispositions.extend(one),
                Err(AttemptError::Event(failure)) => {
                    dispositions.push(Disposition::DeadLetter(failure));
                }
                // Another lane cannot be first every time, so the rows must contradict each other in a
                // way that no decision noticed. The event must not hold up the others.
                Err(AttemptError::StaleView) => {
                    let error = DatabaseError::StaleView.to_string();
                    let failure = Failure::new(Reason::LedgerRejected, error);
                    dispositions.push(Disposition::RetryLater(failure));
                }
                Err(AttemptError::Database(error)) => return Err(error),
            }
        }
        Ok(dispositions)
    }
}
