//! A publishing lane: the task that owns one connection and its one channel, and connects again after
//! a loss. While it cannot publish, it answers at once instead of letting callers wait.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::OptionFuture;
use lapin::Channel;
use lapin::options::{ConfirmSelectOptions, ExchangeDeclareOptions};
use lapin::types::FieldTable;
use paynow_shared::topology::DEFAULT_EXCHANGE;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::congestion::Congestion;
use super::connect::{BrokerAddress, BrokerError, Link, LinkEvent, step};
use super::job::{Job, LaneState, PublishError};
use super::observe::{
    BatchPublished, LaneEntered, LaneName, PublishFailed, PublisherConnectFailed,
    PublisherDisconnected,
};
use super::probe::Probe;
use super::window::Window;
use crate::backoff::ReconnectBackoff;
use crate::observe::Observable;

/// How often within the time limit the lane checks for overdue confirms.
const CHECKS_PER_TIMEOUT: u32 = 4;
/// The prefetch that a channel has from the start, and that one which consumes nothing does not use.
const PREFETCH: u16 = 0;
/// An alarm may last longer. Then the next message on the new connection finds it again; but if the end of
/// the alarm was never told, nothing else would end the wait.
const BLOCKED_MAX: Duration = Duration::from_secs(300);

#[derive(Clone)]
pub struct PublisherSettings {
    pub address: BrokerAddress,
    /// The connection's name at the broker and in metrics.
    pub name: &'static str,
    /// Checked at every connect, so that a missing topology is reported before the first event.
    pub exchange: &'static str,
    pub lanes: usize,
    /// From the call of `publish` to the broker's confirm.
    pub timeout: Duration,
    /// Messages between the call and the confirm, over all lanes; further calls get `Overloaded`.
    pub in_flight_max: usize,
    /// Sheds load: while the window is full and its oldest message has waited longer than this, new
    /// calls get `Overloaded`, and so do queued messages older than this, which are not sent.
    pub wait_max: Option<Duration>,
}

/// Why a session with the broker ended.
enum SessionEnd {
    /// A stop was requested, or the publisher was dropped.
    Stopped,
    /// The connection was lost for this reason; connect again.
    Lost(&'static str),
}

pub(super) struct Lane {
    pub(super) name: LaneName,
    pub(super) settings: PublisherSettings,
    pub(super) state: watch::Sender<LaneState>,
    pub(super) congestion: Arc<Congestion>,
    pub(super) stop: CancellationToken,
}

impl Lane {
    pub(super) async fn run(self, mut jobs: mpsc::Receiver<Job>) {
        let mut backoff = ReconnectBackoff::new();
        let name = self.name;
        while !self.stop.is_cancelled() {
            let mut lost = None;
            match self.connect().await {
                Ok((mut link, channel)) => {
                    backoff.reset();
                    self.enter(LaneState::Open);
                    match self.session(&mut link, &channel, &mut jobs).await {
                        SessionEnd::Stopped => {
                            link.close().await;
                            break;
                        }
                        SessionEnd::Lost(why) => PublisherDisconnected { name, why }.emit(),
                    }
                    lost = Some(link);
                }
                Err(ref error) => PublisherConnectFailed { name, error }.emit(),
            }
            self.enter(LaneState::Disconnected);
            let refuse = self.refuse_for(backoff.next_wait(), &mut jobs);
            tokio::join!(refuse, OptionFuture::from(lost.map(Link::close)));
        }
        self.enter(LaneState::Disconnected);
    }

    async fn connect(&self) -> Result<(Link, Channel), BrokerError> {
        let mut link = Link::open(&self.settings.address, self.settings.name).await?;
        match self.open_channel(&mut link).await {
            Ok(channel) => Ok((link, channel)),
            Err(error) => {
                link.close().await;
                Err(error)
            }
        }
    }

    async fn open_channel(&self, link: &mut Link) -> Result<Channel, BrokerError> {
        let channel = link.channel().await?;
        if self.settings.exchange != DEFAULT_EXCHANGE {
            // A passive declare needs no configure right, and its 404 is the clearest error.
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
            let doing = "looked for the exchange (has `paynowctl setup` run?)";
            step(doing, declare).await?;
        }
        let confirms = channel.confirm_select(ConfirmSelectOptions::default());
        step("asked for confirms", confirms).await?;
        Ok(channel)
    }

