//! A batch of messages to their dispositions, whatever happens: a bad event costs its neighbours a
//! second try, a panic costs one event, and only a database in trouble is an error.

use std::ops::Range;
use std::sync::Arc;

use diesel::pg::PgConnection;
use paynow_shared::reason::Reason;
use paynow_shared::wire::Failure;

use crate::database::{DatabaseAddress, DatabaseError};
use crate::decide::Policy;
use crate::disposition::Disposition;
use crate::ledger;
use crate::observe;
use crate::plan::{Incoming, Received};

/// No event is to blame; the batch stays with the broker until the database is back.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// Why an attempt at some messages gave no dispositions.
enum Trouble {
    /// One of them cannot be applied; alone, it is this one.
    OfAnEvent(Failure),
    Unavailable(Unavailable),
}

/// Owns the database connection of one lane.
pub struct Handler {
    address: DatabaseAddress,
    policy: Arc<Policy>,
    connection: Option<PgConnection>,
}

impl Handler {
    pub fn new(address: DatabaseAddress, policy: Arc<Policy>) -> Self {
        Self {
            address,
            policy,
            connection: None,
        }
    }

    /// One disposition per message, in order.
    pub async fn handle(
        &mut self,
        batch: &Arc<Vec<Received>>,
    ) -> Result<Vec<Disposition>, Unavailable> {
        match self.attempt(batch, 0..batch.len()).await {
            Ok(dispositions) => Ok(dispositions),
            Err(Trouble::OfAnEvent(_whichever)) => self.one_by_one(batch).await,
            Err(Trouble::Unavailable(error)) => Err(error),
        }
    }

    async fn one_by_one(
        &mut self,
        batch: &Arc<Vec<Received>>,
    ) -> Result<Vec<Disposition>, Unavailable> {
        observe::batch_redone(batch.len());
        let mut dispositions = Vec::with_capacity(batch.len());
        for index in 0..batch.len() {
            match self.attempt(batch, index..index.saturating_add(1)).await {
                Ok(one) => dispositions.extend(one),
                Err(Trouble::OfAnEvent(failure)) => {
                    dispositions.push(Disposition::DeadLetter(failure));
                }
                Err(Trouble::Unavailable(error)) => return Err(error),
            }
        }
        Ok(dispositions)
    }

    /// One transaction. A connection that was idle may have died unnoticed, so a failure on one is
    /// tried once more on a new one.
    async fn attempt(
        &mut self,
        batch: &Arc<Vec<Received>>,
        range: Range<usize>,
    ) -> Result<Vec<Disposition>, Trouble> {
        if let Some(connection) = self.connection.take() {
            match self
                .attempt_on(Some(connection), batch, range.clone())
                .await
            {
                Err(Trouble::Unavailable(_stale)) => {}
                decided => return decided,
            }
        }
        self.attempt_on(None, batch, range).await
    }

    async fn attempt_on(
        &mut self,
        connection: Option<PgConnection>,
        batch: &Arc<Vec<Received>>,
        range: Range<usize>,
    ) -> Result<Vec<Disposition>, Trouble> {
        let (address, policy) = (self.address.clone(), Arc::clone(&self.policy));
        let batch = Arc::clone(batch);
        let work = tokio::task::spawn_blocking(move || {
            let mut connection = connection.map_or_else(|| address.connect(), Ok)?;
            let received = batch.get(range).unwrap_or_default();
            let incoming: Vec<Incoming<'_>> = received.iter().map(Incoming::read).collect();
            let applied = ledger::apply(&mut connection, &incoming, &policy);
            Ok((connection, applied))
        });
        let (connection, applied) = match work.await {
            Ok(done) => done.map_err(trouble)?,
            Err(_panicked) => {
                return Err(Trouble::OfAnEvent(Failure {
                    reason: Reason::CrashLoop,
                    error: "handling it panicked; the log says where".to_owned(),
                }));
            }
        };
        let outcome = applied.map_err(trouble);
        // After trouble with the database the connection is not worth keeping.
        if !matches!(outcome, Err(Trouble::Unavailable(_))) {
            self.connection = Some(connection);
        }
        outcome
    }
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
            Trouble::OfAnEvent(Failure {
                reason,
                error: format!("{message}{rule}"),
            })
        }
        DatabaseError::Raced | DatabaseError::Unavailable(_) => {
            Trouble::Unavailable(Unavailable(error.to_string()))
        }
    }
}
