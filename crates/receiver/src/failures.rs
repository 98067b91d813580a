//! Limits on failed requests, of one source and of all together: after too many in a minute, further
//! ones get 429 and no log record. A webhook that `verify` accepts never counts.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Counts start again from zero after this.
const WINDOW: Duration = Duration::from_secs(60);
/// Sources with a count of their own, about 32 bytes each; further ones count only overall.
const SOURCES_MAX: usize = 10_000;
/// A household or server has a whole /64 of IPv6 and may use any address in it.
const IPV6_SOURCE_BITS: u32 = 64;

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

/// The failures of this minute, shared by all of actix's threads. Only failures take the lock.
pub(crate) struct Failures {
    limits: FailureLimits,
    counts: Mutex<Counts>,
}

struct Counts {
    since: Instant,
    overall: u32,
    by_source: HashMap<IpAddr, u32>,
    has_limited: bool,
}

impl Failures {
    pub(crate) fn new(limits: FailureLimits, now: Instant) -> Self {
        Self {
            limits,
            counts: Mutex::new(Counts::beginning(now)),
        }
    }

    /// Counts one more failure.
    pub(crate) fn count(&self, source: IpAddr, now: Instant) -> Verdict {
        // A panic cannot leave the counts half written.
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let age = now.saturating_duration_since(counts.since);
        if age >= WINDOW {
            *counts = Counts::beginning(now);
        }
        counts.overall = counts.overall.saturating_add(1);
        let of_source = counts.of_source(network_of(source));
        if counts.overall <= self.limits.overall && of_source <= self.limits.per_source {
            return Verdict::WithinLimits;
        }
        let is_first = !std::mem::replace(&mut counts.has_limited, true);
        let left = WINDOW.saturating_sub(now.saturating_duration_since(counts.since));
        Verdict::TooMany {
            is_first,
            retry_after_seconds: u32::try_from(left.as_secs()).unwrap_or(0).max(1),
        }
    }
}

impl Counts {
    fn beginning(since: Instant) -> Self {
        Self {
            since,
            overall: 0,
            by_source: HashMap::new(),
            has_limited: false,
        }
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

fn network_of(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(address) => {
            let network = address.to_bits() >> IPV6_SOURCE_BITS << IPV6_SOURCE_BITS;
            Ipv6Addr::from_bits(network).into()
        }
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