    async fn session(
        &self,
        link: &mut Link,
        channel: &Channel,
        jobs: &mut mpsc::Receiver<Job>,
    ) -> SessionEnd {
        let mut window = Window::default();
        let mut probe = Probe::new(channel, PREFETCH);
        let mut overdue = tokio::time::interval(self.settings.timeout / CHECKS_PER_TIMEOUT);
        let mut closed = false;
        while !(closed && window.is_empty()) {
            self.congestion.set(window.first_if_full());
            tokio::select! {
                biased;
                event = link.next_event() => match event {
                    LinkEvent::Blocked => {
                        window.fail(PublishError::Blocked);
                        return self.wait_until_unblocked(link, jobs).await;
                    }
                    LinkEvent::Unblocked => {}
                    LinkEvent::Ended => {
                        window.fail(PublishError::Disconnected);
                        return SessionEnd::Lost("the connection ended");
                    }
                },
                driven = window.drive(), if !window.is_empty() => if let Err(error) = driven {
                    PublishFailed { name: self.name, error: &error }.emit();
                    window.fail(PublishError::Disconnected);
                    return SessionEnd::Lost("the channel ended");
                },
                job = jobs.recv(), if !closed && !window.is_full() => match job {
                    Some(first) => self.publish(first, jobs, channel, &mut window),
                    None => closed = true,
                },
                _ = overdue.tick(), if !window.is_empty() => {
                    if window.is_overdue(self.settings.timeout) {
                        window.fail(PublishError::TimedOut);
                        return SessionEnd::Lost("no confirm in time");
                    }
                }
                // Messages that wait for their confirms are a probe themselves.
                _unanswered = probe.failure(), if window.is_empty() => {
                    return SessionEnd::Lost("no answer to a probe");
                }
                // Last, so that jobs accepted before the stop are still published.
                () = self.stop.cancelled(), if window.is_empty() => break,
            }
        }
        SessionEnd::Stopped
    }

    /// Publishes `first` and the jobs that are queued by now. Drops a job whose caller has left, and
    /// answers a job that has waited too long with `Overloaded`.
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
                job.waiter.answer(Err(PublishError::Overloaded));
            } else if !job.waiter.is_gone() {
                window.publish(channel, job);
            }
            next = if window.is_full() {
                None
            } else {
                jobs.try_recv().ok()
            };
        }
        let (name, messages) = (self.name, window.len());
        BatchPublished { name, messages }.emit();
    }

    fn is_late(&self, job: &Job) -> bool {
        let limit = self.settings.wait_max;
        limit.is_some_and(|limit| job.waiter.since.elapsed() > limit)
    }

    /// Waits until the block is over, but not for ever, then connects again: a blocked connection cannot
    /// even be closed.
    async fn wait_until_unblocked(
        &self,
        link: &mut Link,
        jobs: &mut mpsc::Receiver<Job>,
    ) -> SessionEnd {
        self.enter(LaneState::Blocked);
        let too_long = tokio::time::sleep(BLOCKED_MAX);
        tokio::pin!(too_long);
        loop {
            tokio::select! {
                event = link.next_event() => match event {
                    LinkEvent::Blocked => {}
                    LinkEvent::Unblocked => return SessionEnd::Lost("unblocked, connecting again"),
                    LinkEvent::Ended => return SessionEnd::Lost("the connection ended while blocked"),
                },
                job = jobs.recv() => match job {
                    Some(job) => job.waiter.answer(Err(PublishError::Blocked)),
                    None => return SessionEnd::Stopped,
                },
                () = &mut too_long => {
                    return SessionEnd::Lost("blocked for minutes, connecting again");
                }
                () = self.stop.cancelled() => return SessionEnd::Stopped,
            }
        }
    }

    /// Refuses all jobs until it is time to connect again.
    async fn refuse_for(&self, wait: Duration, jobs: &mut mpsc::Receiver<Job>) {
        let waited = tokio::time::sleep(wait);
        tokio::pin!(waited);
        loop {
            tokio::select! {
                () = &mut waited => return,
                () = self.stop.cancelled() => return,
                Some(job) = jobs.recv() => job.waiter.answer(Err(PublishError::Disconnected)),
            }
        }
    }

    fn enter(&self, state: LaneState) {
        self.congestion.set(None);
        let name = self.name;
        LaneEntered { name, state }.emit();
        self.state.send_replace(state);
    }
}
