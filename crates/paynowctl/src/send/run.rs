//! Posts all events over a fixed number of connections, each with its own thread. The next post goes
//! to the connection that is free, and waits for its turn when there is a rate.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use paynow_process::backoff::ReconnectBackoff;
use paynow_shared::signature::Signer;
use url::Url;

use super::post::{Poster, Reply};
use crate::pause::pause;

pub(crate) struct PostingPace {
    pub(crate) events: usize,
    pub(crate) posts_per_event: usize,
    pub(crate) connections: usize,
    pub(crate) per_second: Option<u32>,
    pub(crate) give_up_after: Duration,
    /// Its terminal must move the cursor.
    pub(crate) has_bar: bool,
}

/// The sums over all posts.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) accepted: usize,
    /// By status and code; a post that was given up counts under its last answer.
    pub(crate) refused: BTreeMap<String, usize>,
    pub(crate) retried: usize,
    pub(crate) given_up: usize,
    /// The duration of each accepted attempt, without the waits before it.
    pub(crate) latencies: Vec<Duration>,
}

impl Tally {
    pub(super) fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.retried += other.retried;
        self.given_up += other.given_up;
        self.latencies.extend(other.latencies);
        for (code, count) in other.refused {
            *self.refused.entry(code).or_default() += count;
        }
    }
}

struct Shared<'a, B> {
    pace: &'a PostingPace,
    url: &'a Url,
    signer: &'a Signer,
    /// Makes the bytes of an event.
    body: B,
    next_post: AtomicUsize,
    /// By event; set when any of its posts was accepted.
    accepted: Vec<AtomicBool>,
    /// When a post was last accepted, in milliseconds since the start.
    last_accepted_ms: AtomicU64,
    /// Set when no receiver accepts anything any more; the remaining events are not tried.
    is_aborted: AtomicBool,
    started: Instant,
    bar: ProgressBar,
}

/// Returns the sums, and for each event whether it was accepted.
pub(crate) fn post_all<B>(
    pace: &PostingPace,
    url: &Url,
    signer: &Signer,
    body: B,
) -> (Tally, Vec<bool>)
where
    B: Fn(usize) -> Vec<u8> + Sync,
{
    let posts = pace.events * pace.posts_per_event;
    let shared = Shared {
        pace,
        url,
        signer,
        body,
        next_post: AtomicUsize::new(0),
        accepted: (0..pace.events)
            .map(|_event| AtomicBool::new(false))
            .collect(),
        last_accepted_ms: AtomicU64::new(0),
        is_aborted: AtomicBool::new(false),
        started: Instant::now(),
        bar: match pace.has_bar {
            true => progress_bar(posts),
            false => ProgressBar::hidden(),
        },
    };
    let mut sum = Tally::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..pace.connections.min(posts))
            .map(|_connection| scope.spawn(|| shared.post_over_one_connection()))
            .collect();
        for thread in threads {
            // A panic has been printed, and the posts of its thread count as not accepted.
            sum.add(thread.join().unwrap_or_default());
        }
    });
    shared.bar.finish_and_clear();
    let accepted = shared.accepted.into_iter().map(AtomicBool::into_inner);
    (sum, accepted.collect())
}

/// Drawn on standard error, and only if that is a terminal.
fn progress_bar(posts: usize) -> ProgressBar {
    let bar = ProgressBar::new(posts.try_into().unwrap_or(u64::MAX));
    match ProgressStyle::with_template("{bar:40} {pos}/{len} posts, {per_sec}, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_invalid_template) => bar,
    }
}

impl<B: Fn(usize) -> Vec<u8>> Shared<'_, B> {
    fn post_over_one_connection(&self) -> Tally {
        let poster = Poster::new(self.url, self.signer);
        let mut tally = Tally::default();
        let posts = self.pace.events * self.pace.posts_per_event;
        while !self.is_aborted.load(Ordering::Relaxed) {
            let post = self.next_post.fetch_add(1, Ordering::Relaxed);
            if post >= posts {
                break;
            }
            self.wait_for_turn(post);
            let event = post / self.pace.posts_per_event;
            let body = (self.body)(event);
            if self.post_until_answered(&poster, &body, &mut tally)
                && let Some(accepted) = self.accepted.get(event)
            {
                accepted.store(true, Ordering::Relaxed);
            }
            self.bar.inc(1);
        }
        tally
    }

    fn wait_for_turn(&self, post: usize) {
        if let Some(per_second) = self.pace.per_second {
            let turn = Duration::from_secs_f64(post as f64 / f64::from(per_second));
            pause(turn.saturating_sub(self.started.elapsed()));
        }
    }

    /// Returns whether the event was accepted in the end.
    fn post_until_answered(&self, poster: &Poster<'_>, body: &[u8], tally: &mut Tally) -> bool {
        let started = Instant::now();
        let mut backoff = ReconnectBackoff::new();
        loop {
            let sent = Instant::now();
            let (code, retry_after) = match poster.post(body) {
                Reply::Accepted => {
                    tally.accepted += 1;
                    tally.latencies.push(sent.elapsed());
                    self.last_accepted_ms
                        .store(self.elapsed_ms(), Ordering::Relaxed);
                    return true;
                }
                Reply::Refused(code) => {
                    *tally.refused.entry(code).or_default() += 1;
                    return false;
                }
                Reply::TryAgain { code, retry_after } => (code, retry_after),
            };
            let left = self.pace.give_up_after.saturating_sub(started.elapsed());
            if left.is_zero() || self.is_aborted.load(Ordering::Relaxed) {
                *tally.refused.entry(code).or_default() += 1;
                tally.given_up += 1;
                self.abort_if_nothing_is_accepted();
                return false;
            }
            tally.retried += 1;
            let wait = backoff.next_wait().max(retry_after.unwrap_or_default());
            pause(wait.min(left));
        }
    }

    /// Waiting as long for each of the other events could take hours.
    fn abort_if_nothing_is_accepted(&self) {
        let without_success_ms = self
            .elapsed_ms()
            .saturating_sub(self.last_accepted_ms.load(Ordering::Relaxed));
        if u128::from(without_success_ms) >= self.pace.give_up_after.as_millis() {
            self.is_aborted.store(true, Ordering::Relaxed);
        }
    }

    fn elapsed_ms(&self) -> u64 {
        self.started
            .elapsed()
            .as_millis()
            .try_into()
            .unwrap_or(u64::MAX)
    }
}
