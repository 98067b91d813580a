//! Limits on failed requests, of one source and of all together: after too many in a minute, further
//! ones get 429 and no log record, and large bodies of such a source are not read. A webhook that PayNow
//! signed never counts.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::source::network_of;

/// Counts start again from zero after this.
const WINDOW: Duration = Duration::from_secs(60);
/// Sources with a count of their own, about 32 bytes each; further ones count only overall.
const SOURCES_MAX: usize = 10_000;

/// How many failures in a minute are answered and logged one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureLimits {
    pub per_source: u32,
    pub overall: u32,
}

/// Whether one more failure is within the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    WithinLimits,
    TooMany {
        /// The first of its window, which is logged.
        is_first: bool,
        retry_after_seconds: u32,
    },
}

/// The failures of this minute, shared by all of actix's threads.
pub(crate) struct Failures {
    limits: FailureLimits,
    /// Whether anything failed lately: only then does a large body take the lock.
    has_any: AtomicBool,
    counts: Mutex<Counts>,
}

struct Counts {
    since: Instant,
    overall: u32,
    by_source: HashMap<IpAddr, u32>,
    /// When a source last sent a webhook that PayNow signed, in this minute or the one before.
    signed_at: HashMap<IpAddr, Instant>,
    has_limited: bool,
}

impl Failures {
    pub(crate) fn new(limits: FailureLimits, now: Instant) -> Self {
        Self {
            limits,
            has_any: AtomicBool::new(false),
            counts: Mutex::new(Counts::beginning(now)),
        }
    }

    /// Counts one more failure.
    pub(crate) fn count(&self, source: IpAddr, now: Instant) -> Verdict {
        let mut counts = self.counts_of(now);
        self.has_any.store(true, Ordering::Relaxed);
        counts.overall = counts.overall.saturating_add(1);
        let of_source = counts.of_source(network_of(source));
        if counts.overall <= self.limits.overall && of_source <= self.limits.per_source {
            return Verdict::WithinLimits;
        }
        let is_first = !std::mem::replace(&mut counts.has_limited, true);
        Verdict::TooMany {
            is_first,
            retry_after_seconds: counts.seconds_left(now),
        }
    }

    /// PayNow signed a webhook from this source. It may be a proxy that PayNow shares with others, so
    /// their failures do not keep large webhooks out for the next minute.
    pub(crate) fn signed(&self, source: IpAddr, now: Instant) {
        let source = network_of(source);
        let mut counts = self.counts_of(now);
        if counts.overall == 0 {
            self.has_any.store(false, Ordering::Relaxed);
        }
        // Before its first failure, too: somebody else may begin to fail from this address at any moment.
        if counts.signed_at.len() < SOURCES_MAX || counts.signed_at.contains_key(&source) {
            counts.signed_at.insert(source, now);
        }
    }

    /// Whether large bodies of this source are refused, and for how many seconds. Failures of other
    /// sources never are a reason.
    pub(crate) fn refuses_large(&self, source: IpAddr, now: Instant) -> Option<u32> {
        if !self.has_any.load(Ordering::Relaxed) {
            return None;
        }
        let source = network_of(source);
        let counts = self.counts_of(now);
        let failures = counts.by_source.get(&source).copied().unwrap_or(0);
        let signed_at = counts.signed_at.get(&source);
        let has_signed = signed_at.is_some_and(|at| now.saturating_duration_since(*at) < WINDOW);
        (failures > self.limits.per_source && !has_signed).then(|| counts.seconds_left(now))
    }

    /// The counts of the minute that `now` is in.
    fn counts_of(&self, now: Instant) -> MutexGuard<'_, Counts> {
        // A panic cannot leave the counts half written.
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(counts.since) >= WINDOW {
            let mut signed_at = std::mem::take(&mut counts.signed_at);
            signed_at.retain(|_source, at| now.saturating_duration_since(*at) < WINDOW);
            *counts = Counts {
                signed_at,
                ..Counts::beginning(now)
            };
        }
        counts
    }
}

impl Counts {
    fn beginning(since: Instant) -> Self {
        Self {
            since,
            overall: 0,
            by_source: HashMap::new(),
            signed_at: HashMap::new(),
            has_limited: false,
        }
    }

    fn seconds_left(&self, now: Instant) -> u32 {
        let left = WINDOW.saturating_sub(now.saturating_duration_since(self.since));
        u32::try_from(left.as_secs()).unwrap_or(0).max(1)
    }

