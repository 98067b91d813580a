//! One attempt to apply some messages: on a blocking thread, with the connection of the lane, in one
//! transaction.

use std::ops::Range;
use std::sync::Arc;

use diesel::pg::PgConnection;
use paynow_process::clock;
use paynow_process::observe::Observable;
use paynow_shared::reason::Reason;
use paynow_shared::wire::Failure;

use crate::crash_marks::{CrashMarks, is_suspect, unmark};
use crate::database::{DatabaseAddress, DatabaseError};
use crate::decide::Policy;
use crate::disposition::Disposition;
use crate::ledger::Ledger;
use crate::message::{DecodedMessage, Message};
use crate::observe::events::BatchCommitted;

/// Why an attempt returned no dispositions.
pub(crate) enum AttemptError {
    /// One of the events cannot be applied. Of several messages it is not known which.
    Event(Failure),
    /// Other transactions inserted the same rows first, several times in a row.
    StaleView,
    /// The database cannot be used; no event is at fault.
    Database(DatabaseError),
}

/// Makes the attempts of one lane, and keeps the lane's connection between them.
pub(crate) struct Attempts {
    database: DatabaseAddress,
    context: Context,
    open: Option<OpenLedger>,
}

/// The arguments of an attempt that are the same for all attempts.
#[derive(Clone)]
struct Context {
    policy: Arc<Policy>,
    crash_marks: CrashMarks,
}

/// A connection, and what its ledger learned from earlier batches.
struct OpenLedger {
    connection: PgConnection,
    ledger: Ledger,
}

impl Attempts {
    pub(crate) fn new(
        database: DatabaseAddress,
        policy: Arc<Policy>,
        crash_marks: CrashMarks,
    ) -> Self {
        Self {
            database,
            context: Context {
                policy,
                crash_marks,
            },
            open: None,
        }
    }

    /// Applies the messages of a range in one transaction. An idle connection may have died unnoticed,
    /// so a failure on a kept connection is repeated once on a new one.
    pub(crate) async fn apply(
        &mut self,
        messages: &Arc<Vec<Message>>,
        range: Range<usize>,
    ) -> Result<Vec<Disposition>, AttemptError> {
        if let Some(open) = self.open.take() {
            match self.apply_on(Some(open), messages, range.clone()).await {
                Err(AttemptError::Database(_broken)) => {}
                result => return result,
            }
        }
        self.apply_on(None, messages, range).await
    }

    /// Applies on the given connection, or on a new one. Keeps the connection unless it failed.
    async fn apply_on(
        &mut self,
        open: Option<OpenLedger>,
        messages: &Arc<Vec<Message>>,
        range: Range<usize>,
    ) -> Result<Vec<Disposition>, AttemptError> {
        let (database, context) = (self.database.clone(), self.context.clone());
        let messages = Arc::clone(messages);
        let attempt = tokio::task::spawn_blocking(move || {
            let mut open = match open {
                Some(open) => open,
                None => OpenLedger {
                    connection: database.connect()?,
                    ledger: Ledger::default(),
                },
            };
            let result = match messages.get(range).unwrap_or_default() {
                [message] if is_suspect(message) => apply_suspect(&mut open, message, &context),
                messages => apply(&mut open, messages, &context),
            };
            Ok::<_, DatabaseError>((open, result))
        });
        let Ok(attempt) = attempt.await else {
            let error = "handling it panicked; the log says where";
            return Err(AttemptError::Event(Failure::new(Reason::CrashLoop, error)));
        };
        let (open, result) = attempt.map_err(AttemptError::from)?;
        let result = result.map_err(AttemptError::from);
        if !matches!(result, Err(AttemptError::Database(_))) {
            self.open = Some(open);
        }
        result
    }
}

fn apply(
    open: &mut OpenLedger,
    messages: &[Message],
    context: &Context,
) -> Result<Vec<Disposition>, DatabaseError> {
    let decoded: Vec<DecodedMessage<'_>> = messages.iter().map(DecodedMessage::decode).collect();
    let OpenLedger { connection, ledger } = open;
    let committed = ledger.apply(connection, &decoded, &context.policy)?;
    BatchCommitted {
        outcomes: &committed.tally.outcomes,
        duplicates: committed.tally.duplicates,
        points: &committed.tally.points,
        signed_at_ms: &committed.tally.signed_at_ms,
        now_ms: clock::now_ms(),
    }
    .emit();
    Ok(committed.dispositions)
}

fn apply_suspect(
    open: &mut OpenLedger,
    message: &Message,
    context: &Context,
) -> Result<Vec<Disposition>, DatabaseError> {
    let dispositions = if context.crash_marks.mark(&mut open.connection, message)? {
        apply(open, std::slice::from_ref(message), context)
    } else {
        Ok(vec![Disposition::DeadLetter(Failure::new(
            Reason::CrashLoop,
            "the worker crashed with it in hand, again and again",
        ))])
    };
    unmark(&mut open.connection, message)?;
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
            DatabaseError::StaleView => Self::StaleView,
            DatabaseError::Unavailable(_) | DatabaseError::SchemaBehind => Self::Database(error),
        }
    }
}
