//! One row of the table: a figure, the limit it is compared with, and what it cost.

use std::time::Duration;

use crate::figures::Series;
use crate::usage::Cpu;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    PerSecond,
    Milliseconds,
    Megabytes,
    /// A plain number.
    Ratio,
}

#[derive(Debug, Clone)]
pub(crate) struct Figure {
    /// What was counted or timed, in a few words.
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    pub(crate) series: Series,
}

impl Figure {
    pub(crate) fn new(name: &'static str, unit: Unit, series: Series) -> Self {
        Self { name, unit, series }
    }

    pub(crate) fn rate(name: &'static str, series: Series) -> Self {
        Self::new(name, Unit::PerSecond, series)
    }

    pub(crate) fn millis(name: &'static str, series: Series) -> Self {
        Self::new(name, Unit::Milliseconds, series)
    }
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

/// The peak resident memory of each program in MB, as far as it was measured.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PeakMb {
    pub(crate) receiver: Option<f64>,
    pub(crate) worker: Option<f64>,
}

impl PeakMb {
    /// Keeps the higher peak of each program.
    pub(crate) fn raise(&mut self, other: Self) {
        let higher = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).reduce(f64::max);
        self.receiver = higher(self.receiver, other.receiver);
        self.worker = higher(self.worker, other.worker);
    }
}

/// CPU time of all runs of a row together, and the peak memory of any of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cost {
    events: usize,
    total: Cpu,
    pub(crate) peak_mb: PeakMb,
    /// Cores that programs outside the benchmark used, by run.
    pub(crate) others: Series,
}

impl Cost {
    pub(crate) fn add(&mut self, (cpu, took): (Cpu, Duration), events: usize) {
        self.events += events;
        self.total = self.total.plus(&cpu, 1.0);
        self.others
            .push(cpu.others() / took.as_secs_f64().max(f64::EPSILON));
    }

    /// CPU seconds for a thousand events; `None` when none were measured.
    pub(crate) fn per_thousand(&self) -> Option<Cpu> {
        let factor = 1000.0 / self.events as f64;
        (self.events > 0).then(|| Cpu::default().plus(&self.total, factor))
    }

    fn append(&mut self, other: Self) {
        self.events += other.events;
        self.total = self.total.plus(&other.total, 1.0);
        self.others.append(other.others);
        self.peak_mb.raise(other.peak_mb);
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) ours: Figure,
    pub(crate) limit: Option<Figure>,
    /// The text of the goal, and whether it was reached.
    pub(crate) goal: Option<(&'static str, bool)>,
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
            goal: None,
            latency: None,
            cost: Cost::default(),
            notes: Vec::new(),
        }
    }

    pub(crate) fn limit(mut self, limit: Figure) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Our figure divided by the limit, run by run.
    pub(crate) fn ratio(&self) -> Option<Series> {
        let limit = self.limit.as_ref()?;
        Some(self.ours.series.over(&limit.series))
    }

    /// The median of [`Self::ratio`]; 0 without a limit.
    pub(crate) fn median_ratio(&self) -> f64 {
        self.ratio().unwrap_or_default().median()
    }

    pub(crate) fn goal(mut self, text: &'static str, reached: bool) -> Self {
        self.goal = Some((text, reached));
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

    /// Adds the runs of the same row, measured again. Goals are for all runs of one measurement, so the
    /// sum has none.
    pub(crate) fn append(&mut self, other: Self) {
        self.ours.series.append(other.ours.series);
        if let Some((limit, more)) = self.limit.as_mut().zip(other.limit) {
            limit.series.append(more.series);
        }
        if let Some((latency, more)) = self.latency.as_mut().zip(other.latency) {
            latency.p50_ms.append(more.p50_ms);
            latency.p99_ms.append(more.p99_ms);
        }
        self.cost.append(other.cost);
        self.notes.extend(other.notes);
        self.goal = None;
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
        cost.add((cpu, Duration::from_secs(1)), 1000);
        cost.add((cpu, Duration::from_secs(1)), 3000);
        assert_eq!(cost.per_thousand().unwrap().receiver, 0.5);
        for peak in [7.0, 5.0] {
            cost.peak_mb.raise(PeakMb {
                worker: Some(peak),
                ..PeakMb::default()
            });
        }
        assert_eq!(
            (cost.peak_mb.worker, cost.peak_mb.receiver),
            (Some(7.0), None)
        );
    }
}
