//! How often somebody may do something within a window of time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many are remembered; when all of them are new, further ones are refused.
const KEYS_MAX: usize = 10_000;

/// Counts by key, each in windows of its own.
pub(crate) struct Limit<K> {
    times: u32,
    window: Duration,
    counts: Mutex<HashMap<K, (Instant, u32)>>,
}

impl<K: Hash + Eq> Limit<K> {
    pub(crate) fn new(times: u32, window: Duration) -> Self {
        Self {
            times,
            window,
            counts: Mutex::default(),
        }
    }

    /// Counts one more, or tells after how many seconds it may be tried again.
    pub(crate) fn count(&self, key: K, now: Instant) -> Result<(), u64> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |began: Instant| now.duration_since(began) >= self.window;
        if counts.len() >= KEYS_MAX && !counts.contains_key(&key) {
            counts.retain(|_key, (began, _count)| !is_over(*began));
            if counts.len() >= KEYS_MAX {
                return Err(self.window.as_secs().max(1));
            }
        }
        let (began, count) = counts.entry(key).or_insert((now, 0));
        if is_over(*began) {
            (*began, *count) = (now, 0);
        }
        if *count >= self.times {
            let left = self.window.saturating_sub(now.duration_since(*began));
            return Err(left.as_secs() + 1);
        }
        *count += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_a_window_of_its_own() {
        let limit = Limit::new(2, Duration::from_secs(60));
        let start = Instant::now();
        assert_eq!(limit.count("anna", start), Ok(()));
        assert_eq!(limit.count("anna", start), Ok(()));
        assert_eq!(
            limit.count("anna", start + Duration::from_secs(20)),
            Err(41)
        );
        assert_eq!(limit.count("bob", start), Ok(()));
        assert_eq!(limit.count("anna", start + Duration::from_secs(60)), Ok(()));
    }

    #[test]
    fn a_crowd_of_new_keys_does_not_forget_the_old_ones() {
        let limit = Limit::new(1, Duration::from_secs(60));
        let start = Instant::now();
        for key in 0..KEYS_MAX {
            assert_eq!(limit.count(key, start), Ok(()));
        }
        assert!(limit.count(KEYS_MAX, start).is_err());
        assert!(limit.count(0, start).is_err());
        assert_eq!(
            limit.count(KEYS_MAX, start + Duration::from_secs(61)),
            Ok(())
        );
    }
}
