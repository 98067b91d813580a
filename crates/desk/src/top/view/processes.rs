//! The processes that were asked for their metrics, one row each.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{About, Level, Periods, Problem, View};
use crate::top::figures::rounded_or_null;
use crate::top::increase::Increases;
use crate::top::metric::{
    BLOCKED, CONNECTED, CONSUMING, CPU, EVENTS, MEMORY, PAUSES, STARTED, Selector, UNANSWERED,
    WORKER,
};
use crate::top::snapshot::{Answer, Scrape, Snapshot, Unknown};

/// The state of a worker of which nobody knows whether it can work.
const UNKNOWN: &str = "unknown";
const CONSUMES: &str = "consuming";
const NO_DATABASE: &str = "no database";

#[derive(Debug)]
pub struct ProcessRow {
    pub address: String,
    /// From its last answer within the minute.
    pub program: Option<String>,
    pub answer: Answer<Process>,
}

#[derive(Debug, Serialize)]
pub struct Process {
    /// The most urgent that applies.
    pub state: &'static str,
    #[serde(skip)]
    level: Level,
    pub version: String,
    #[serde(serialize_with = "rounded_or_null")]
    pub up_seconds: Option<f64>,
    /// Of one core, over the last minute.
    #[serde(serialize_with = "rounded_or_null")]
    pub cpu_share: Option<f64>,
    pub memory_bytes: Option<f64>,
    /// Connections on which it publishes.
    pub lanes: usize,
    pub lanes_connected: usize,
    pub lanes_blocked: usize,
}

impl ProcessRow {
    pub fn level(&self) -> Level {
        let answer = self.answer.as_ref();
        answer.map_or(Level::Alarm, |process| process.level)
    }

    fn name(&self) -> String {
        let program = self.program.as_deref().unwrap_or("a process");
        format!("{program} {}", self.address)
    }

    fn problem(&self) -> Option<Problem> {
        let Process { level, state, .. } = self.answer.as_ref().ok()?;
        let what = || match *state {
            UNKNOWN => format!("nobody knows whether {} reaches the database", self.name()),
            NO_DATABASE => format!("{} gets no answer of the database", self.name()),
            state => format!("{} is {state}", self.name()),
        };
        (*level > Level::Fine).then(|| level.problem(About::Processes, what()))
    }
}

impl Process {
    /// A worker that has nothing to do notices only after some seconds that its database is away.
    fn doubted(self, now: &Snapshot, finished_per_second: Option<f64>) -> Self {
        let is_away = matches!(now.database, Err(Unknown::NoAnswer(_)));
        let is_idle = finished_per_second.is_none_or(|events| events <= 0.0);
        if self.state != CONSUMES || !is_away || !is_idle {
            return self;
        }
        Self {
            state: UNKNOWN,
            level: Level::Warning,
            ..self
        }
    }
}

/// Sorted by program: receivers before workers, in the order in which an event passes them.
pub(super) fn rows(now: &Snapshot, snapshots: &[Snapshot], periods: &Periods) -> Vec<ProcessRow> {
    let row = |(address, answer): (&String, &Answer<Scrape>)| ProcessRow {
        address: address.clone(),
        program: program(snapshots, address),
        answer: match answer {
            Ok(scrape) => {
                let process = process(scrape, now, periods.window.rate_at(address, CPU));
                let finished = periods.interval.rate_at(address, EVENTS);
                Ok(process.doubted(now, finished))
            }
            Err(reason) => Err(reason.clone()),
        },
    };
    let mut rows: Vec<ProcessRow> = now.processes.iter().map(row).collect();
    rows.sort_by(|one, other| one.program.cmp(&other.program));
    rows
}

fn program(snapshots: &[Snapshot], address: &str) -> Option<String> {
    let answers = snapshots
        .iter()
        .rev()
        .filter_map(|snapshot| snapshot.processes.get(address));
    let last = answers.flatten().next();
    last.map(|scrape| scrape.program.clone())
}

fn process(scrape: &Scrape, now: &Snapshot, cpu_share: Option<f64>) -> Process {
    let sum = |name| scrape.sum(&Selector::of(name));
    let count = |name, counts: fn(f64) -> bool| {
        let selector = Selector::of(name);
        let lanes = scrape.matching(&selector);
        lanes.filter(|(_lane, value)| counts(*value)).count()
    };
    let is_set = |value: f64| value > 0.0;
    let lanes = count(CONNECTED, |_| true);
    let lanes_connected = count(CONNECTED, is_set);
    let lanes_blocked = count(BLOCKED, is_set);
    let now_seconds = now.taken_at_ms as f64 / 1000.0;
    // Only workers have the metric.
    let (state, level) = match sum(CONSUMING).map(is_set) {
        Some(false) => ("paused", Level::Alarm),
        _ if lanes_connected < lanes => ("disconnected", Level::Alarm),
        _ if lanes_blocked > 0 => ("blocked", Level::Alarm),
        // Its lanes would pause with the next event.
        Some(true) if sum(UNANSWERED).is_some_and(is_set) => (NO_DATABASE, Level::Alarm),
        Some(true) => (CONSUMES, Level::Fine),
        None => ("connected", Level::Fine),
    };
    Process {
        state,
        level,
        version: scrape.version.clone(),
        up_seconds: sum(STARTED).map(|started| (now_seconds - started).max(0.0)),
        cpu_share,
        memory_bytes: sum(MEMORY),
        lanes,
        lanes_connected,
        lanes_blocked,
    }
}

pub(super) fn pauses(window: &Increases) -> Option<BTreeMap<String, f64>> {
    let selector = Selector::of(PAUSES);
    window.increase(WORKER, &selector)?;
    let mut by_cause = window.by_label(&selector, "cause");
    by_cause.retain(|_cause, pauses| *pauses > 0.0);
    Some(by_cause)
}

pub(super) fn problems(view: &View) -> Vec<Problem> {
    let others = view.processes.iter().filter_map(ProcessRow::problem);
    no_answer(&view.processes)
        .into_iter()
        .chain(others)
        .collect()
}

/// Several processes are only counted, because each row states its reason.
fn no_answer(rows: &[ProcessRow]) -> Option<Problem> {
    let mut reasons = rows
        .iter()
        .filter_map(|row| Some((row, row.answer.as_ref().err()?)));
    let (row, reason) = reasons.next()?;
    Some(Level::Alarm.problem(
        About::Processes,
        match reasons.count() {
            0 => format!("no answer from {}: {reason}", row.name()),
            others => format!("no answer from {} of {} processes", others + 1, rows.len()),
        },
    ))
}
