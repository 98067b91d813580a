//! The course of a replay: the canary, its outcome, then a batch a second, while failures and the live
//! traffic stay below their limits.

use std::error::Error;
use std::time::{Duration, Instant};

use paynow_process::broker::blocking::AT_ONCE_MAX;
use paynow_process::broker::{BlockingPublisher, Outgoing, PublishError};
use paynow_process::interrupt::Interrupt;
use paynow_shared::signature::Signature;
use paynow_shared::topology::{CREDITS_QUEUE, DEFAULT_EXCHANGE};
use paynow_shared::wire::Headers;

use super::end::{FullQueue, ReplayEnd};
use super::store::{Progress, Rows, Sendable};
use crate::error::DeskError;
use crate::management::{ManagementApi, depth};

const OUTCOME_INTERVAL: Duration = Duration::from_millis(200);
/// A queue reports its depth every five seconds.
const DEPTH_INTERVAL: Duration = Duration::from_secs(1);
/// How long a letter that the broker refuses is published again.
const PUBLISH_LIMIT: Duration = Duration::from_secs(15);
const PUBLISH_INTERVAL: Duration = Duration::from_millis(300);
/// Letters in memory at once, whatever the rate: their bodies may be large.
const TAKEN_MAX: i64 = 1000;

/// How fast and how far a replay goes.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// This many letters go first; the others wait for their outcome.
    pub canary: u32,
    /// Letters per second, at most.
    pub rate: u32,
    /// Percent of the letters with an outcome; the replay stops when more died again.
    pub max_failures: u32,
    /// Seconds; a sent letter that has no outcome after them counts as deferred.
    pub wait: u32,
    /// Messages in `paynow.credits`; nothing is sent while there are more.
    pub max_depth: u32,
    /// Seconds; the replay stops when there were too many messages for so long.
    pub max_depth_wait: u32,
}

impl Pace {
    /// For one letter, which no other one waits for.
    pub fn of_one_letter(wait: u32) -> Self {
        Self {
            canary: 1,
            rate: 1,
            max_failures: 100,
            wait,
            max_depth: 1000,
            max_depth_wait: wait,
        }
    }
}

/// Something that a person who watches a replay wants to know.
#[derive(Debug, Clone)]
pub enum Step {
    Progressed(Progress),
    /// Live traffic goes first: sending waits.
    HeldUp(FullQueue),
    /// A person asked the replay to wait until it is asked to go on.
    Paused {
        by: String,
    },
}

/// Where this run began, and how much it has sent. What earlier runs did neither stops this one nor is
/// its canary: whoever resumes a replay has mended the cause, or wants to know whether it is mended.
struct Begun {
    progress: Progress,
    sent: i64,
}

/// Receives the steps of a run, and may fail.
pub type Observer<'a> = dyn FnMut(Step) -> Result<(), Box<dyn Error + Send + Sync>> + 'a;

pub(super) struct Drive<'a> {
    pub(super) rows: &'a mut Rows,
    pub(super) publisher: &'a BlockingPublisher,
    pub(super) interrupt: &'a Interrupt,
    pub(super) api: ManagementApi,
    pub(super) pace: Pace,
}

