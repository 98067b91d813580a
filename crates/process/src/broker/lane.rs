//! A publishing lane: the task that owns one connection and its one channel, from connect to loss
//! to connect again. While it cannot publish, it answers at once instead of letting callers wait.

use std::time::Duration;

use lapin::Channel;
use lapin::options::{ConfirmSelectOptions, ExchangeDeclareOptions};
use lapin::types::FieldTable;
use paynow_shared::topology::DEFAULT_EXCHANGE;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::batch::{BATCH_MAX, publish_batch};
use super::connect::{BrokerError, Link, LinkEvent, step};
use super::publisher::{Confirmed, Job, LaneState, PublishError, PublisherSettings};
use crate::backoff::ReconnectBackoff;
use crate::observe::{
    BatchPublished, LaneEntered, LaneName, Observable, PublishFailed, PublisherConnectFailed,
    PublisherDisconnected,
};

/// Why a session with the broker ended.
enum Ended {
    /// We were asked to stop, or nobody can publish any more.
    Stopped,
    /// Connect again.
    Lost(&'static str),
}

pub(super) struct Lane {
    name: LaneName,
    settings: PublisherSettings,
    state: watch::Sender<LaneState>,
    stop: CancellationToken,
}

impl Lane {
    pub(super) fn new(
        lane: usize,
        settings: PublisherSettings,
        state: watch::Sender<LaneState>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            name: LaneName {
                connection: settings.name,
                lane,
            },
            settings,
            state,
            stop,
        }
    }

    pub(super) async fn run(self, mut jobs: mpsc::Receiver<Job>) {
        let mut backoff = ReconnectBackoff::new();
        while !self.stop.is_cancelled() {
            match self.connect().await {
                Ok((link, channel)) => {
                    backoff.reset();
                    self.enter(LaneState::Open);
                    match self.session(link, &channel, &mut jobs).await {
                        Ended::Stopped => break,
                        Ended::Lost(why) => PublisherDisconnected {
                            name: self.name,
                            why,
                        }
                        .emit(),
                    }
                }
                Err(error) => PublisherConnectFailed {
                    name: self.name,
                    error: &error,
                }
                .emit(),
            }
            self.enter(LaneState::Disconnected);
            self.refuse_for(backoff.next_wait(), &mut jobs).await;
        }
        self.enter(LaneState::Disconnected);
    }

    async fn connect(&self) -> Result<(Link, Channel), BrokerError> {
        let mut link = Link::open(&self.settings.address, self.settings.name).await?;
        let channel = link.channel().await?;
        if self.settings.exchange != DEFAULT_EXCHANGE {
            // Passive: needs no configure right, and a 404 here is the clearest error there is.
            let options = ExchangeDeclareOptions {
                passive: true,
                ..Default::default()
            };
            let declare = channel.exchange_declare(
                self.settings.exchange.into(),
                lapin::ExchangeKind::Topic,
                options,
                FieldTable::default(),
            );
            step(
                "looked for the exchange (has `paynowctl setup` run?)",
                declare,
            )
            .await?;
        }
        let confirms = channel.confirm_select(ConfirmSelectOptions::default());
        step("asked for confirms", confirms).await?;
        Ok((link, channel))
    }

    async fn session(
        &self,
        mut link: Link,
        channel: &Channel,
        jobs: &mut mpsc::Receiver<Job>,
    ) -> Ended {
        loop {
            tokio::select! {
                biased;
                event = link.next_event() => match event {
                    LinkEvent::Blocked => return self.blocked(link, jobs).await,
                    LinkEvent::Unblocked => {}
                    LinkEvent::Ended => return Ended::Lost("the connection ended"),
                },
                job = jobs.recv() => {
                    let Some(first) = job else { break };
                    let batch = collect(first, jobs);
                    match self.one_batch(&mut link, channel, batch).await {
                        Ok(()) => {}
                        Err(PublishError::Blocked) => return self.blocked(link, jobs).await,
                        Err(PublishError::TimedOut) => return Ended::Lost("no confirm in time"),
                        Err(
                            PublishError::Disconnected | PublishError::Nacked
                            | PublishError::Returned | PublishError::Overloaded,
                        ) => return Ended::Lost("the channel ended"),
                    }
                }
                // Last, so that what was accepted before the stop is still published.
                () = self.stop.cancelled() => break,
            }
        }
        link.close().await;
        Ended::Stopped
    }

    /// Publishes a batch and answers everyone in it, whatever happens. An error ends the session.
    async fn one_batch(
        &self,
        link: &mut Link,
        channel: &Channel,
        batch: Vec<Job>,
    ) -> Result<(), PublishError> {
        BatchPublished {
            name: self.name,
            messages: batch.len(),
        }
        .emit();
        let outcome = tokio::select! {
            biased;
            answers = publish_batch(channel, &batch) => answers.map_err(|error| {
                PublishFailed { name: self.name, error: &error }.emit();
                PublishError::Disconnected
            }),
            trouble = trouble(link) => Err(trouble),
            () = tokio::time::sleep(self.settings.timeout) => Err(PublishError::TimedOut),
        };
        match outcome {
            Ok(answers) => {
                batch
                    .into_iter()
                    .zip(answers)
                    .for_each(|(job, answer)| give(job, answer));
                Ok(())
            }
            Err(error) => {
                batch.into_iter().for_each(|job| give(job, Err(error)));
                Err(error)
            }
        }
    }

    /// A blocked connection sends nothing, not even a close: wait it out, then start anew.
    async fn blocked(&self, mut link: Link, jobs: &mut mpsc::Receiver<Job>) -> Ended {
        self.enter(LaneState::Blocked);
        loop {
            tokio::select! {
                event = link.next_event() => match event {
                    LinkEvent::Blocked => {}
                    LinkEvent::Unblocked => return Ended::Lost("unblocked, starting anew"),
                    LinkEvent::Ended => return Ended::Lost("the connection ended while blocked"),
                },
                job = jobs.recv() => match job {
                    Some(job) => give(job, Err(PublishError::Blocked)),
                    None => return Ended::Stopped,
                },
                () = self.stop.cancelled() => return Ended::Stopped,
            }
        }
    }

    async fn refuse_for(&self, wait: Duration, jobs: &mut mpsc::Receiver<Job>) {
        let waited = tokio::time::sleep(wait);
        tokio::pin!(waited);
        loop {
            tokio::select! {
                () = &mut waited => return,
                () = self.stop.cancelled() => return,
                Some(job) = jobs.recv() => give(job, Err(PublishError::Disconnected)),
            }
        }
    }

    fn enter(&self, state: LaneState) {
        LaneEntered {
            name: self.name,
            state,
        }
        .emit();
        self.state.send_replace(state);
    }
}

/// Whatever is already waiting, never waiting for more; jobs that nobody waits for are dropped.
fn collect(first: Job, jobs: &mut mpsc::Receiver<Job>) -> Vec<Job> {
    let mut batch = vec![first];
    while batch.len() < BATCH_MAX {
        let Ok(job) = jobs.try_recv() else { break };
        batch.push(job);
    }
    batch.retain(|job| !job.answer.is_closed());
    batch
}

async fn trouble(link: &mut Link) -> PublishError {
    loop {
        match link.next_event().await {
            LinkEvent::Blocked => return PublishError::Blocked,
            LinkEvent::Unblocked => {}
            LinkEvent::Ended => return PublishError::Disconnected,
        }
    }
}

fn give(job: Job, answer: Result<Confirmed, PublishError>) {
    // The caller may have stopped waiting; it then took the outcome for unknown, which is right.
    let _nobody_waits = job.answer.send(answer);
}
