//! One stretch of work: a connection to the broker, its lanes and the archive, until the first of
//! them fails or we are told to stop. What is unsettled then goes back to the broker.

use std::sync::Arc;
use std::time::Duration;

use paynow_process::backoff::ReconnectBackoff;
use paynow_process::broker::connect::LinkEvent;
use paynow_process::broker::{BrokerAddress, BrokerError, Link};
use paynow_process::observe::Observable;
use paynow_shared::topology::{CREDITS_QUEUE, DEAD_QUEUE};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::archive::{ARCHIVE_PREFETCH, archive};
use crate::config::LaneSettings;
use crate::consume::Intake;
use crate::crash_marks::Bench;
use crate::database::{DatabaseAddress, DatabaseError};
use crate::decide::Policy;
use crate::handle::{Handler, Unavailable};
use crate::observe::{BatchInHand, DeadLettersArchived, DeadLettersNotArchived, DrainLimitReached};
use crate::settle::{Onward, SettleError, ack_all, settle};

/// What is in hand gets this long to finish; the broker gives the rest to others.
const DRAIN_LIMIT: Duration = Duration::from_secs(20);

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    #[error("asked to stop")]
    Stopped,
    #[error("broker")]
    Broker(#[from] BrokerError),
    #[error("settling")]
    Settle(#[from] SettleError),
    #[error("database")]
    Database(#[from] Unavailable),
    #[error("schema")]
    Schema(#[source] DatabaseError),
    #[error("a lane panicked")]
    Panicked,
}

/// What every session of a worker is made of.
pub struct Work {
    pub broker: BrokerAddress,
    pub database: DatabaseAddress,
    pub lanes: LaneSettings,
    pub policy: Arc<Policy>,
    pub bench: Bench,
    pub onward: Arc<Onward>,
}

impl Work {
    /// Works until something fails or `stop`. `on_start` is called once messages are flowing.
    pub async fn session(&self, stop: &CancellationToken, on_start: impl FnOnce()) -> Ended {
        let over = stop.child_token();
        let mut tasks = JoinSet::new();
        let mut link = match Link::open(&self.broker, "paynow-worker").await {
            Ok(link) => link,
            Err(error) => return error.into(),
        };
        let ended = match self.start(&mut link, &mut tasks, &over).await {
            Ok(()) => {
                on_start();
                first_end(&mut link, &mut tasks, stop).await
            }
            Err(error) => error.into(),
        };
        over.cancel();
        let drained = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN_LIMIT, drained).await.is_err() {
            DrainLimitReached.emit();
        }
        link.close().await;
        ended
    }

    async fn start(
        &self,
        link: &mut Link,
        tasks: &mut JoinSet<Result<(), Ended>>,
        over: &CancellationToken,
    ) -> Result<(), BrokerError> {
        for _lane in 0..self.lanes.count {
            let intake = Intake::open(link, CREDITS_QUEUE, self.lanes.prefetch).await?;
            let handler = Handler::new(
                self.database.clone(),
                Arc::clone(&self.policy),
                self.bench.clone(),
            );
            let lane = Lane {
                intake,
                handler,
                onward: Arc::clone(&self.onward),
                batch_max: self.lanes.batch_max,
            };
            tasks.spawn(lane.run(over.clone()));
        }
        let intake = Intake::open(link, DEAD_QUEUE, ARCHIVE_PREFETCH).await?;
        tasks.spawn(run_archive(intake, self.database.clone(), over.clone()));
        Ok(())
    }
}

/// A consumer with everything it needs to settle what it takes.
struct Lane {
    intake: Intake,
    handler: Handler,
    onward: Arc<Onward>,
    batch_max: usize,
}

impl Lane {
    /// The life of a lane: take what is there, apply it, settle it.
    async fn run(mut self, over: CancellationToken) -> Result<(), Ended> {
        while let Some(batch) = self.intake.next_batch(self.batch_max, &over).await? {
            let mut in_hand = BatchInHand::taken(batch.messages.len());
            let dispositions = self.handler.handle(&batch.messages).await?;
            in_hand.committed();
            settle(self.intake.channel(), &batch, &dispositions, &self.onward).await?;
            in_hand.settled();
        }
        Ok(())
    }
}

/// The life of the archive. Trouble of its own with the database is no reason to stop crediting:
/// it keeps what it has in hand and tries again.
async fn run_archive(
    mut intake: Intake,
    database: DatabaseAddress,
    over: CancellationToken,
) -> Result<(), Ended> {
    let mut backoff = ReconnectBackoff::new();
    while let Some(batch) = intake
        .next_batch(usize::from(ARCHIVE_PREFETCH), &over)
        .await?
    {
        while let Err(unavailable) = archive(&database, &batch.messages).await {
            DeadLettersNotArchived {
                letters: batch.messages.len(),
                error: &unavailable,
            }
            .emit();
            if tokio::time::timeout(backoff.next_wait(), over.cancelled())
                .await
                .is_ok()
            {
                return Ok(());
            }
        }
        backoff.reset();
        ack_all(intake.channel(), &batch).await?;
        DeadLettersArchived {
            letters: batch.messages.len(),
        }
        .emit();
    }
    Ok(())
}

async fn first_end(
    link: &mut Link,
    tasks: &mut JoinSet<Result<(), Ended>>,
    stop: &CancellationToken,
) -> Ended {
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ended::Stopped,
            ended = tasks.join_next() => return match ended {
                Some(Ok(Err(ended))) => ended,
                // A task ends without an error only when it was told to.
                Some(Ok(Ok(()))) | None => Ended::Stopped,
                Some(Err(_panicked)) => Ended::Panicked,
            },
            event = link.next_event() => match event {
                LinkEvent::Ended => return BrokerError::Ended.into(),
                // This connection publishes nothing, so the broker never blocks it.
                LinkEvent::Blocked | LinkEvent::Unblocked => {}
            },
        }
    }
}
