//! Publishing: `Ok` means the broker has the message on disk, on a quorum of its nodes.
//!
//! A publisher has lanes. A lane is one connection, one channel and the one task that owns them:
//! a lapin channel shared by threads swaps confirms, and so loses messages silently.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use paynow_shared::event::EventType;
use paynow_shared::wire::Headers;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::connect::BrokerAddress;
use super::lane::Lane;
use super::line::Line;
use crate::observe::PublishCalls;

/// A message to be published, persistent and mandatory.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub exchange: &'static str,
    pub routing_key: String,
    pub message_id: String,
    pub event_type: Option<EventType>,
    pub headers: Headers,
    pub body: Bytes,
}

/// Proof that the broker confirmed a message. Made here only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmed(pub(super) ());

/// Why a message must not be taken for published. After `TimedOut`, `Disconnected` and `Blocked`
/// the broker may have it all the same: publish again, and expect it twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    #[error("the broker refused the message")]
    Nacked,
    #[error("no queue takes the message")]
    Returned,
    #[error("the broker did not confirm in time")]
    TimedOut,
    #[error("too many messages wait for their confirm")]
    Overloaded,
    #[error("the broker takes nothing for now")]
    Blocked,
    #[error("there is no connection to the broker")]
    Disconnected,
}

impl PublishError {
    pub const ALL: [Self; 6] = [
        Self::Nacked,
        Self::Returned,
        Self::TimedOut,
        Self::Overloaded,
        Self::Blocked,
        Self::Disconnected,
    ];

    /// A word for programs: metric label and problem code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Nacked => "nacked",
            Self::Returned => "returned",
            Self::TimedOut => "timed_out",
            Self::Overloaded => "overloaded",
            Self::Blocked => "blocked",
            Self::Disconnected => "disconnected",
        }
    }
}

/// Whether a lane can publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LaneState {
    Disconnected,
    Blocked,
    Open,
}

/// A message to be published, and who waits for the answer.
pub(super) struct Job {
    pub(super) message: Outgoing,
    pub(super) waiter: Waiter,
}

/// Who waits for the answer to a publish.
pub(super) struct Waiter {
    pub(super) since: Instant,
    answer: oneshot::Sender<Result<Confirmed, PublishError>>,
    _in_flight: OwnedSemaphorePermit,
}

impl Waiter {
    /// Nobody waits any more.
    pub(super) fn is_gone(&self) -> bool {
        self.answer.is_closed()
    }

    pub(super) fn give(self, answer: Result<Confirmed, PublishError>) {
        // One that stopped waiting took the outcome for unknown, which is right.
        let _nobody_waits = self.answer.send(answer);
    }
}

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

struct LaneHandle {
    jobs: mpsc::Sender<Job>,
    state: watch::Receiver<LaneState>,
    line: Arc<Line>,
}

/// Cheap to clone through an [`Arc`]; its lanes run until the token they were given is cancelled.
pub struct Publisher {
    lanes: Vec<LaneHandle>,
    next_lane: AtomicUsize,
    in_flight: Arc<Semaphore>,
    timeout: Duration,
    wait_max: Option<Duration>,
    calls: PublishCalls,
}

impl Publisher {
    /// Starts the lanes. The set ends when all have said goodbye after `stop`.
    pub fn start(settings: &PublisherSettings, stop: &CancellationToken) -> (Self, JoinSet<()>) {
        let mut tasks = JoinSet::new();
        let lanes = (0..settings.lanes.max(1))
            .map(|lane| {
                // Permits bound the jobs, so a full channel cannot happen before a full semaphore.
                let (jobs, queue) = mpsc::channel(settings.in_flight_max.max(1));
                let (state_tx, state) = watch::channel(LaneState::Disconnected);
                let line = Arc::new(Line::new());
                let told = Arc::clone(&line);
                let lane = Lane::new(lane, settings.clone(), state_tx, told, stop.clone());
                tasks.spawn(lane.run(queue));
                LaneHandle { jobs, state, line }
            })
            .collect();
        let publisher = Self {
            lanes,
            next_lane: AtomicUsize::new(0),
            in_flight: Arc::new(Semaphore::new(settings.in_flight_max)),
            timeout: settings.timeout,
            wait_max: settings.wait_max,
            calls: PublishCalls::new(settings.name),
        };
        (publisher, tasks)
    }

    /// Publishes and waits for the confirm. Anything but `Ok` means: not known to be stored.
    pub async fn publish(&self, message: Outgoing) -> Result<Confirmed, PublishError> {
        let call = self.calls.begin();
        let answer = self.confirmed(message).await;
        call.answered(answer);
        answer
    }

    async fn confirmed(&self, message: Outgoing) -> Result<Confirmed, PublishError> {
        let lane = self.pick()?;
        if self
            .wait_max
            .zip(lane.line.wait())
            .is_some_and(|(most, wait)| wait > most)
        {
            return Err(PublishError::Overloaded);
        }
        let permit = Arc::clone(&self.in_flight)
            .try_acquire_owned()
            .map_err(|_none_left| PublishError::Overloaded)?;
        let (answer, answered) = oneshot::channel();
        let job = Job {
            message,
            waiter: Waiter {
                since: Instant::now(),
                answer,
                _in_flight: permit,
            },
        };
        lane.jobs
            .try_send(job)
            .map_err(|_closed_or_full| PublishError::Disconnected)?;
        match tokio::time::timeout(self.timeout, answered).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_lane_ended)) => Err(PublishError::Disconnected),
            Err(_elapsed) => Err(PublishError::TimedOut),
        }
    }

    /// Whether a publish has a chance now.
    pub fn ready(&self) -> Result<(), PublishError> {
        self.pick().map(|_lane| ())
    }

    /// The next open lane in turn. An alarm blocks every publisher of the broker, but tells a
    /// connection only when it publishes: what one lane learned counts for all.
    fn pick(&self) -> Result<&LaneHandle, PublishError> {
        let is = |state: LaneState| move |lane: &&LaneHandle| *lane.state.borrow() == state;
        if self.lanes.iter().any(|lane| is(LaneState::Blocked)(&lane)) {
            return Err(PublishError::Blocked);
        }
        let start = self
            .next_lane
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_rem(self.lanes.len());
        let (before, from) = self.lanes.split_at(start);
        from.iter()
            .chain(before)
            .find(is(LaneState::Open))
            .ok_or(PublishError::Disconnected)
    }
}