impl Drive<'_> {
    pub(super) fn run(&mut self, report: &mut Observer<'_>) -> Result<ReplayEnd, DeskError> {
        let pace = self.pace;
        let mut batch_began = Instant::now();
        // Letters that are on the retry ladder: later batches do not wait for them.
        let mut deferred = 0;
        let mut sent_now: i64 = 0;
        let mut begun: Option<Begun> = None;
        loop {
            let progress = self.outcomes(deferred)?;
            deferred = progress.sent;
            let run = begun.get_or_insert(Begun { progress, sent: 0 });
            report(Step::Progressed(progress)).map_err(DeskError::Progress)?;
            if let Some(percent) = too_many_failures(&progress, run, pace) {
                let (limit, left) = (pace.max_failures, progress.waiting);
                return Ok(ReplayEnd::TooManyFailures {
                    percent,
                    limit,
                    left,
                });
            }
            if progress.is_unfinished()
                && let Some(end) = self.stopped()?
            {
                return Ok(end);
            }
            let Some(count) = next_batch(&progress, run, pace) else {
                return Ok(if progress.waiting == 0 {
                    ReplayEnd::Finished
                } else {
                    ReplayEnd::CanaryWithoutOutcome { seconds: pace.wait }
                });
            };
            let due = Duration::from_secs_f64(seconds_of(sent_now, pace));
            if let Some(end) = self.may_send(due.saturating_sub(batch_began.elapsed()), report)? {
                return Ok(end);
            }
            batch_began = Instant::now();
            sent_now = self.send(count)?;
            run.sent += sent_now;
        }
    }

    /// Waits until every sent letter but those deferred before has an outcome, for the limit, or until
    /// the interrupt.
    fn outcomes(&mut self, deferred: i64) -> Result<Progress, DeskError> {
        let limit = Duration::from_secs(self.pace.wait.into());
        let began = Instant::now();
        loop {
            self.rows.observe()?;
            let progress = self.rows.progress()?;
            let has_waited = began.elapsed() >= limit || self.stopped()?.is_some();
            if progress.sent <= deferred || has_waited {
                return Ok(progress);
            }
            self.interrupt.wait(OUTCOME_INTERVAL);
        }
    }

    /// Waits until the next letters may be sent, or until something ends the run.
    fn may_send(
        &mut self,
        due: Duration,
        report: &mut Observer<'_>,
    ) -> Result<Option<ReplayEnd>, DeskError> {
        if let Some(end) = self.rest(due)? {
            return Ok(Some(end));
        }
        if let Some(end) = self.wait_while_paused(report)? {
            return Ok(Some(end));
        }
        self.wait_for_live_traffic(report)
    }

    /// Live traffic goes first: waits until the queue is short enough. Returns the end of the replay when
    /// that takes too long or the interrupt is raised.
    fn wait_for_live_traffic(
        &mut self,
        report: &mut Observer<'_>,
    ) -> Result<Option<ReplayEnd>, DeskError> {
        let (limit, seconds) = (self.pace.max_depth, self.pace.max_depth_wait);
        let began = Instant::now();
        let mut is_reported = false;
        loop {
            if let Some(end) = self.stopped()? {
                return Ok(Some(end));
            }
            let Some(depth) = depth(&self.api.queues_with_depths()?, CREDITS_QUEUE)
                .filter(|depth| *depth > limit.into())
            else {
                return Ok(None);
            };
            let full_queue = FullQueue {
                depth,
                limit,
                seconds,
            };
            if began.elapsed() >= Duration::from_secs(seconds.into()) {
                return Ok(Some(ReplayEnd::TooDeep(full_queue)));
            }
            if !is_reported {
                report(Step::HeldUp(full_queue)).map_err(DeskError::Progress)?;
            }
            is_reported = true;
            // A run that has lost the replay learns it at its next step.
            self.rows.hold()?;
            if let Some(end) = self.rest(DEPTH_INTERVAL)? {
                return Ok(Some(end));
            }
        }
    }

    /// Sends the next letters; returns how many were sent. The others are given back.
    fn send(&mut self, count: i64) -> Result<i64, DeskError> {
        let mut letters = self.rows.take(count)?.into_iter();
        paynow_process::fault_point!("after_take");
        let mut sent = 0;
        let outcome = loop {
            match self.stopped() {
                Ok(None) => {}
                Ok(Some(_end)) => break Ok(sent),
                Err(error) => break Err(error),
            }
            let together: Vec<Sendable> = letters.by_ref().take(AT_ONCE_MAX).collect();
            if together.is_empty() {
                return Ok(sent);
            }
            let (confirmed, unconfirmed) = self.publish(together);
            paynow_process::fault_point!("after_replay_publish");
            self.rows.sent(&confirmed)?;
            paynow_process::fault_point!("after_replay_mark");
            sent += i64::try_from(confirmed.len()).unwrap_or(i64::MAX);
            match unconfirmed {
                None => {}
                // It is unknown whether the broker has them: they stay taken, and the next run sends
                // them.
                Some(_interrupted) if self.interrupt.asked().is_some() => break Ok(sent),
                Some((number, error)) => {
                    let what = format!("dead letter {number} could not be sent");
                    break Err(DeskError::failed(what, error));
                }
            }
        };
        let unsent: Vec<i64> = letters
            .filter(|letter| letter.is_new)
            .map(|letter| letter.dead_letter_id)
            .collect();
        self.rows.give_back(&unsent)?;
        outcome
    }

    /// Returns the letters that the broker confirmed within the limit, and the first other letter.
    fn publish(&self, letters: Vec<Sendable>) -> (Vec<i64>, Option<(i64, PublishError)>) {
        let mut unconfirmed: Vec<(i64, Outgoing)> = letters
            .into_iter()
            .map(|letter| (letter.dead_letter_id, message(letter, self.rows.action_id)))
            .collect();
        let mut confirmed = Vec::with_capacity(unconfirmed.len());
        let began = Instant::now();
        loop {
            let messages = unconfirmed.iter().map(|(_, message)| message.clone());
            let answers = self.publisher.publish(messages.collect(), self.interrupt);
            let mut failed = None;
            let mut refused = Vec::new();
            for ((number, message), answer) in unconfirmed.into_iter().zip(answers) {
                match answer {
                    Ok(_confirmed) => confirmed.push(number),
                    Err(error) => {
                        failed = failed.or(Some((number, error)));
                        refused.push((number, message));
                    }
                }
            }
            let is_over = began.elapsed() >= PUBLISH_LIMIT || self.interrupt.asked().is_some();
            if failed.is_none() || is_over {
                return (confirmed, failed);
            }
            // A second copy is harmless: the ledger credits an event once.
            self.interrupt.wait(PUBLISH_INTERVAL);
            unconfirmed = refused;
        }
    }
}

