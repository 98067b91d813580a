//! Waits between attempts to reach a server. The `backoff` crate was asked for and is unmaintained
//! (RUSTSEC-2025-0012); only this file uses it, so that it can be replaced here.

use std::time::Duration;

use backoff::backoff::Backoff;
use backoff::{ExponentialBackoff, ExponentialBackoffBuilder};

const FIRST: Duration = Duration::from_millis(200);
/// Short enough that work resumes within seconds after a server is back.
const LONGEST: Duration = Duration::from_secs(5);
const FACTOR: f64 = 2.0;
/// Up to half more or half less: programs that lost the same server reconnect at different times.
const JITTER: f64 = 0.5;

/// Rising waits with jitter, without end.
pub struct ReconnectBackoff(ExponentialBackoff);

impl ReconnectBackoff {
    pub fn new() -> Self {
        Self::between(FIRST, LONGEST)
    }

    /// For work that costs more than a connection.
    pub fn between(first: Duration, longest: Duration) -> Self {
        let policy = ExponentialBackoffBuilder::new()
            .with_initial_interval(first)
            .with_max_interval(longest)
            .with_multiplier(FACTOR)
            .with_randomization_factor(JITTER)
            // The crate gives up after 15 minutes by default; an outage may last longer.
            .with_max_elapsed_time(None)
            .build();
        Self(policy)
    }

    /// How long to wait before the next attempt.
    pub fn next_wait(&mut self) -> Duration {
        self.0.next_backoff().unwrap_or(LONGEST)
    }

    /// Starts over, after an attempt that worked.
    pub fn reset(&mut self) {
        self.0.reset();
    }
}

impl Default for ReconnectBackoff {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use paynow_shared::ladder::RetryLadder;

    use super::*;

    /// The ladder's queues have fixed delays, so its rungs are the same policy without jitter.
    #[test]
    fn the_default_retry_ladder_is_exponential_with_a_cap() {
        let mut policy = ExponentialBackoffBuilder::new()
            .with_initial_interval(Duration::from_secs(1))
            .with_multiplier(4.0)
            .with_randomization_factor(0.0)
            .with_max_interval(Duration::from_secs(3600))
            .with_max_elapsed_time(None)
            .build();
        for delay_seconds in RetryLadder::default().delays_seconds() {
            let wait = policy.next_backoff().unwrap();
            assert_eq!(wait, Duration::from_secs(u64::from(delay_seconds)));
        }
    }

    #[test]
    fn waits_double_to_the_cap_within_their_jitter_and_never_end() {
        let mut backoff = ReconnectBackoff::new();
        let mut middle = FIRST;
        for attempt in 0..200 {
            let wait = backoff.next_wait();
            assert!(wait >= middle.mul_f64(0.49), "attempt {attempt}: {wait:?}");
            assert!(wait <= middle.mul_f64(1.51), "attempt {attempt}: {wait:?}");
            middle = (middle * 2).min(LONGEST);
        }
        backoff.reset();
        assert!(backoff.next_wait() <= FIRST.mul_f64(1.51));
    }
}
