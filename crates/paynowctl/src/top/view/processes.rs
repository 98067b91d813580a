//! Every process that was asked, one row each.

use super::{Level, Problem, View};
use crate::top::increase::Span;
use crate::top::metric::{
    BLOCKED, CONNECTED, CONSUMING, CPU, MEMORY, Metric, PAUSES, STARTED, WORKER,
};
use crate::top::sample::{Sample, Scrape, Told};

#[derive(Debug)]
pub(in crate::top) struct ProcessRow {
    pub(in crate::top) address: String,
    /// As it told, now or earlier in this minute.
    pub(in crate::top) program: Option<String>,
    pub(in crate::top) told: Told<Process>,
}

#[derive(Debug)]
pub(in crate::top) struct Process {
    pub(in crate::top) version: String,
    pub(in crate::top) up_seconds: Option<f64>,
    /// Of one core, over the last minute.
    pub(in crate::top) cpu_share: Option<f64>,
    pub(in crate::top) memory_bytes: Option<f64>,
    /// Connections to publish on.
    pub(in crate::top) lanes: usize,
    pub(in crate::top) lanes_connected: usize,
    pub(in crate::top) lanes_blocked: usize,
    /// `None` of a program that consumes nothing.
    pub(in crate::top) is_consuming: Option<bool>,
}

/// What a process can do, the worst of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::top) enum State {
    Paused,
    Disconnected,
    Blocked,
    Consuming,
    Connected,
}

impl ProcessRow {
    fn name(&self) -> String {
        let program = self.program.as_deref().unwrap_or("a process");
        format!("{program} {}", self.address)
    }
}

impl Process {
    pub(in crate::top) fn state(&self) -> State {
        match self.is_consuming {
            Some(false) => State::Paused,
            _ if self.lanes_connected < self.lanes => State::Disconnected,
            _ if self.lanes_blocked > 0 => State::Blocked,
            Some(true) => State::Consuming,
            None => State::Connected,
        }
    }
}

impl State {
    pub(in crate::top) fn word(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Disconnected => "disconnected",
            Self::Blocked => "blocked",
            Self::Consuming => "consuming",
            Self::Connected => "connected",
        }
    }

    pub(in crate::top) fn level(self) -> Level {
        match self {
            Self::Paused | Self::Disconnected | Self::Blocked => Level::Alarm,
            Self::Consuming | Self::Connected => Level::Fine,
        }
    }
}

/// Receivers first, as an event meets them.
pub(super) fn rows(samples: &[Sample], window: &Span) -> Vec<ProcessRow> {
    let Some(now) = samples.last() else {
        return Vec::new();
    };
    let row = |(address, told): (&String, &Told<Scrape>)| ProcessRow {
        address: address.clone(),
        program: program(samples, address),
        told: match told {
            Ok(scrape) => Ok(process(scrape, now, window.rate_of(address, CPU))),
            Err(reason) => Err(reason.clone()),
        },
    };
    let mut rows: Vec<ProcessRow> = now.processes.iter().map(row).collect();
    rows.sort_by(|one, other| one.program.cmp(&other.program));
    rows
}

fn program(samples: &[Sample], address: &str) -> Option<String> {
    let last_told = samples.iter().rev().find_map(|sample| {
        let told = sample.processes.get(address)?;
        told.as_ref().ok()
    });
    last_told.map(|scrape| scrape.program.clone())
}

fn process(scrape: &Scrape, now: &Sample, cpu_share: Option<f64>) -> Process {
    let lanes = |name| {
        let metric = Metric::of(name);
        let values: Vec<bool> = scrape
            .of(&metric)
            .map(|(_lane, value)| value > 0.0)
            .collect();
        (values.len(), values.into_iter().filter(|is| *is).count())
    };
    let (lanes_known, lanes_connected) = lanes(CONNECTED);
    let (_known, lanes_blocked) = lanes(BLOCKED);
    let sum = |name| scrape.sum(&Metric::of(name));
    let now_seconds = now.taken_at_ms as f64 / 1000.0;
    Process {
        version: scrape.version.clone(),
        up_seconds: sum(STARTED).map(|started| (now_seconds - started).max(0.0)),
        cpu_share,
        memory_bytes: sum(MEMORY),
        lanes: lanes_known,
        lanes_connected,
        lanes_blocked,
        is_consuming: sum(CONSUMING).map(|consuming| consuming > 0.0),
    }
}

pub(super) fn pauses(window: &Span) -> Option<Vec<(String, f64)>> {
    let metric = Metric::of(PAUSES);
    window.increase(WORKER, &metric)?;
    let by_cause = window.by_label(&metric, "cause").into_iter();
    Some(by_cause.filter(|(_cause, pauses)| *pauses > 0.0).collect())
}

pub(super) fn problems(view: &View) -> Vec<Problem> {
    let silent = silence(&view.processes).into_iter();
    let others = view.processes.iter().filter_map(problem);
    silent.chain(others).collect()
}

/// Their rows tell which, and why.
fn silence(rows: &[ProcessRow]) -> Option<Problem> {
    let mut silent = rows.iter().filter(|row| row.told.is_err());
    let first = silent.next()?;
    match silent.count() {
        0 => {
            let reason = first.told.as_ref().err()?;
            Some(Problem::alarm(format!(
                "no answer of {}: {reason}",
                first.name()
            )))
        }
        others => {
            let (silent, all) = (others + 1, rows.len());
            Some(Problem::alarm(format!(
                "no answer of {silent} of {all} processes"
            )))
        }
    }
}

fn problem(row: &ProcessRow) -> Option<Problem> {
    let name = row.name();
    match row.told.as_ref().ok()?.state() {
        State::Consuming | State::Connected => None,
        State::Blocked => Some(Problem::alarm(format!("the broker blocks {name}"))),
        bad @ (State::Paused | State::Disconnected) => {
            Some(Problem::alarm(format!("{name} is {}", bad.word())))
        }
    }
}
