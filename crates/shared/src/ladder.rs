//! The retry ladder: the fixed delays after which an event is tried again. Each delay is a rung
//! and has a queue.

use std::fmt;
use std::str::FromStr;

/// Ascending delays in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryLadder(Vec<u32>);

/// One day: an event that waits longer is out of sight.
const DELAY_SECONDS_MAX: u32 = 86_400;
/// Each rung is a replicated queue.
const RUNGS_MAX: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a retry ladder is 1 to 16 rising delays of 1 to 86400 seconds, comma separated")]
pub struct InvalidLadder;

impl RetryLadder {
    /// The delays of the rungs, in seconds.
    pub fn delays_seconds(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().copied()
    }

    /// The delay after attempt number `attempt` has failed, counted from 1; `None` when no rung is left.
    pub fn delay_seconds_after(&self, attempt: u32) -> Option<u32> {
        let rung = usize::try_from(attempt.max(1)).ok()?.checked_sub(1)?;
        self.0.get(rung).copied()
    }
}

impl Default for RetryLadder {
    fn default() -> Self {
        Self(vec![1, 4, 16, 64, 256, 1024, 3600])
    }
}

impl FromStr for RetryLadder {
    type Err = InvalidLadder;

    fn from_str(text: &str) -> Result<Self, InvalidLadder> {
        let delays: Vec<u32> = text
            .split(',')
            .map(|delay| delay.trim().parse().map_err(|_not_a_number| InvalidLadder))
            .collect::<Result<_, _>>()?;
        let in_range = delays
            .iter()
            .all(|delay| (1..=DELAY_SECONDS_MAX).contains(delay));
        let rising = delays.is_sorted_by(|shorter, longer| shorter < longer);
        if in_range && rising && delays.len() <= RUNGS_MAX {
            Ok(Self(delays))
        } else {
            Err(InvalidLadder)
        }
    }
}

impl fmt::Display for RetryLadder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&texts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_reads_back() {
        let ladder = RetryLadder::default();
        assert_eq!(ladder.to_string(), "1,4,16,64,256,1024,3600");
        assert_eq!(ladder.to_string().parse(), Ok(ladder));
    }

    #[test]
    fn each_attempt_has_its_rung_and_then_no_more() {
        let ladder: RetryLadder = "1,4,16".parse().unwrap();
        let delays: Vec<Option<u32>> = [0, 1, 2, 3, 4, u32::MAX]
            .map(|attempt| ladder.delay_seconds_after(attempt))
            .into();
        assert_eq!(delays, [Some(1), Some(1), Some(4), Some(16), None, None]);
    }

    #[test]
    fn a_ladder_rises_and_stays_in_range() {
        for text in ["", "0", "4,1", "1,1", "1,,2", "x", "86401", "-1"] {
            assert_eq!(text.parse::<RetryLadder>(), Err(InvalidLadder), "{text:?}");
        }
    }
}
