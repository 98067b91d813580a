//! The course of a replay: canary, its outcome, then second by second, with an eye on failures and on
//! the live traffic.

use std::time::{Duration, Instant};

use diesel::pg::PgConnection;
use paynow_process::broker::blocking::AT_ONCE_MAX;
use paynow_process::broker::{BlockingPublisher, Outgoing, PublishError};
use paynow_process::interrupt::Interrupt;
use paynow_shared::topology::{CREDITS_QUEUE, DEFAULT_EXCHANGE};
use paynow_shared::wire::Headers;

use super::ended::Ended;
use super::store::{self, Progress, Sendable};
use crate::cli::{Pace, ReplayOptions};
use crate::failure::Failure;
use crate::management::ManagementApi;
use crate::output;

const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// A queue tells its depth every five seconds.
const DEPTH_AGAIN: Duration = Duration::from_secs(1);
/// How long one letter waits for a broker that does not take it just now.
const PATIENCE: Duration = Duration::from_secs(15);
const PUBLISH_AGAIN: Duration = Duration::from_millis(300);
/// Letters in memory at once, whatever the rate: their bodies may be large.
const TAKEN_MAX: i64 = 1000;

pub(super) struct Replay<'a> {
    pub(super) connection: &'a mut PgConnection,
    pub(super) action_id: i64,
    pub(super) publisher: &'a BlockingPublisher,
    pub(super) interrupt: &'a Interrupt,
    pub(super) api: ManagementApi,
    pub(super) options: &'a ReplayOptions,
}

impl Replay<'_> {
    pub(super) fn run(&mut self) -> Result<Ended, Failure> {
        let pace = self.options.pace;
        let mut batch_began = Instant::now();
        // Letters that climb the retry ladder: nobody waits for them twice.
        let mut deferred = 0;
        let mut sent_now: i64 = 0;
        loop {
            let progress = self.outcomes(deferred)?;
            deferred = progress.sent;
            self.tell(&progress)?;
            if let Some(percent) = too_many_failures(&progress, pace) {
                let limit = pace.max_failures;
                return Ok(Ended::TooManyFailures { percent, limit });
            }
            if let Some(signal) = self.interrupt.asked().filter(|_| is_unfinished(&progress)) {
                return Ok(Ended::Interrupted { signal });
            }
            let Some(count) = next_batch(&progress, pace) else {
                return Ok(if progress.waiting == 0 {
                    Ended::Finished
                } else {
                    Ended::CanaryWithoutOutcome { seconds: pace.wait }
                });
            };
            let due = Duration::from_secs_f64(seconds_of(sent_now, pace));
            self.interrupt
                .wait(due.saturating_sub(batch_began.elapsed()));
            if let Some(ended) = self.give_way()? {
                return Ok(ended);
            }
            batch_began = Instant::now();
            sent_now = self.send(count)?;
        }
    }

    /// Waits until what was sent has an outcome, all but what was deferred before, for the limit, or
    /// until the interrupt.
    fn outcomes(&mut self, deferred: i64) -> Result<Progress, Failure> {
        let limit = Duration::from_secs(self.options.pace.wait.into());
        let began = Instant::now();
        loop {
            store::observe(self.connection, self.action_id)?;
            let progress = store::progress(self.connection, self.action_id)?;
            let has_waited = began.elapsed() >= limit || self.interrupt.asked().is_some();
            if progress.sent <= deferred || has_waited {
                return Ok(progress);
            }
            self.interrupt.wait(LOOK_AGAIN);
        }
    }

    /// Live traffic goes first: waits for it, and says why when it leaves no room at all.
    fn give_way(&self) -> Result<Option<Ended>, Failure> {
        let Pace {
            max_depth: limit,
            max_depth_wait: seconds,
            ..
        } = self.options.pace;
        let began = Instant::now();
        let mut told = false;
        loop {
            if let Some(signal) = self.interrupt.asked() {
                return Ok(Some(Ended::Interrupted { signal }));
            }
            let Some(depth) = self.depth()?.filter(|depth| *depth > limit.into()) else {
                return Ok(None);
            };
            if began.elapsed() >= Duration::from_secs(seconds.into()) {
                return Ok(Some(Ended::TooDeep {
                    depth,
                    limit,
                    seconds,
                }));
            }
            if !told && !self.options.format.json {
                output::line(&format!(
                    "{depth} messages are in {CREDITS_QUEUE}: waiting until it is {limit} or \
                     fewer, {seconds} s at most"
                ))?;
            }
            told = true;
            self.interrupt.wait(DEPTH_AGAIN);
        }
    }

    /// `None` from a queue that is too new to have told.
    fn depth(&self) -> Result<Option<u64>, Failure> {
        let queues = self.api.queues_with_depths()?;
        let credits = queues
            .iter()
            .find(|queue| queue.get("name").and_then(|name| name.as_str()) == Some(CREDITS_QUEUE));
        Ok(credits.and_then(|queue| queue.get("messages")?.as_u64()))
    }

    /// Sends the next letters; gives how many went. What is not sent after all is given back.
    fn send(&mut self, count: i64) -> Result<i64, Failure> {
        let mut letters = store::take(self.connection, self.action_id, count)?.into_iter();
        let mut sent = 0;
        let outcome = loop {
            if self.interrupt.asked().is_some() {
                break Ok(sent);
            }
            let together: Vec<Sendable> = letters.by_ref().take(AT_ONCE_MAX).collect();
            if together.is_empty() {
                return Ok(sent);
            }
            let (confirmed, lacking) = self.publish(together);
            sent += store::sent(self.connection, self.action_id, &confirmed)?;
            match lacking {
                None => {}
                // Whether the broker has them is not known: they stay taken, and the next run sends
                // them.
                Some(_interrupted) if self.interrupt.asked().is_some() => break Ok(sent),
                Some((number, error)) => {
                    let what = format!("dead letter {number} could not be sent");
                    break Err(Failure::failed(what, error));
                }
            }
        };
        let unsent: Vec<i64> = letters
            .filter(|letter| letter.is_new)
            .map(|letter| letter.dead_letter_id)
            .collect();
        store::give_back(self.connection, self.action_id, &unsent)?;
        outcome
    }

    /// Gives the letters that the broker confirmed, and the first that it did not, in all its time.
    fn publish(&self, letters: Vec<Sendable>) -> (Vec<i64>, Option<(i64, PublishError)>) {
        let mut unconfirmed: Vec<(i64, Outgoing)> = letters
            .into_iter()
            .map(|letter| (letter.dead_letter_id, message(letter, self.action_id)))
            .collect();
        let mut confirmed = Vec::with_capacity(unconfirmed.len());
        let began = Instant::now();
        loop {
            let messages = unconfirmed.iter().map(|(_, message)| message.clone());
            let answers = self.publisher.publish(messages.collect(), self.interrupt);
            let mut lacking = None;
            let mut refused = Vec::new();
            for ((number, message), answer) in unconfirmed.into_iter().zip(answers) {
                match answer {
                    Ok(_confirmed) => confirmed.push(number),
                    Err(error) => {
                        lacking = lacking.or(Some((number, error)));
                        refused.push((number, message));
                    }
                }
            }
            let is_over = began.elapsed() >= PATIENCE || self.interrupt.asked().is_some();
            if lacking.is_none() || is_over {
                return (confirmed, lacking);
            }
            // A second copy is answered by the ledger.
            self.interrupt.wait(PUBLISH_AGAIN);
            unconfirmed = refused;
        }
    }

    fn tell(&self, progress: &Progress) -> Result<(), Failure> {
        if self.options.format.json {
            return Ok(());
        }
        let Progress {
            waiting,
            sent,
            applied,
            dead_again,
            skipped,
            tried: _,
            known: _,
        } = progress;
        output::line(&format!(
            "{applied} applied, {dead_again} dead again, {sent} deferred, {skipped} skipped, \
             {waiting} to do"
        ))
    }
}

