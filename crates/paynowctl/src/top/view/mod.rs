//! What there is to see, worked out from the looks of the last minute and nothing else.

mod backlog;
mod desk;
mod log;
mod processes;
mod traffic;

use std::cmp::Reverse;

use super::increase::Span;
use super::sample::{Asked, Books, Sample};

pub(super) use backlog::{Backlog, BrokerView, QueueRow, Rung};
pub(super) use log::LogRecords;
pub(super) use processes::{Process, ProcessRow};
pub(super) use traffic::{Latency, Rate, Refusals};

/// How much something matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Fine,
    /// Worth knowing; nobody is woken for it.
    Warning,
    /// An alert is on this.
    Alarm,
}

/// Something that is not as it should be, in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) level: Level,
    pub(super) what: String,
}

impl Problem {
    fn warning(what: impl Into<String>) -> Self {
        Self {
            level: Level::Warning,
            what: what.into(),
        }
    }

    fn alarm(what: impl Into<String>) -> Self {
        Self {
            level: Level::Alarm,
            what: what.into(),
        }
    }
}

/// The last look, what changed since the one before, and over the last minute.
#[derive(Debug)]
pub(super) struct View {
    pub(super) taken_at_ms: i64,
    /// From the last look but one to the last; 0 with one look only.
    pub(super) interval_seconds: f64,
    /// What the last minute covers so far.
    pub(super) window_seconds: f64,
    pub(super) rates: Vec<Rate>,
    pub(super) refusals: Refusals,
    pub(super) latencies: Vec<Latency>,
    pub(super) broker: Asked<BrokerView>,
    /// Of the worker's retries; empty when neither worker nor broker tells.
    pub(super) rungs: Vec<Rung>,
    /// Of `paynow.credits`.
    pub(super) backlog: Backlog,
    /// Pauses of the workers by cause; `None` when none of them was seen twice.
    pub(super) pauses: Option<Vec<(String, f64)>>,
    pub(super) books: Asked<Books>,
    pub(super) processes: Vec<ProcessRow>,
    pub(super) log_records: Vec<LogRecords>,
    /// The worst first.
    pub(super) problems: Vec<Problem>,
}

/// Time as it passes in a view: the last interval, and the last minute.
struct Times {
    interval: Span,
    window: Span,
}

impl View {
    /// Of these looks, which are in order; `None` without any.
    pub(super) fn of(samples: &[Sample]) -> Option<Self> {
        let now = samples.last()?;
        let last_two = samples.len().saturating_sub(2);
        let times = Times {
            interval: Span::over(samples.get(last_two..)?),
            window: Span::over(samples),
        };
        let rates = traffic::rates(now, &times);
        let broker = backlog::broker(samples);
        let backlog = backlog::backlog(&broker, &times.window);
        let mut view = Self {
            taken_at_ms: now.taken_at_ms,
            interval_seconds: times.interval.seconds,
            window_seconds: times.window.seconds,
            refusals: traffic::refusals(&times.window),
            latencies: traffic::latencies(&times),
            rungs: backlog::rungs(&broker, &times.window),
            pauses: processes::pauses(&times.window),
            processes: processes::rows(samples, &times.window),
            log_records: log::records(now, &times.window),
            books: now.books.clone(),
            rates,
            broker,
            backlog,
            problems: Vec::new(),
        };
        view.problems = problems(&view, now);
        Some(view)
    }
}

fn problems(view: &View, now: &Sample) -> Vec<Problem> {
    let mut problems = processes::problems(view);
    problems.extend(backlog::problems(view));
    problems.extend(traffic::problems(view));
    problems.extend(desk::problems(view, now));
    // Those of one level stay in the order of the way an event takes.
    problems.sort_by_key(|problem| Reverse(problem.level));
    problems
}

#[cfg(test)]
mod problem_tests;
#[cfg(test)]
pub(super) mod tests;
