//! A batch of messages to their dispositions, whatever happens: a bad event costs its neighbours a
//! second try, a panic costs one event, and only a database in trouble is an error.

use std::ops::Range;
use std::sync::Arc;

use diesel::pg::PgConnection;
use paynow_process::clock;
use paynow_process::observe::Observable;
use paynow_shared::reason::Reason;
use paynow_shared::wire::Failure;

use crate::crash_marks::{Bench, is_suspect, unmark};
use crate::database::{DatabaseAddress, DatabaseError};
use crate::decide::Policy;
use crate::disposition::Disposition;
use crate::ledger::Ledger;
use crate::ledger::plan::{Incoming, Received};
use crate::observe::{BatchRedone, Committed};

/// No event is to blame; the batch stays with the broker until the database is back.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// Why an attempt at some messages gave no dispositions.
enum Trouble {
    /// One of them cannot be applied; alone, it is this one.
    OfAnEvent(Failure),
    /// Another lane was first with the same rows, time after time.
    Raced,
    Unavailable(Unavailable),
}

/// Owns the database connection of one lane.
pub struct Handler {
    address: DatabaseAddress,
    policy: Arc<Policy>,
    bench: Bench,
    books: Option<Books>,
}

/// What a lane keeps between its batches; lost when the database is.
struct Books {
    connection: PgConnection,
    ledger: Ledger,
}

impl Books {
    fn open(address: &DatabaseAddress) -> Result<Self, DatabaseError> {
        Ok(Self {
            connection: address.connect()?,
            ledger: Ledger::default(),
        })
    }
}

/// What an attempt does with its connection and its messages.
type Work = fn(&mut Books, &[Received], &Context) -> Result<Vec<Disposition>, DatabaseError>;

/// What an attempt needs besides the connection.
#[derive(Clone)]
struct Context {
    policy: Arc<Policy>,
    bench: Bench,
}

impl Handler {
    pub fn new(address: DatabaseAddress, policy: Arc<Policy>, bench: Bench) -> Self {
        Self {
            address,
            policy,
            bench,
            books: None,
        }
    }

    /// One disposition per message, in order.
    pub async fn handle(
        &mut self,
        batch: &Arc<Vec<Received>>,
    ) -> Result<Vec<Disposition>, Unavailable> {
        if batch.iter().any(is_suspect) {
            return self.one_by_one(batch).await;
        }
        match self.attempt(apply, batch, 0..batch.len()).await {
            Ok(dispositions) => Ok(dispositions),
            // Two lanes whose batches share many orders undo each other's work; one by one they pass.
            Err(Trouble::OfAnEvent(_) | Trouble::Raced) => {
                BatchRedone {
                    events: batch.len(),
                }
                .emit();
                self.one_by_one(batch).await
            }
            Err(Trouble::Unavailable(error)) => Err(error),
        }
    }

    async fn one_by_one(
        &mut self,
        batch: &Arc<Vec<Received>>,
    ) -> Result<Vec<Disposition>, Unavailable> {
        let mut dispositions = Vec::with_capacity(batch.len());
        for (index, message) in batch.iter().enumerate() {
            let range = index..index.saturating_add(1);
            let outcome = if is_suspect(message) {
                let alone = self.bench.alone();
                let _alone = alone.lock().await;
                self.attempt(apply_suspect, batch, range).await
            } else {
                self.attempt(apply, batch, range).await
            };
            match outcome {
                Ok(one) => dispositions.extend(one),
                Err(Trouble::OfAnEvent(failure)) => {
                    dispositions.push(Disposition::DeadLetter(failure));
                }
                // No other batch can be that quick for ever: the rows contradict each other in a way
                // that no decision saw. It must not hold up the rest.
                Err(Trouble::Raced) => dispositions.push(Disposition::RetryLater(Failure::new(
                    Reason::LedgerRejected,
                    DatabaseError::Raced.to_string(),
                ))),
                Err(Trouble::Unavailable(error)) => return Err(error),
            }
        }
        Ok(dispositions)
    }

    /// One transaction. A connection that was idle may have died unnoticed, so a failure on one is
    /// tried once more on a new one.
    async fn attempt(
        &mut self,
        work: Work,
        batch: &Arc<Vec<Received>>,
        range: Range<usize>,
    ) -> Result<Vec<Disposition>, Trouble> {
        if let Some(books) = self.books.take() {
            let tried = self.attempt_on(Some(books), work, batch, range.clone());
            match tried.await {
                Err(Trouble::Unavailable(_stale)) => {}
                decided => return decided,
            }
        }
        self.attempt_on(None, work, batch, range).await
    }

    async fn attempt_on(
        &mut self,
        books: Option<Books>,
        work: Work,
        batch: &Arc<Vec<Received>>,
        range: Range<usize>,
    ) -> Result<Vec<Disposition>, Trouble> {
        let address = self.address.clone();
        let context = Context {
            policy: Arc::clone(&self.policy),
            bench: self.bench.clone(),
        };
        let batch = Arc::clone(batch);
        let done = tokio::task::spawn_blocking(move || {
            let mut books = books.map_or_else(|| Books::open(&address), Ok)?;
            let received = batch.get(range).unwrap_or_default();
            let applied = work(&mut books, received, &context);
            Ok((books, applied))
        });
        let (books, applied) = match done.await {
            Ok(done) => done.map_err(trouble)?,
            Err(_panicked) => {
                return Err(Trouble::OfAnEvent(Failure::new(
                    Reason::CrashLoop,
                    "handling it panicked; the log says where",
                )));
            }
        };
        let outcome = applied.map_err(trouble);
        // After trouble with the database the connection is not worth keeping.
        if !matches!(outcome, Err(Trouble::Unavailable(_))) {
            self.books = Some(books);
        }
        outcome
    }
}

fn apply(
    books: &mut Books,
    received: &[Received],
    context: &Context,
) -> Result<Vec<Disposition>, DatabaseError> {
    let incoming: Vec<Incoming<'_>> = received.iter().map(Incoming::read).collect();
    let Books { connection, ledger } = books;
    let committed = ledger.apply(connection, &incoming, &context.policy)?;
    Committed {
        tally: &committed.tally,
        now_ms: clock::now_ms(),
    }
    .emit();
    Ok(committed.dispositions)
}

fn apply_suspect(
    books: &mut Books,
    received: &[Received],
    context: &Context,
) -> Result<Vec<Disposition>, DatabaseError> {
    let Some(message) = received.first() else {
        return Ok(Vec::new());
    };
    let dispositions = if context.bench.mark(&mut books.connection, message)? {
        apply(books, received, context)
    } else {
        Ok(vec![Disposition::DeadLetter(Failure::new(
            Reason::CrashLoop,
            "the worker crashed with it in hand, again and again",
        ))])
    };
    unmark(&mut books.connection, message)?;
    dispositions
}

fn trouble(error: DatabaseError) -> Trouble {
    match error {
        DatabaseError::Rejected {
            constraint,
            message,
        } => {
            let overflow = constraint.as_deref() == Some("wallets_balance_fits");
            let reason = if overflow {
                Reason::Overflow
            } else {
                Reason::LedgerRejected
            };
            let rule = constraint
                .map(|name| format!(" ({name})"))
                .unwrap_or_default();
            Trouble::OfAnEvent(Failure::new(reason, format!("{message}{rule}")))
        }
        DatabaseError::Raced => Trouble::Raced,
        DatabaseError::Unavailable(_) | DatabaseError::SchemaBehind => {
            Trouble::Unavailable(Unavailable(error.to_string()))
        }
    }
}
