//! What the counters of each process rose by from snapshot to snapshot.

use std::collections::BTreeMap;

use super::exposition::Samples;
use super::metric::{STARTED, Selector, matching, sum_of, sums_by};
use super::snapshot::{Scrape, Snapshot};

/// A process computes its start time from the clock, which may be corrected meanwhile.
const START_TOLERANCE_SECONDS: f64 = 2.0;

/// The increases over a period, of every process that answered at its end.
#[derive(Debug)]
pub(super) struct Increases {
    /// From the first snapshot to the last.
    pub(super) seconds: f64,
    /// By address.
    processes: BTreeMap<String, ProcessIncreases>,
}

#[derive(Debug)]
struct ProcessIncreases {
    program: String,
    /// The time that the increases took.
    seconds: f64,
    increases: Samples,
}

impl Increases {
    /// The snapshots are sorted by time.
    pub(super) fn over(snapshots: &[Snapshot]) -> Self {
        let seconds = match (snapshots.first(), snapshots.last()) {
            (Some(first), Some(last)) => last.at - first.at,
            (_, _) => 0.0,
        };
        let addresses = snapshots
            .last()
            .into_iter()
            .flat_map(|last| last.processes.keys());
        let of_address = |address: &String| Some((address.clone(), process(snapshots, address)?));
        Self {
            seconds,
            processes: addresses.filter_map(of_address).collect(),
        }
    }

    /// Per second; `None` when no process of the program answered twice in a row.
    pub(super) fn rate(&self, program: &str, selector: &Selector<'_>) -> Option<f64> {
        sum_of(self.of(program).map(|process| process.rate(selector)))
    }

    /// `None` as for a rate.
    pub(super) fn increase(&self, program: &str, selector: &Selector<'_>) -> Option<f64> {
        sum_of(self.of(program).map(|process| process.increase(selector)))
    }

    /// Every matching series, summed over the processes of all programs.
    pub(super) fn matching(&self, selector: &Selector<'_>) -> Samples {
        let processes = self.processes.values();
        let matching = processes.flat_map(|of| matching(&of.increases, selector));
        sums_by(matching.map(|(series, increase)| (series.clone(), increase)))
    }

    /// The same, summed by one label.
    pub(super) fn by_label(&self, selector: &Selector<'_>, label: &str) -> BTreeMap<String, f64> {
        let matching = self.matching(selector).into_iter();
        sums_by(matching.map(|(series, increase)| (series.label(label).to_owned(), increase)))
    }

    /// Per second, of one process.
    pub(super) fn rate_at(&self, address: &str, name: &str) -> Option<f64> {
        Some(self.processes.get(address)?.rate(&Selector::of(name)))
    }

    /// The bounds of a histogram's buckets, sorted, and the observations up to each.
    pub(super) fn buckets(&self, program: &str, selector: &Selector<'_>) -> Vec<(f64, f64)> {
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        let processes = self.of(program);
        for (series, increase) in processes.flat_map(|of| matching(&of.increases, selector)) {
            let Ok(bound) = series.label("le").parse::<f64>() else {
                continue;
            };
            match buckets.iter_mut().find(|(known, _count)| *known == bound) {
                Some((_bound, count)) => *count += increase,
                None => buckets.push((bound, increase)),
            }
        }
        buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        buckets
    }

    fn of(&self, program: &str) -> impl Iterator<Item = &ProcessIncreases> {
        let is_of = move |process: &&ProcessIncreases| process.program == program;
        self.processes.values().filter(is_of)
    }
}

impl ProcessIncreases {
    fn increase(&self, selector: &Selector<'_>) -> f64 {
        let matching = matching(&self.increases, selector);
        sum_of(matching.map(|(_series, increase)| increase)).unwrap_or(0.0)
    }

    fn rate(&self, selector: &Selector<'_>) -> f64 {
        self.increase(selector) / self.seconds
    }
}

/// Sums the increases between every two snapshots in a row in which the process answered.
fn process(snapshots: &[Snapshot], address: &str) -> Option<ProcessIncreases> {
    let scrapes: Vec<Option<&Scrape>> = snapshots
        .iter()
        .map(|snapshot| snapshot.processes.get(address)?.as_ref().ok())
        .collect();
    let mut process = ProcessIncreases {
        program: (*scrapes.last()?)?.program.clone(),
        seconds: 0.0,
        increases: Samples::new(),
    };
    for pair in scrapes.windows(2) {
        if let [Some(older), Some(newer)] = pair {
            process.seconds += newer.at - older.at;
            add(&mut process.increases, older, newer);
        }
    }
    (process.seconds > 0.0).then_some(process)
}

/// Treats every series as a counter: the increase of a gauge is never read.
fn add(increases: &mut Samples, older: &Scrape, newer: &Scrape) {
    let is_same_process = is_same_process(older, newer);
    for (series, value) in &newer.samples {
        let before = older.samples.get(series).filter(|_| is_same_process);
        // A counter that is new, or that fell because the process restarted, started at zero.
        let before = before.filter(|before| *before <= value).unwrap_or(&0.0);
        match increases.get_mut(series) {
            Some(sum) => *sum += value - before,
            None => {
                increases.insert(series.clone(), value - before);
            }
        }
    }
}