/// The event as it came first: its own id, its own bytes, its first attempt; and who sent it again.
fn message(letter: Sendable, action_id: i64) -> Outgoing {
    Outgoing {
        exchange: DEFAULT_EXCHANGE,
        routing_key: CREDITS_QUEUE.to_owned(),
        message_id: letter.event_id,
        event_type: letter.event_type.and_then(|text| text.parse().ok()),
        headers: Headers {
            received_at_ms: letter.received_at_ms,
            signed_at_ms: letter.signed_at_ms,
            secret_id: letter.secret_id,
            attempt: 1,
            failure: None,
            replay: Some(action_id),
        },
        body: letter.body.into(),
    }
}

/// How many letters may go now; `None` when none may, because all went or the canary is silent.
fn next_batch(progress: &Progress, pace: Pace) -> Option<i64> {
    let canary_left = i64::from(pace.canary) - progress.tried;
    match progress.waiting {
        0 => None,
        _some if canary_left > 0 => Some(canary_left),
        _some if progress.known > 0 => Some(i64::from(pace.rate).min(TAKEN_MAX)),
        // An interrupted run may have taken the canary and not sent it.
        _some if progress.sent == 0 => Some(pace.canary.into()),
        _some => None,
    }
}

/// Whether a letter is still to be sent, or was sent and has no outcome yet.
fn is_unfinished(progress: &Progress) -> bool {
    progress.waiting > 0 || progress.sent > 0
}

/// The share of letters that died again, when it is past the limit.
fn too_many_failures(progress: &Progress, pace: Pace) -> Option<i64> {
    let outcomes = progress.applied + progress.dead_again;
    let limit = i64::from(pace.max_failures);
    // Without rounding: 1 of 9 is more than 11 %.
    let is_past = progress.dead_again * 100 > limit * outcomes;
    is_past.then(|| progress.dead_again * 100 / outcomes.max(1))
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
        tried: 0,
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
    fn the_canary_goes_first_and_speaks_for_the_rest() {
        let after = |tried, known, sent| Progress {
            tried,
            known,
            sent,
            ..NOTHING
        };
        assert_eq!(next_batch(&NOTHING, PACE), Some(5));
        assert_eq!(next_batch(&after(2, 0, 2), PACE), Some(3));
        assert_eq!(next_batch(&after(5, 0, 5), PACE), None);
        assert_eq!(next_batch(&after(5, 0, 0), PACE), Some(5));
        assert_eq!(next_batch(&after(5, 1, 4), PACE), Some(50));
        let done = Progress {
            waiting: 0,
            ..after(5, 5, 0)
        };
        assert_eq!(next_batch(&done, PACE), None);
    }

    #[test]
    fn the_share_of_failures_is_of_what_has_an_outcome() {
        let share = |applied, dead_again| {
            too_many_failures(
                &Progress {
                    applied,
                    dead_again,
                    ..NOTHING
                },
                PACE,
            )
        };
        assert_eq!(share(0, 0), None);
        assert_eq!(share(9, 1), None);
        assert_eq!(share(8, 1), Some(11));
        assert_eq!(share(0, 1), Some(100));
    }
}
