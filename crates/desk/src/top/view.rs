//! Computes everything that `top` shows from the snapshots of the last minute.

mod backlog;
mod ledger;
mod log;
mod processes;
mod traffic;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use super::increase::Increases;
use super::snapshot::{DatabaseState, Reading, Snapshot, Unknown};

pub use backlog::{Backlog, BrokerView, QueueRow, Rung};
pub use log::LogRecords;
pub use processes::{Process, ProcessRow};
pub use traffic::{Latency, Rate};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Fine,
    /// Worth knowing, but not urgent.
    Warning,
    /// There is an alert for it.
    Alarm,
}

/// The part of the view that a problem is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    Broker,
    Database,
    Processes,
    Queues,
    Webhooks,
    Latencies,
    Ledger,
    DeadLetters,
}

/// Something that needs attention, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub level: Level,
    pub what: String,
    #[serde(skip)]
    pub about: About,
}

impl Level {
    fn problem(self, about: About, what: impl Into<String>) -> Problem {
        Problem {
            level: self,
            what: what.into(),
            about,
        }
    }
}

impl From<&Unknown> for Level {
    fn from(unknown: &Unknown) -> Self {
        match unknown {
            Unknown::NotConfigured(_) => Self::Warning,
            Unknown::NoAnswer(_) => Self::Alarm,
        }
    }
}

impl From<&Option<Problem>> for Level {
    fn from(problem: &Option<Problem>) -> Self {
        problem.as_ref().map_or(Self::Fine, |problem| problem.level)
    }
}

/// The state at the last snapshot, and the changes since the one before and over the last minute.
#[derive(Debug)]
pub struct View {
    /// Unix milliseconds.
    pub taken_at_ms: i64,
    /// Between the last two snapshots; 0 when there is only one.
    pub interval_seconds: f64,
    /// The part of the last minute that has snapshots.
    pub window_seconds: f64,
    pub rates: Vec<Rate>,
    /// Requests of the last minute that were not queued, by code.
    pub refusals: BTreeMap<String, f64>,
    pub latencies: Vec<Latency>,
    pub broker: Reading<BrokerView>,
    /// The retry ladder; empty when neither workers nor broker answer.
    pub rungs: Vec<Rung>,
    /// Of `paynow.credits`.
    pub backlog: Backlog,
    /// How often workers paused in the last minute, by cause; `None` when no worker answered twice.
    pub pauses: Option<BTreeMap<String, f64>>,
    pub database: Reading<DatabaseState>,
    pub processes: Vec<ProcessRow>,
    pub log_records: Vec<LogRecords>,
    /// The most urgent first.
    pub problems: Vec<Problem>,
}

/// The two periods that changes are shown for.
struct Periods {
    interval: Increases,
    window: Increases,
}

impl View {
    /// The snapshots are sorted by time; `None` without any.
    pub fn of(snapshots: &[Snapshot]) -> Option<Self> {
        let now = snapshots.last()?;
        let last_two = snapshots.len().saturating_sub(2);
        let periods = Periods {
            interval: Increases::over(snapshots.get(last_two..)?),
            window: Increases::over(snapshots),
        };
        let window = &periods.window;
        let broker = backlog::broker(now, snapshots);
        let mut view = Self {
            taken_at_ms: now.taken_at_ms,
            interval_seconds: periods.interval.seconds,
            window_seconds: window.seconds,
            rates: traffic::rates(now, &periods),
            refusals: traffic::refusals(window),
            latencies: traffic::latencies(&periods),
            rungs: backlog::rungs(&broker, window),
            backlog: backlog::backlog(&broker, now, window),
            pauses: processes::pauses(window),
            processes: processes::rows(now, snapshots, &periods),
            log_records: log::records(now, window),
            database: now.database.clone(),
            broker,
            problems: Vec::new(),
        };
        view.problems = problems(&view, now);
        Some(view)
    }

    /// `None` when they are unknown.
    pub fn broker_alarms(&self) -> Option<&[String]> {
        self.broker.as_ref().ok()?.alarms.as_deref().ok()
    }
}

/// Problems of one level: first what others follow from, a broker or a database that does not work, because
/// a small screen shows the first ones only; then the order in which an event passes the pipeline.
fn problems(view: &View, now: &Snapshot) -> Vec<Problem> {
    let mut problems = backlog::causes(view);
    problems.extend(ledger::cause(view));
    problems.extend(processes::problems(view));
    problems.extend(backlog::problems(view));
    problems.extend(traffic::problems(view));
    problems.extend(ledger::problems(view, now));
    problems.sort_by_key(|problem| Reverse(problem.level));
    problems
}

#[cfg(test)]
mod problem_tests;
#[cfg(test)]
mod tests;