fn is_same_process(older: &Scrape, newer: &Scrape) -> bool {
    let started = Selector::of(STARTED);
    let restarted = match (older.sum(&started), newer.sum(&started)) {
        (Some(before), Some(after)) => (after - before).abs() > START_TOLERANCE_SECONDS,
        (_, _) => false,
    };
    older.program == newer.program && !restarted
}

#[cfg(test)]
mod tests {
    use super::super::exposition::parse;
    use super::super::snapshot::Unknown;
    use super::*;

    /// A snapshot with one process, which answers with this page or not at all.
    fn snapshot(at: f64, page: Option<&str>) -> Snapshot {
        let scrape = |page| Scrape {
            at,
            program: "paynow-worker".to_owned(),
            samples: parse(page).unwrap(),
            ..Scrape::default()
        };
        let answer = page.map(scrape).ok_or_else(|| "gone".to_owned());
        Snapshot {
            at,
            taken_at_ms: 0,
            processes: BTreeMap::from([("a:1".to_owned(), answer)]),
            broker: Err(Unknown::NoAnswer(String::new())),
            database: Err(Unknown::NoAnswer(String::new())),
        }
    }

    fn rate(snapshots: &[Snapshot]) -> Option<f64> {
        Increases::over(snapshots).rate("paynow-worker", &Selector::of("c"))
    }

    #[test]
    fn a_rate_is_what_was_added_per_second() {
        for (snapshots, expected) in [
            (vec![snapshot(0.0, Some("c 5"))], None),
            (
                vec![snapshot(0.0, Some("c 5")), snapshot(2.0, Some("c 9"))],
                Some(2.0),
            ),
            // A process that restarted counts from zero.
            (
                vec![snapshot(0.0, Some("c 9")), snapshot(2.0, Some("c 4"))],
                Some(2.0),
            ),
            (
                vec![
                    snapshot(0.0, Some("c 1\nprocess_start_time_seconds 100")),
                    snapshot(2.0, Some("c 4\nprocess_start_time_seconds 110")),
                ],
                Some(2.0),
            ),
            // A new series started at zero.
            (
                vec![snapshot(0.0, Some("d 9")), snapshot(2.0, Some("c 4"))],
                Some(2.0),
            ),
            // Neither the time of a gap counts nor what happened in it.
            (
                vec![
                    snapshot(0.0, Some("c 0")),
                    snapshot(2.0, Some("c 4")),
                    snapshot(4.0, None),
                    snapshot(6.0, Some("c 90")),
                    snapshot(8.0, Some("c 98")),
                ],
                Some(3.0),
            ),
            // A process that does not answer has no rate.
            (
                vec![
                    snapshot(0.0, Some("c 0")),
                    snapshot(2.0, Some("c 4")),
                    snapshot(4.0, None),
                ],
                None,
            ),
            (vec![snapshot(0.0, None), snapshot(2.0, Some("c 4"))], None),
            (vec![], None),
        ] {
            assert_eq!(rate(&snapshots), expected, "{snapshots:?}");
        }
    }

    #[test]
    fn only_matching_series_are_summed() {
        let snapshots = [
            snapshot(
                0.0,
                Some("e{outcome=\"a\"} 1\ne{outcome=\"b\"} 1\ne_total 7"),
            ),
            snapshot(
                1.0,
                Some("e{outcome=\"a\"} 3\ne{outcome=\"b\"} 5\ne_total 9"),
            ),
        ];
        let increases = Increases::over(&snapshots);
        let worker = |selector: &Selector<'_>| increases.increase("paynow-worker", selector);
        assert_eq!(worker(&Selector::of("e")), Some(6.0));
        assert_eq!(worker(&Selector::only("e", "outcome", &["b"])), Some(4.0));
        assert_eq!(worker(&Selector::only("e", "outcome", &["c"])), Some(0.0));
        assert_eq!(increases.rate("paynow-receiver", &Selector::of("e")), None);
        let by_outcome = increases.by_label(&Selector::of("e"), "outcome");
        assert_eq!(by_outcome.get("a"), Some(&2.0));
    }

    #[test]
    fn buckets_come_in_order_with_the_infinite_one_last() {
        let page = |few: u32, many: u32| {
            format!(
                "h_bucket{{le=\"+Inf\"}} {many}\nh_bucket{{le=\"10\"}} {few}\nh_bucket{{le=\"2\"}} 0"
            )
        };
        let snapshots = [
            snapshot(0.0, Some(&page(1, 2))),
            snapshot(1.0, Some(&page(4, 9))),
        ];
        let buckets =
            Increases::over(&snapshots).buckets("paynow-worker", &Selector::of("h_bucket"));
        assert_eq!(buckets, [(2.0, 0.0), (10.0, 3.0), (f64::INFINITY, 7.0)]);
    }
}
