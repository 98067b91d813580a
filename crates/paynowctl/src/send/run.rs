//! All posts over a fixed number of connections, one thread each: the next post goes to whichever
//! is free, not before its time if there is a rate.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use paynow_process::backoff::ReconnectBackoff;
use paynow_shared::signature::Signer;
use url::Url;

use super::post::{Poster, Reply};
use crate::pause::pause;

pub(crate) struct Pace {
    pub(crate) events: usize,
    /// How often each event is posted.
    pub(crate) posts_per_event: usize,
    pub(crate) connections: usize,
    pub(crate) per_second: Option<u32>,
    pub(crate) give_up_after: Duration,
}

/// What became of all posts.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) accepted: usize,
    /// By status and code; an event that was given up counts under its last one.
    pub(crate) refused: BTreeMap<String, usize>,
    pub(crate) retried: usize,
    pub(crate) given_up: usize,
    /// How long each accepted post took, without the waits before it.
    pub(crate) latencies: Vec<Duration>,
}

impl Tally {
    fn add(&mut self, other: Self) {
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
    pace: &'a Pace,
    url: &'a Url,
    signer: &'a Signer,
    /// The bytes of an event.
    body: B,
    next_post: AtomicUsize,
    /// By event: whether any of its posts was accepted.
    accepted: Vec<AtomicBool>,
    /// When a post was last accepted, in milliseconds since the start.
    last_accepted_ms: AtomicU64,
    /// Set once nobody listens any more: the rest is not tried.
    hopeless: AtomicBool,
    started: Instant,
    bar: ProgressBar,
}

/// Posts everything; gives the sum, and by event whether it was accepted.
pub(crate) fn post_all<B>(pace: &Pace, url: &Url, signer: &Signer, body: B) -> (Tally, Vec<bool>)
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
        hopeless: AtomicBool::new(false),
        started: Instant::now(),
        bar: progress_bar(posts),
    };
    let mut sum = Tally::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..pace.connections.min(posts))
            .map(|_connection| scope.spawn(|| shared.use_one_connection()))
            .collect();
        for thread in threads {
            // A thread that panicked has said so; what it posted then counts as not accepted.
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
        Err(_plain_style_then) => bar,
    }
}

impl<B: Fn(usize) -> Vec<u8>> Shared<'_, B> {
    fn use_one_connection(&self) -> Tally {
        let poster = Poster::new(self.url, self.signer);
        let mut tally = Tally::default();
        let posts = self.pace.events * self.pace.posts_per_event;
        while !self.hopeless.load(Ordering::Relaxed) {
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

    /// Gives whether the event was accepted in the end.
    fn post_until_answered(&self, poster: &Poster<'_>, body: &[u8], tally: &mut Tally) -> bool {
        let first_try = Instant::now();
        let mut backoff = ReconnectBackoff::new();
        loop {
            let sent = Instant::now();
            let (code, not_before) = match poster.post(body) {
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
                Reply::TryAgain { code, not_before } => (code, not_before),
            };
            let left = self.pace.give_up_after.saturating_sub(first_try.elapsed());
            if left.is_zero() || self.hopeless.load(Ordering::Relaxed) {
                *tally.refused.entry(code).or_default() += 1;
                tally.given_up += 1;
                self.lose_hope();
                return false;
            }
            tally.retried += 1;
            let wait = backoff.next_wait().max(not_before.unwrap_or_default());
            pause(wait.min(left));
        }
    }

    /// Waiting as long again for every other event would only take for ever.
    fn lose_hope(&self) {
        let silent_ms = self
            .elapsed_ms()
            .saturating_sub(self.last_accepted_ms.load(Ordering::Relaxed));
        if u128::from(silent_ms) >= self.pace.give_up_after.as_millis() {
            self.hopeless.store(true, Ordering::Relaxed);
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