/// The event as it first arrived, with its own id and bytes, and the number of the replay.
fn message(letter: Sendable, action_id: i64) -> Outgoing {
    let signature = letter.signature.as_deref().and_then(Signature::from_bytes);
    Outgoing {
        exchange: DEFAULT_EXCHANGE,
        routing_key: CREDITS_QUEUE.to_owned(),
        message_id: letter.event_id,
        event_type: letter.event_type.and_then(|text| text.parse().ok()),
        headers: Headers {
            received_at_ms: letter.received_at_ms,
            signed_at_ms: letter.signed_at_ms,
            secret_id: letter.secret_id,
            signature: signature.map(Signature::to_base64),
            attempt: 1,
            failure: None,
            replay: Some(action_id),
        },
        body: letter.body.into(),
    }
}

/// How many letters may be sent now; `None` when all were sent or the canary has no outcome.
fn next_batch(progress: &Progress, run: &Begun, pace: Pace) -> Option<i64> {
    let canary_left = i64::from(pace.canary) - run.sent;
    match progress.waiting {
        0 => None,
        _some if canary_left > 0 => Some(canary_left),
        _some if progress.known > run.progress.known => Some(i64::from(pace.rate).min(TAKEN_MAX)),
        // Somebody may have discarded the canary meanwhile.
        _some if progress.sent == 0 => Some(pace.canary.into()),
        _some => None,
    }
}

/// The percentage of this run's letters that died again, if it is above the limit and letters are left
/// to stop.
fn too_many_failures(progress: &Progress, run: &Begun, pace: Pace) -> Option<i64> {
    // A letter that died again may have been applied by another copy since.
    let now = |count: fn(&Progress) -> i64| (count(progress) - count(&run.progress)).max(0);
    let dead_again = now(|of| of.dead_again);
    let outcomes = now(|of| of.applied) + dead_again;
    let limit = i64::from(pace.max_failures);
    // Without rounding: 1 of 9 is more than 11 %.
    let is_above = dead_again * 100 > limit * outcomes;
    (is_above && progress.waiting > 0).then(|| dead_again * 100 / outcomes.max(1))
}

fn seconds_of(letters: i64, pace: Pace) -> f64 {
    f64::from(i32::try_from(letters).unwrap_or(i32::MAX)) / f64::from(pace.rate.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Progress = Progress {
        waiting: 100,
        sent: 0,
        applied: 0,
        dead_again: 0,
        skipped: 0,
        known: 0,
    };
    const PACE: Pace = Pace {
        canary: 5,
        rate: 50,
        max_failures: 10,
        wait: 60,
        max_depth: 1000,
        max_depth_wait: 600,
    };

    #[test]
    fn the_canary_goes_first_and_decides_about_the_rest() {
        let progress = |known, sent| Progress {
            known,
            sent,
            ..NOTHING
        };
        // The run before had five outcomes.
        let begun = progress(5, 0);
        let batch = |now: &Progress, sent| {
            let run = Begun {
                progress: begun,
                sent,
            };
            next_batch(now, &run, PACE)
        };
        assert_eq!(batch(&begun, 0), Some(5));
        assert_eq!(batch(&progress(5, 2), 2), Some(3));
        assert_eq!(batch(&progress(5, 5), 5), None);
        assert_eq!(batch(&progress(5, 0), 5), Some(5));
        assert_eq!(batch(&progress(6, 4), 5), Some(50));
        let done = Progress {
            waiting: 0,
            ..progress(10, 0)
        };
        assert_eq!(batch(&done, 5), None);
    }

    #[test]
    fn the_share_of_failures_counts_outcomes_of_this_run_while_letters_are_left() {
        let progress = |applied, dead_again, waiting| Progress {
            applied,
            dead_again,
            waiting,
            ..NOTHING
        };
        let share_of = |now: Progress| {
            let run = Begun {
                progress: progress(2, 7, 100),
                sent: 0,
            };
            too_many_failures(&now, &run, PACE)
        };
        let share =
            |applied: i64, dead_again: i64| share_of(progress(2 + applied, 7 + dead_again, 90));
        assert_eq!(share(0, 0), None);
        assert_eq!(share(9, 1), None);
        assert_eq!(share(8, 1), Some(11));
        assert_eq!(share(0, 1), Some(100));
        assert_eq!(share(1, -1), None);
        assert_eq!(share_of(progress(2, 8, 0)), None);
    }
}
