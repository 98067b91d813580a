//! Open loop: requests are sent when they are due, whether or not earlier ones are answered, and their
//! latency counts from then: a slow receiver cannot hide behind a generator that waits for it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;

use super::outcome::{NO_ANSWER, Outcome, Shot};
use super::schedule::{Phase, dues, keep_time};
use super::wire::Wire;
use crate::clock::now_us;
use crate::failure::{Doing, Result};
use crate::orders::Batch;
use crate::runtime::block_on;

/// What happens to a request that is due while every connection is busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Busy {
    /// It waits, and its latency grows.
    Wait,
    /// It is left out and counted: the load stays a load of so many at once.
    LeaveOut,
}

pub(crate) struct OpenLoop<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) phases: &'a [Phase],
    pub(crate) busy: Busy,
}

impl OpenLoop<'_> {
    /// How many requests a whole run needs.
    pub(crate) fn requests(&self) -> usize {
        self.phases.iter().map(Phase::requests).sum()
    }

    /// Posts what is due until all is posted, or until `stop`.
    pub(crate) fn run(&self, batch: &Batch, stop: &AtomicBool) -> Result<Outcome> {
        let dues = dues(self.phases);
        let (tell, told) = watch::channel(0);
        std::thread::scope(|scope| {
            block_on(async {
                let mut free = Vec::new();
                for _connection in 0..self.connections {
                    let wire = Wire::open(self.address).await;
                    free.push(wire.doing("connecting to the receiver")?);
                }
                let (began, began_us) = (Instant::now(), now_us());
                let dues = dues.as_slice();
                // It drops its end when nothing more is due, which ends the loop below.
                scope.spawn(move || keep_time(dues, began, stop, &tell));
                let firing = Firing { batch, dues, began };
                let (shots, left_out) = firing.all(told, free, self.busy).await;
                Ok(Outcome {
                    shots,
                    left_out,
                    began_us,
                })
            })
        })
    }
}

struct Firing<'a> {
    batch: &'a Batch,
    dues: &'a [Duration],
    began: Instant,
}

impl Firing<'_> {
    /// Sends what is due until nothing more is, and waits for the last answer.
    async fn all(
        &self,
        mut told: watch::Receiver<usize>,
        mut free: Vec<Wire>,
        busy: Busy,
    ) -> (Vec<Shot>, usize) {
        let mut shots = Vec::with_capacity(self.dues.len());
        let mut waiting = VecDeque::new();
        let mut flying = FuturesUnordered::new();
        let (mut next, mut left_out, mut more) = (0, 0, true);
        while more || !flying.is_empty() {
            tokio::select! {
                biased;
                changed = told.changed(), if more => {
                    more = changed.is_ok();
                    let due = *told.borrow_and_update();
                    for index in next..due {
                        // The connection used last comes first: what is idle may stay so.
                        match (free.pop(), busy) {
                            (Some(wire), Busy::Wait | Busy::LeaveOut) => {
                                flying.push(self.one(wire, index));
                            }
                            (None, Busy::Wait) => waiting.push_back(index),
                            (None, Busy::LeaveOut) => left_out += 1,
                        }
                    }
                    next = due;
                }
                Some((wire, shot)) = flying.next(), if !flying.is_empty() => {
                    shots.push(shot);
                    match waiting.pop_front() {
                        Some(index) => flying.push(self.one(wire, index)),
                        None => free.push(wire),
                    }
                }
            }
        }
        (shots, left_out)
    }

    async fn one(&self, mut wire: Wire, index: usize) -> (Wire, Shot) {
        let answered = wire.exchange(self.batch.request(index)).await;
        let shot = Shot {
            index,
            status: answered.unwrap_or(NO_ANSWER),
            due: self.dues[index],
            answered: self.began.elapsed(),
        };
        (wire, shot)
    }
}
