//! Why a run ended, as the operator and the record read it.

use std::fmt;

use paynow_process::interrupt::StopSignal;
use paynow_shared::topology::CREDITS_QUEUE;

use crate::text::counted;

/// The queue of the live traffic is longer than the replay's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FullQueue {
    /// Messages in the queue.
    pub depth: u64,
    pub limit: u32,
    /// How long the replay waits at most.
    pub seconds: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplayEnd {
    /// Every letter was sent or skipped.
    Finished,
    TooManyFailures {
        percent: i64,
        limit: u32,
        /// Letters that are still to be sent.
        left: i64,
    },
    /// The outcome of the canary is unknown, so nothing justifies sending more.
    CanaryWithoutOutcome { seconds: u32 },
    /// The live traffic held the replay up for so long that somebody should know.
    TooDeep(FullQueue),
    /// A person or a supervisor stopped its process.
    Interrupted { signal: StopSignal },
    /// A person asked the replay itself to stop, from wherever they were.
    StoppedBy { operator: String },
}

impl fmt::Display for ReplayEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => f.write_str("finished"),
            Self::TooManyFailures {
                percent,
                limit,
                left,
            } => write!(
                f,
                "stopped: {percent} % of the letters of this run died again, more than --max-failures \
                 {limit}, and {}",
                counted(left.unsigned_abs(), "is still to do", "are still to do")
            ),
            Self::CanaryWithoutOutcome { seconds } => {
                write!(f, "stopped: the canary had no outcome within {seconds} s")
            }
            Self::TooDeep(FullQueue {
                depth,
                limit,
                seconds,
            }) => write!(
                f,
                "stopped: {} in {CREDITS_QUEUE}, and for {seconds} s there were more than \
                 --max-depth {limit}",
                counted(*depth, "message is", "messages are")
            ),
            Self::StoppedBy { operator } => write!(f, "stopped by {operator}"),
            Self::Interrupted { signal } => write!(f, "interrupted by {}", signal.name()),
        }
    }
}
