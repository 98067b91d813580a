//! Why a run came to its end, in the words that the operator and the record get.

use paynow_process::interrupt::StopSignal;
use paynow_shared::topology::CREDITS_QUEUE;

/// Why a run came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Every letter was sent or skipped.
    Finished,
    TooManyFailures {
        percent: i64,
        limit: u32,
    },
    /// Nothing is known of the canary, so nothing speaks for sending more.
    CanaryWithoutOutcome {
        seconds: u32,
    },
    /// The live traffic left no room for so long that somebody should know.
    TooDeep {
        depth: u64,
        limit: u32,
        seconds: u32,
    },
    /// A person, or whatever supervises us, asked for the end.
    Interrupted {
        signal: StopSignal,
    },
}

impl Ended {
    pub(super) fn told(self) -> String {
        match self {
            Self::Finished => "finished".to_owned(),
            Self::TooManyFailures { percent, limit } => format!(
                "stopped: {percent} % of the letters died again, more than --max-failures {limit}"
            ),
            Self::CanaryWithoutOutcome { seconds } => {
                format!("stopped: the canary had no outcome within {seconds} s")
            }
            Self::TooDeep {
                depth,
                limit,
                seconds,
            } => format!(
                "stopped: {depth} messages are in {CREDITS_QUEUE}, and for {seconds} s there were \
                 more than --max-depth {limit}"
            ),
            Self::Interrupted { signal } => format!("interrupted by {}", signal.name()),
        }
    }
}
