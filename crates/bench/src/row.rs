//! One row of the table: a figure, the limit beside it, and what it cost.

use std::time::Duration;

use crate::figures::Series;
use crate::usage::Cpu;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    PerSecond,
    Milliseconds,
    Megabytes,
}

#[derive(Debug, Clone)]
pub(crate) struct Figure {
    /// What was measured, in a word or two.
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    pub(crate) series: Series,
}

#[derive(Debug, Clone)]
pub(crate) struct Goal {
    pub(crate) text: &'static str,
    pub(crate) reached: bool,
}

/// Median and 99th percentile of each run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latency {
    pub(crate) p50_ms: Series,
    pub(crate) p99_ms: Series,
}

impl Latency {
    pub(crate) fn push(&mut self, (p50_ms, p99_ms): (f64, f64)) {
        self.p50_ms.push(p50_ms);
        self.p99_ms.push(p99_ms);
    }
}

/// What all runs of a row used together, and the most memory of any.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cost {
    events: usize,
    total: Cpu,
    pub(crate) receiver_peak_mb: Option<f64>,
    pub(crate) worker_peak_mb: Option<f64>,
    /// Cores that nobody of ours used, by run.
    pub(crate) others: Series,
}

impl Cost {
    pub(crate) fn add(&mut self, cpu: &Cpu, events: usize, took: Duration) {
        self.events += events;
        self.total = self.total.plus(cpu);
        self.others
            .push(cpu.others() / took.as_secs_f64().max(f64::EPSILON));
    }

    pub(crate) fn saw_receiver(&mut self, peak_mb: f64) {
        self.receiver_peak_mb = Some(self.receiver_peak_mb.unwrap_or(0.0).max(peak_mb));
    }

    pub(crate) fn saw_worker(&mut self, peak_mb: f64) {
        self.worker_peak_mb = Some(self.worker_peak_mb.unwrap_or(0.0).max(peak_mb));
    }

    /// CPU seconds for a thousand events; `None` where nothing was measured.
    pub(crate) fn per_thousand(&self) -> Option<Cpu> {
        (self.events > 0).then(|| self.total.times(1000.0 / self.events as f64))
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) ours: Figure,
    pub(crate) limit: Option<Figure>,
    /// Ours over the limit, run by run.
    pub(crate) ratio: Option<Series>,
    pub(crate) goal: Option<Goal>,
    pub(crate) latency: Option<Latency>,
    pub(crate) cost: Cost,
    pub(crate) notes: Vec<String>,
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, ours: Figure) -> Self {
        Self {
            what: what.into(),
            ours,
            limit: None,
            ratio: None,
            goal: None,
            latency: None,
            cost: Cost::default(),
            notes: Vec::new(),
        }
    }

    /// Beside its limit; gives the median ratio too.
    pub(crate) fn beside(mut self, limit: Figure) -> (Self, f64) {
        let ratio = self.ours.series.over(&limit.series);
        let median = ratio.median();
        self.limit = Some(limit);
        self.ratio = Some(ratio);
        (self, median)
    }

    pub(crate) fn goal(mut self, text: &'static str, reached: bool) -> Self {
        self.goal = Some(Goal { text, reached });
        self
    }

    pub(crate) fn latency(mut self, latency: Latency) -> Self {
        self.latency = Some(latency);
        self
    }

    pub(crate) fn cost(mut self, cost: Cost) -> Self {
        self.cost = cost;
        self
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

/// So many a second.
pub(crate) fn rate(name: &'static str, series: Series) -> Figure {
    Figure {
        name,
        unit: Unit::PerSecond,
        series,
    }
}

pub(crate) fn millis(name: &'static str, series: Series) -> Figure {
    Figure {
        name,
        unit: Unit::Milliseconds,
        series,
    }
}

pub(crate) fn megabytes(name: &'static str, series: Series) -> Figure {
    Figure {
        name,
        unit: Unit::Megabytes,
        series,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_of_all_runs_and_a_peak_of_the_worst() {
        let mut cost = Cost::default();
        assert!(cost.per_thousand().is_none());
        let cpu = Cpu {
            receiver: 1.0,
            ..Cpu::default()
        };
        cost.add(&cpu, 1000, Duration::from_secs(1));
        cost.add(&cpu, 3000, Duration::from_secs(1));
        assert_eq!(cost.per_thousand().unwrap().receiver, 0.5);
        cost.saw_worker(7.0);
        cost.saw_worker(5.0);
        assert_eq!(
            (cost.worker_peak_mb, cost.receiver_peak_mb),
            (Some(7.0), None)
        );
    }
}
