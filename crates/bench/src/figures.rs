//! What runs add up to: median and spread, percentiles, and limits one behind the other.

/// The same figure of several runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Series(Vec<f64>);

impl Series {
    pub(crate) fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    pub(crate) fn values(&self) -> &[f64] {
        &self.0
    }

    /// Half of the runs gave less, half gave more; 0 without a run.
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

    /// Run by run: what was measured together belongs together.
    pub(crate) fn over(&self, other: &Self) -> Self {
        let pairs = self.0.iter().zip(&other.0);
        Self(pairs.map(|(ours, limit)| ours / limit).collect())
    }
}

impl FromIterator<f64> for Series {
    fn from_iter<I: IntoIterator<Item = f64>>(figures: I) -> Self {
        Self(figures.into_iter().collect())
    }
}

/// The value that `percent` of `sorted` do not exceed (nearest rank); 0 of none.
pub(crate) fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

/// The rate of steps that share the same cores, each of which could go at its own rate alone.
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
        let sorted: Vec<f64> = (1..=1000).map(f64::from).collect();
        assert_eq!(percentile(&sorted, 50.0), 500.0);
        assert_eq!(percentile(&sorted, 99.0), 990.0);
        assert_eq!(percentile(&sorted, 100.0), 1000.0);
        assert_eq!(percentile(&[2.0], 99.0), 2.0);
        assert_eq!(percentile(&[], 99.0), 0.0);
    }

    #[test]
    fn steps_on_the_same_cores_add_up_their_times() {
        assert_eq!(combined(&[60.0, 60.0]), 30.0);
        assert!((combined(&[24_000.0, 60_000.0, 60_000.0]) - 13_333.3).abs() < 0.1);
    }
}
