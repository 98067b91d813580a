//! A publishing lane: the task that owns one connection and its one channel, from connect to loss
//! to connect again. While it cannot publish, it answers at once instead of letting callers wait.

use std::sync::Arc;
use std::time::Duration;

use lapin::Channel;
use lapin::options::{ConfirmSelectOptions, ExchangeDeclareOptions};
use lapin::types::FieldTable;
use paynow_shared::topology::DEFAULT_EXCHANGE;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::connect::{BrokerAddress, BrokerError, Link, LinkEvent, step};
use super::job::{Job, LaneState, PublishError};
use super::line::Line;
use super::observe::{
    BatchPublished, LaneEntered, LaneName, PublishFailed, PublisherConnectFailed,
    PublisherDisconnected,
};
use super::window::Window;
use crate::backoff::ReconnectBackoff;
use crate::observe::Observable;

/// A publish without an answer is noticed at most this part of the limit too late.
const LOOKS_PER_TIMEOUT: u32 = 4;

#[derive(Clone)]
pub struct PublisherSettings {
    pub address: BrokerAddress,
    /// What the broker's operator sees as the connection's name.
    pub name: &'static str,
    /// Checked at every connect, so that a missing topology is told before the first event.
    pub exchange: &'static str,
    pub lanes: usize,
    /// From the call of `publish` to the broker's confirm.
    pub timeout: Duration,
    /// Messages between the call and the confirm, over all lanes; past it `Overloaded`.
    pub in_flight_max: usize,
    /// `Overloaded` too while a lane has all on the wire that it may have, and the first of that has
    /// waited for longer than this: who comes next would wait longer still. And whose turn to be
    /// sent comes later than this is not sent: of a broker's pause only what is on the wire hears.
    pub wait_max: Option<Duration>,
}

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
    line: Arc<Line>,
    stop: CancellationToken,
}

impl Lane {
    pub(super) fn new(
        lane: usize,
        settings: PublisherSettings,
        state: watch::Sender<LaneState>,
        line: Arc<Line>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            name: LaneName {
                connection: settings.name,
                lane,
            },
            settings,
            state,
            line,
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
        let mut window = Window::default();
        let mut overdue = tokio::time::interval(self.settings.timeout / LOOKS_PER_TIMEOUT);
        let mut closed = false;
        while !(closed && window.is_empty()) {
            self.line.tell(window.first_if_full());
            tokio::select! {
                biased;
                event = link.next_event() => match event {
                    LinkEvent::Blocked => {
                        window.fail(PublishError::Blocked);
                        return self.blocked(link, jobs).await;
                    }
                    LinkEvent::Unblocked => {}
                    LinkEvent::Ended => {
                        window.fail(PublishError::Disconnected);
                        return Ended::Lost("the connection ended");
                    }
                },
                resolved = window.resolved(), if !window.is_empty() => if let Err(error) = resolved {
                    PublishFailed { name: self.name, error: &error }.emit();
                    window.fail(PublishError::Disconnected);
                    return Ended::Lost("the channel ended");
                },
                job = jobs.recv(), if !closed && window.room() > 0 => match job {
                    Some(first) => self.publish(first, jobs, channel, &mut window),
                    None => closed = true,
                },
                _ = overdue.tick(), if !window.is_empty() => {
                    if window.is_overdue(self.settings.timeout) {
                        window.fail(PublishError::TimedOut);
                        return Ended::Lost("no confirm in time");
                    }
                }
                // Last, so that what was accepted before the stop is still published.
                () = self.stop.cancelled(), if window.is_empty() => break,
            }
        }
        link.close().await;
        Ended::Stopped
    }

    /// Takes what is already waiting, never waiting for more. Jobs that nobody waits for are dropped,
    /// and those whose turn came too late refused: they were never sent.
    fn publish(
        &self,
        first: Job,
        jobs: &mut mpsc::Receiver<Job>,
        channel: &Channel,
        window: &mut Window,
    ) {
        let mut next = Some(first);
        while let Some(job) = next {
            if self.is_late(&job) {
                job.waiter.give(Err(PublishError::Overloaded));
            } else if !job.waiter.is_gone() {
                window.publish(channel, job);
            }
            next = if window.room() > 0 {
                jobs.try_recv().ok()
            } else {
                None
            };
        }
        BatchPublished {
            name: self.name,
            messages: window.len(),
        }
        .emit();
    }

    fn is_late(&self, job: &Job) -> bool {
        let most = self.settings.wait_max;
        most.is_some_and(|most| job.waiter.since.elapsed() > most)
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
                    Some(job) => job.waiter.give(Err(PublishError::Blocked)),
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
                Some(job) = jobs.recv() => job.waiter.give(Err(PublishError::Disconnected)),
            }
        }
    }

    fn enter(&self, state: LaneState) {
        self.line.tell(None);
        LaneEntered {
            name: self.name,
            state,
        }
        .emit();
        self.state.send_replace(state);
    }
}
