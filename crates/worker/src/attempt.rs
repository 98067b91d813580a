//! One attempt to apply some messages: on a blocking thread, with the connection of the lane, in one
//! transaction.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use paynow_process::observe::Observable;
use paynow_shared::ids::RefundId;
use paynow_shared::reason::Reason;
use paynow_shared::wire::Failure;

use crate::ask::Asker;
use crate::crash_marks::{CrashMarks, is_suspect, unmark};
use crate::database::{DatabaseAddress, DatabaseError, locks};
use crate::decide::Policy;
use crate::decide::view::Told;
use crate::disposition::Disposition;
use crate::ledger::Ledger;
use crate::message::{DecodedMessage, Message};
use crate::proof::ProofKeys;

/// Why an attempt returned no dispositions.
pub(crate) enum AttemptError {
    /// One of the events cannot be applied. Of several messages it is not known which.
    Event(Failure),
    /// Another transaction holds a row. Of several messages it is not known which one needs it.
    Locked(Failure),
    /// Other transactions inserted the same rows first, several times in a row.
    StaleView,
    /// The database cannot be used; no event is at fault.
    Database(DatabaseError),
}

/// What decides about messages: which are let in, what their events do, and who is asked.
pub struct Rules {
    pub proof_keys: ProofKeys,
    pub policy: Policy,
    /// `None` without `PAYNOW_API_KEY`.
    pub asker: Option<Arc<Asker>>,
}

/// Makes the attempts of one lane, and keeps the lane's connection between them.
pub(crate) struct Attempts {
    pub(crate) database: DatabaseAddress,
    pub(crate) rules: Arc<Rules>,
    pub(crate) crash_marks: CrashMarks,
    /// What PayNow said about refunds of the messages.
    pub(crate) told: HashMap<RefundId, Told>,
    /// `None` before the first attempt, and after one in which the database failed.
    pub(crate) ledger: Option<Ledger>,
}

impl Attempts {
    /// Applies the messages of a range in one transaction, which waits for a lock no longer than
    /// `lock_wait`. If the database fails on the connection of
    /// an earlier attempt, tries once more on a new one: an idle connection may have died unnoticed.
    pub(crate) async fn apply(
        &mut self,
        messages: &Arc<Vec<Message>>,
        range: Range<usize>,
        lock_wait: Duration,
    ) -> Result<Vec<Disposition>, AttemptError> {
        if let Some(ledger) = self.ledger.take() {
            let attempt = self.apply_to(Some(ledger), messages, range.clone(), lock_wait);
            match attempt.await {
                Err(AttemptError::Database(_broken)) => {}
                result => return result,
            }
        }
        self.apply_to(None, messages, range, lock_wait).await
    }

    /// Applies on the ledger's connection, or on a new one, and keeps it unless the database failed.
    async fn apply_to(
        &mut self,
        ledger: Option<Ledger>,
        messages: &Arc<Vec<Message>>,
        range: Range<usize>,
        lock_wait: Duration,
    ) -> Result<Vec<Disposition>, AttemptError> {
        let (database, rules) = (self.database.clone(), Arc::clone(&self.rules));
        let (crash_marks, messages) = (self.crash_marks.clone(), Arc::clone(messages));
        let told = self.told.clone();
        let attempt = tokio::task::spawn_blocking(move || {
            let open = || database.connect().map(Ledger::new);
            let mut ledger = ledger.map_or_else(open, Ok)?;
            if ledger.is_idle() {
                database.answers(&mut ledger.connection)?;
            }
            ledger.told = told;
            ledger.limit_lock_waits(lock_wait)?;
            let started = Instant::now();
            let result = match messages.get(range).unwrap_or_default() {
                [message] if is_suspect(message) => {
                    apply_suspect(&mut ledger, message, &rules, &crash_marks)
                }
                messages => apply(&mut ledger, messages, &rules),
            };
            let result = result.map_err(|error| {
                locks::explain(&mut ledger.connection, error, started.elapsed(), lock_wait)
            });
            ledger.used();
            Ok::<_, DatabaseError>((ledger, result))
        });
        let Ok(attempt) = attempt.await else {
            let error = "the worker panicked while it handled this event; see the log";
            return Err(AttemptError::Event(Failure::new(Reason::CrashLoop, error)));
        };
        let (ledger, result) = attempt.map_err(AttemptError::from)?;
        let result = result.map_err(AttemptError::from);
        if !matches!(result, Err(AttemptError::Database(_))) {
            self.ledger = Some(ledger);
        }
        result
    }
}

fn apply(
    ledger: &mut Ledger,
    messages: &[Message],
    rules: &Rules,
) -> Result<Vec<Disposition>, DatabaseError> {
    let proofs = rules.proof_keys.prove(&mut ledger.connection, messages)?;
    let messages = messages.iter().zip(proofs);
    let decoded: Vec<DecodedMessage<'_>> = messages
        .map(|(message, proof)| DecodedMessage::of(message, proof))
        .collect();
    let result = ledger.apply(&decoded, &rules.policy)?;
    result.committed.emit();
    Ok(result.dispositions)
}

fn apply_suspect(
    ledger: &mut Ledger,
    message: &Message,
    rules: &Rules,
    crash_marks: &CrashMarks,
) -> Result<Vec<Disposition>, DatabaseError> {
    let dispositions = if crash_marks.mark(&mut ledger.connection, message)? {
        apply(ledger, std::slice::from_ref(message), rules)
    } else {
        Ok(vec![Disposition::DeadLetter(Failure::new(
            Reason::CrashLoop,
            "the worker crashed several times while it handled this message",
        ))])
    };
    unmark(&mut ledger.connection, message)?;
    dispositions
}

impl From<DatabaseError> for AttemptError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Rejected {
                constraint,
                message,
            } => {
                let reason = match constraint.as_deref() {
                    Some("wallets_balance_fits") => Reason::Overflow,
                    Some(_) | None => Reason::LedgerRejected,
                };
                let constraint = constraint.map(|name| format!(" ({name})"));
                let error = message + &constraint.unwrap_or_default();
                Self::Event(Failure::new(reason, error))
            }
            DatabaseError::WalletLocked(_) => {
                Self::Locked(Failure::new(Reason::WalletLocked, error.to_string()))
            }
            DatabaseError::RowLocked(_) => {
                Self::Locked(Failure::new(Reason::RowLocked, error.to_string()))
            }
            DatabaseError::StaleView => Self::StaleView,
            DatabaseError::Unavailable(_) | DatabaseError::SchemaBehind => Self::Database(error),
        }
    }
}
