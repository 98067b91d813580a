//! A session: one connection to the broker with its lanes and the archive, until the first of them
//! fails or the worker is asked to stop. The broker then delivers the unsettled messages again.

use std::sync::Arc;
use std::time::Duration;

use paynow_process::broker::connect::LinkEvent;
use paynow_process::broker::{BrokerAddress, BrokerError, Link};
use paynow_process::observe::Observable;
use paynow_shared::topology::{CREDITS_QUEUE, DEAD_QUEUE};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::archive::{ARCHIVE_PREFETCH, run_archive};
use crate::attempt::Rules;
use crate::config::LaneSettings;
use crate::consume::BatchConsumer;
use crate::crash_marks::CrashMarks;
use crate::database::DatabaseAddress;
use crate::ended::SessionEnded;
use crate::handle::Handler;
use crate::handoff::Handoff;
use crate::observe::events::BatchTimer;
use crate::observe::sessions::DrainLimitReached;
use crate::progress::{LaneProgress, Progress};
use crate::settle::settle;

/// Batches that are being handled get this long to finish; the broker delivers the unfinished ones again.
const DRAIN_LIMIT: Duration = Duration::from_secs(20);

/// A lane that has waited this long for a message holds none.
const IDLE_AFTER: Duration = Duration::from_secs(1);

/// Everything that a session needs; each run is a new session with a new connection.
pub struct Session {
    pub broker: BrokerAddress,
    pub database: DatabaseAddress,
    pub lanes: LaneSettings,
    pub rules: Arc<Rules>,
    pub crash_marks: CrashMarks,
    pub handoff: Arc<Handoff>,
    pub progress: Arc<Progress>,
}

impl Session {
    /// Runs until something fails or `stop`. Calls `on_start` when messages are consumed.
    pub async fn run(&self, stop: &CancellationToken, on_start: impl FnOnce()) -> SessionEnded {
        let stop_tasks = stop.child_token();
        let mut tasks = JoinSet::new();
        let mut link = match Link::open(&self.broker, "paynow-worker").await {
            Ok(link) => link,
            Err(error) => return error.into(),
        };
        let ended = match self.start(&mut link, &mut tasks, &stop_tasks).await {
            Ok(()) => {
                on_start();
                first_end(&mut link, &mut tasks, stop).await
            }
            Err(error) => error.into(),
        };
        stop_tasks.cancel();
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
        tasks: &mut JoinSet<Result<(), SessionEnded>>,
        stop: &CancellationToken,
    ) -> Result<(), BrokerError> {
        for number in 0..self.lanes.count {
            let lane = Lane {
                consumer: BatchConsumer::open(link, CREDITS_QUEUE, self.lanes.prefetch).await?,
                handler: Handler::new(
                    self.database.clone(),
                    Arc::clone(&self.rules),
                    self.crash_marks.clone(),
                    self.progress.lane(number),
                ),
                progress: self.progress.lane(number),
                handoff: Arc::clone(&self.handoff),
                batch_max: self.lanes.batch_max,
            };
            tasks.spawn(lane.run(stop.clone()));
        }
        let consumer = BatchConsumer::open(link, DEAD_QUEUE, ARCHIVE_PREFETCH).await?;
        let (database, rules) = (self.database.clone(), Arc::clone(&self.rules));
        tasks.spawn(run_archive(consumer, database, rules, stop.clone()));
        Ok(())
    }
}

struct Lane {
    consumer: BatchConsumer,
    handler: Handler,
    handoff: Arc<Handoff>,
    progress: LaneProgress,
    batch_max: usize,
}

impl Lane {
    async fn run(mut self, stop: CancellationToken) -> Result<(), SessionEnded> {
        loop {
            let next_batch = self.consumer.next_batch(self.batch_max, &stop);
            let Ok(batch) = tokio::time::timeout(IDLE_AFTER, next_batch).await else {
                self.progress.idle();
                continue;
            };
            let Some(batch) = batch? else {
                return Ok(());
            };
            self.progress.holding();
            paynow_process::fault_point!("after_delivery");
            let mut timer = BatchTimer::start(batch.messages.len());
            let mut dispositions = self.handler.handle(&batch.messages).await?;
            timer.committed();
            paynow_process::fault_point!("after_commit");
            self.progress.committed();
            self.handler.ask(&batch.messages, &mut dispositions).await?;
            let channel = self.consumer.channel();
            settle(channel, &batch, &dispositions, &self.handoff).await?;
            timer.settled();
            paynow_process::fault_point!("after_ack");
            self.progress.committed();
        }
    }
}

async fn first_end(
    link: &mut Link,
    tasks: &mut JoinSet<Result<(), SessionEnded>>,
    stop: &CancellationToken,
) -> SessionEnded {
    loop {
        tokio::select! {
            () = stop.cancelled() => return SessionEnded::Stopped,
            ended = tasks.join_next() => return match ended {
                Some(Ok(Err(ended))) => ended,
                // A task ends without an error only when it was asked to.
                Some(Ok(Ok(()))) | None => SessionEnded::Stopped,
                Some(Err(_panicked)) => SessionEnded::Panicked,
            },
            event = link.next_event() => match event {
                LinkEvent::Ended => return BrokerError::Ended.into(),
                // This connection publishes nothing, so the broker never blocks it.
                LinkEvent::Blocked | LinkEvent::Unblocked => {}
            },
        }
    }
}
