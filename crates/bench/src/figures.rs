//! Statistics: medians and spreads over runs, percentiles within a run, and combined rates.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::failure::{Doing, Result};

/// One figure, measured in several runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Series(Vec<f64>);

impl Series {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    pub(crate) fn append(&mut self, mut more: Self) {
        self.0.append(&mut more.0);
    }

    pub(crate) fn values(&self) -> &[f64] {
        &self.0
    }

    /// The median of the runs; 0 without a run.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        match sorted.len() {
            0 => 0.0,
            odd if odd % 2 == 1 => sorted[middle],
            _even => f64::midpoint(sorted[middle - 1], sorted[middle]),
        }
    }

    pub(crate) fn min(&self) -> f64 {
        self.0.iter().copied().reduce(f64::min).unwrap_or(0.0)
    }

    pub(crate) fn max(&self) -> f64 {
        self.0.iter().copied().reduce(f64::max).unwrap_or(0.0)
    }

    /// The ratio of each run to the same run of `other`.
    pub(crate) fn over(&self, other: &Self) -> Self {
        let pairs = self.0.iter().zip(&other.0);
        Self(pairs.map(|(ours, others)| ours / others).collect())
    }
}

impl FromIterator<f64> for Series {
    fn from_iter<I: IntoIterator<Item = f64>>(figures: I) -> Self {
        Self(figures.into_iter().collect())
    }
}

/// Latencies of one run. Percentiles are exact to a microsecond up to 32 ms, and to 0.01 % above.
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    const SIGNIFICANT_DIGITS: u8 = 4;

    pub(crate) fn of(latencies: impl IntoIterator<Item = Duration>) -> Result<Self> {
        let what = "recording latencies";
        let mut histogram = Histogram::new(Self::SIGNIFICANT_DIGITS).doing(what)?;
        for latency in latencies {
            let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
            histogram.record(micros).doing(what)?;
        }
        Ok(Self(histogram))
    }

    /// The latency in milliseconds that `percent` of all do not exceed; 0 when there are none.
    pub(crate) fn percentile_ms(&self, percent: f64) -> f64 {
        let micros = self.0.value_at_percentile(percent);
        self.0.lowest_equivalent(micros) as f64 / 1000.0
    }

    /// Median and 99th percentile.
    pub(crate) fn p50_and_p99_ms(&self) -> (f64, f64) {
        (self.percentile_ms(50.0), self.percentile_ms(99.0))
    }
}

/// The rate of steps that share the same cores. Each of `rates` is that of a step that runs alone: their
/// times per event add up.
pub(crate) fn combined(rates: &[f64]) -> f64 {
    1.0 / rates.iter().map(|rate| 1.0 / rate).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle() {
        let median = |figures: &[f64]| figures.iter().copied().collect::<Series>().median();
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&[7.0]), 7.0);
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn ratios_are_of_runs_that_belong_together() {
        let ours: Series = [5.0, 30.0].into_iter().collect();
        let limit: Series = [10.0, 40.0].into_iter().collect();
        let ratio = ours.over(&limit);
        assert_eq!(ratio.values(), [0.5, 0.75]);
        assert_eq!((ratio.min(), ratio.max()), (0.5, 0.75));
    }

    #[test]
    fn a_percentile_is_a_value_that_was_seen() {
        let of = |latencies: &mut dyn Iterator<Item = u64>| {
            Latencies::of(latencies.map(Duration::from_micros)).unwrap()
        };
        let thousand = of(&mut (1..=1000));
        assert_eq!(thousand.p50_and_p99_ms(), (0.5, 0.99));
        assert_eq!(thousand.percentile_ms(100.0), 1.0);
        assert_eq!(of(&mut [2].into_iter()).percentile_ms(99.0), 0.002);
        assert_eq!(of(&mut [].into_iter()).percentile_ms(99.0), 0.0);
    }

    #[test]
    fn steps_on_the_same_cores_add_up_their_times() {
        assert_eq!(combined(&[60.0, 60.0]), 30.0);
        assert!((combined(&[24_000.0, 60_000.0, 60_000.0]) - 13_333.3).abs() < 0.1);
    }
}
