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

/// Median and 99th percentile of each run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latency {
    pub(crate) p50_ms: Series,
    pub(crate) p99_ms: Series,
}

impl Latency {
    /// `None` without runs.
    pub(crate) fn measured(&self) -> Option<&Self> {
        (!self.p50_ms.values().is_empty()).then_some(self)
    }

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
    pub(crate) goal: Option<(String, bool)>,
    /// Without runs when it was not measured.
    pub(crate) latency: Latency,
    pub(crate) cost: Cost,
    pub(crate) notes: Vec<String>,
}

impl Row {
    /// A row without runs, for a figure of this name.
    pub(crate) fn new(what: impl Into<String>, name: &'static str, unit: Unit) -> Self {
        let series = Series::default();
        Self {
            what: what.into(),
            ours: Figure { name, unit, series },
            limit: None,
            goal: None,
            latency: Latency::default(),
            cost: Cost::default(),
            notes: Vec::new(),
        }
    }

    /// Adds the figure of a run and the limit that was measured with it.
    pub(crate) fn push(&mut self, ours: f64, limit_name: &'static str, limit: f64) {
        self.ours.series.push(ours);
        let unit = self.ours.unit;
        let unmeasured = || Figure {
            name: limit_name,
            unit,
            series: Series::default(),
        };
        self.limit.get_or_insert_with(unmeasured).series.push(limit);
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

    pub(crate) fn goal(&mut self, text: impl Into<String>, is_reached: bool) {
        self.goal = Some((text.into(), is_reached));
    }

    /// The goal that the median ratio to the limit is at least this.
    pub(crate) fn ratio_goal(&mut self, min: f64) {
        self.goal(format!("ratio at least {min}"), self.median_ratio() >= min);
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Adds the runs of the same row, measured again. Goals are for all runs of one measurement, so the
    /// sum has none.
    pub(crate) fn append(&mut self, other: Self) {
        self.ours.series.append(other.ours.series);
        if let Some((limit, more)) = self.limit.as_mut().zip(other.limit) {
            limit.series.append(more.series);
        }
        self.latency.p50_ms.append(other.latency.p50_ms);
        self.latency.p99_ms.append(other.latency.p99_ms);
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
