//! Publishing: `Ok` means the broker has the message on disk, on a quorum of its nodes.
//!
//! A publisher has lanes. A lane is one connection, one channel and the task that owns both. A lapin
//! channel that threads share may give a message the confirm of another, which loses it silently.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::congestion::Congestion;
use super::job::{Confirmed, Job, LaneState, Outgoing, PublishError, Waiter};
use super::lane::{Lane, PublisherSettings};
use super::observe::{LaneName, PublishCalls};

struct LaneHandle {
    jobs: mpsc::Sender<Job>,
    state: watch::Receiver<LaneState>,
    congestion: Arc<Congestion>,
}

/// Shared through an [`Arc`]. Its lanes run until the token given to [`Publisher::start`] is cancelled.
pub struct Publisher {
    lanes: Vec<LaneHandle>,
    next_lane: AtomicUsize,
    in_flight: Arc<Semaphore>,
    timeout: Duration,
    wait_max: Option<Duration>,
    calls: PublishCalls,
}

impl Publisher {
    /// Starts the lanes. After `stop`, their tasks end once their connections are closed.
    pub fn start(settings: &PublisherSettings, stop: &CancellationToken) -> (Self, JoinSet<()>) {
        let mut tasks = JoinSet::new();
        let lanes = (0..settings.lanes.max(1))
            .map(|lane| {
                // The semaphore limits the jobs, so the channel is never full.
                let (jobs, queue) = mpsc::channel(settings.in_flight_max.max(1));
                let (state_sender, state) = watch::channel(LaneState::Disconnected);
                let congestion = Arc::new(Congestion::new());
                let connection = settings.name;
                let lane = Lane {
                    name: LaneName { connection, lane },
                    settings: settings.clone(),
                    state: state_sender,
                    congestion: Arc::clone(&congestion),
                    stop: stop.clone(),
                };
                tasks.spawn(lane.run(queue));
                LaneHandle {
                    jobs,
                    state,
                    congestion,
                }
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

    /// Publishes and waits for the confirm. After an error the message is not known to be stored.
    pub async fn publish(&self, message: Outgoing) -> Result<Confirmed, PublishError> {
        let call = self.calls.begin();
        let answer = self.send_and_wait(message).await;
        call.answered(answer);
        answer
    }

    async fn send_and_wait(&self, message: Outgoing) -> Result<Confirmed, PublishError> {
        let lane = self.pick()?;
        let limit_and_wait = self.wait_max.zip(lane.congestion.wait());
        if limit_and_wait.is_some_and(|(limit, wait)| wait > limit) {
            return Err(PublishError::Overloaded);
        }
        let permit = Arc::clone(&self.in_flight)
            .try_acquire_owned()
            .map_err(|_none_left| PublishError::Overloaded)?;
        let (sender, answer) = oneshot::channel();
        let job = Job {
            message,
            waiter: Waiter::new(sender, permit),
        };
        lane.jobs
            .try_send(job)
            .map_err(|_closed_or_full| PublishError::Disconnected)?;
        match tokio::time::timeout(self.timeout, answer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_lane_ended)) => Err(PublishError::Disconnected),
            Err(_elapsed) => Err(PublishError::TimedOut),
        }
    }

    /// Whether a lane can publish now; otherwise the error that a publish would get.
    pub fn ready(&self) -> Result<(), PublishError> {
        self.pick().map(|_lane| ())
    }

    /// The next open lane in turn. An alarm blocks every publisher of the broker, but a connection
    /// learns of it only when it publishes, so one blocked lane counts for all.
    fn pick(&self) -> Result<&LaneHandle, PublishError> {
        let is_in = |state: LaneState| move |lane: &&LaneHandle| *lane.state.borrow() == state;
        if self
            .lanes
            .iter()
            .any(|lane| is_in(LaneState::Blocked)(&lane))
        {
            return Err(PublishError::Blocked);
        }
        let start = self
            .next_lane
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_rem(self.lanes.len());
        let (before, from) = self.lanes.split_at(start);
        from.iter()
            .chain(before)
            .find(is_in(LaneState::Open))
            .ok_or(PublishError::Disconnected)
    }
}