    fn of_source(&mut self, source: IpAddr) -> u32 {
        let has_space = self.by_source.len() < SOURCES_MAX;
        let count = match self.by_source.get_mut(&source) {
            Some(count) => count,
            None if has_space => self.by_source.entry(source).or_insert(0),
            None => return 0,
        };
        *count = count.saturating_add(1);
        *count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: FailureLimits = FailureLimits {
        per_source: 2,
        overall: 5,
    };

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn is_within(failures: &Failures, source: &str, now: Instant) -> bool {
        failures.count(address(source), now) == Verdict::WithinLimits
    }

    #[test]
    fn one_source_is_limited_and_the_others_are_not() {
        let now = Instant::now();
        let failures = Failures::new(LIMITS, now);
        let within = ["1.1.1.1"; 3].map(|source| is_within(&failures, source, now));
        assert_eq!(within, [true, true, false]);
        assert!(is_within(&failures, "2.2.2.2", now));
    }

    #[test]
    fn all_together_are_limited_however_many_they_are() {
        let now = Instant::now();
        let failures = Failures::new(LIMITS, now);
        let sources = [
            "1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4", "5.5.5.5", "6.6.6.6",
        ];
        let within = sources.map(|source| is_within(&failures, source, now));
        assert_eq!(within, [true, true, true, true, true, false]);
    }

    #[test]
    fn after_a_minute_the_counts_start_again() {
        let now = Instant::now();
        let failures = Failures::new(LIMITS, now);
        for _failure in 0..3 {
            failures.count(address("1.1.1.1"), now);
        }
        let late = now + Duration::from_secs(50);
        let again = failures.count(address("1.1.1.1"), late);
        let expected = Verdict::TooMany {
            is_first: false,
            retry_after_seconds: 10,
        };
        assert_eq!(again, expected);
        assert!(is_within(&failures, "1.1.1.1", now + WINDOW));
    }

    #[test]
    fn the_first_of_too_many_is_told_apart_from_the_rest() {
        let now = Instant::now();
        let failures = Failures::new(LIMITS, now);
        let firsts = [0; 4].map(|_failure| match failures.count(address("1.1.1.1"), now) {
            Verdict::WithinLimits => None,
            Verdict::TooMany { is_first, .. } => Some(is_first),
        });
        assert_eq!(firsts, [None, None, Some(true), Some(false)]);
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_are_one_source() {
        let now = Instant::now();
        let failures = Failures::new(LIMITS, now);
        let sources = [
            "2001:db8::1",
            "2001:db8::2",
            "2001:db8::3",
            "2001:db8:0:1::1",
        ];
        let within = sources.map(|source| is_within(&failures, source, now));
        assert_eq!(within, [true, true, false, true]);
    }

    #[test]
    fn large_bodies_are_refused_to_a_failing_source_only_and_not_where_paynow_signs() {
        let now = Instant::now();
        let failures = Failures::new(LIMITS, now);
        let refuses = |source, at| failures.refuses_large(address(source), at);
        for _failure in 0..2 {
            failures.count(address("1.1.1.1"), now);
        }
        assert_eq!(refuses("1.1.1.1", now), None, "it is within the limits");
        failures.count(address("1.1.1.1"), now);
        assert_eq!(refuses("1.1.1.1", now), Some(60));
        for source in ["2.2.2.2", "3.3.3.3", "4.4.4.4"] {
            failures.count(address(source), now);
        }
        assert_eq!(refuses("2.2.2.2", now), None, "all together have too many");

        failures.signed(address("1.1.1.1"), now);
        let late = now + Duration::from_secs(59);
        assert_eq!(refuses("1.1.1.1", late), None);
        failures.signed(address("1.1.1.1"), late);
        // The next minute: PayNow's last webhook is young, then old.
        let next = now + WINDOW;
        for _failure in 0..3 {
            failures.count(address("1.1.1.1"), next);
        }
        assert_eq!(refuses("1.1.1.1", next), None);
        assert_eq!(refuses("1.1.1.1", next + Duration::from_secs(59)), Some(1));
        failures.signed(address("1.1.1.1"), next + WINDOW);
        assert!(
            !failures.has_any.load(Ordering::Relaxed),
            "no lock in peace"
        );
    }

    #[test]
    fn the_number_of_counted_sources_is_limited() {
        let now = Instant::now();
        let limits = FailureLimits {
            per_source: 1,
            overall: u32::MAX,
        };
        let failures = Failures::new(limits, now);
        for source in 0..50_000u32 {
            failures.count(IpAddr::from(source.to_be_bytes()), now);
        }
        let counts = failures.counts.lock().unwrap();
        assert_eq!(counts.by_source.len(), SOURCES_MAX);
    }
}
