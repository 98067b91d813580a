//! What counters did between looks at the same process.

use std::collections::BTreeMap;

use super::exposition::Samples;
use super::metric::{Metric, STARTED, added_up, matching};
use super::sample::{Sample, Scrape};

/// The start time is worked out from the clock, which may be corrected meanwhile.
const STARTED_SLACK_SECONDS: f64 = 2.0;

/// The processes that answer now, and what they did over some looks.
#[derive(Debug)]
pub(super) struct Span {
    /// From the first of the looks to the last.
    pub(super) seconds: f64,
    processes: BTreeMap<String, Progress>,
}

/// What one process did.
#[derive(Debug)]
struct Progress {
    program: String,
    seconds: f64,
    increases: Samples,
}

impl Span {
    /// Over all of these looks, which are in order.
    pub(super) fn over(samples: &[Sample]) -> Self {
        let seconds = match (samples.first(), samples.last()) {
            (Some(first), Some(last)) => last.at - first.at,
            (_, _) => 0.0,
        };
        let now = samples.last().map(|sample| &sample.processes);
        let processes = now
            .into_iter()
            .flatten()
            .filter(|(_address, told)| told.is_ok())
            .filter_map(|(address, _told)| Some((address.clone(), progress(samples, address)?)));
        Self {
            seconds,
            processes: processes.collect(),
        }
    }

    /// Per second; `None` when no process of that program was seen twice in a row.
    pub(super) fn rate(&self, program: &str, metric: &Metric<'_>) -> Option<f64> {
        self.over_all(program, |process| {
            process.increase(metric) / process.seconds
        })
    }

    /// How much it rose; `None` as for a rate.
    pub(super) fn increase(&self, program: &str, metric: &Metric<'_>) -> Option<f64> {
        self.over_all(program, |process| process.increase(metric))
    }

    fn over_all(&self, program: &str, figure: impl Fn(&Progress) -> f64) -> Option<f64> {
        let figures: Vec<f64> = self.of(program).map(figure).collect();
        (!figures.is_empty()).then(|| added_up(figures))
    }

    /// Every series that is meant and what it rose by, over all programs.
    pub(super) fn rose(&self, metric: &Metric<'_>) -> Samples {
        let mut all = Samples::new();
        for process in self.processes.values() {
            for (series, increase) in matching(&process.increases, metric) {
                *all.entry(series.clone()).or_default() += increase;
            }
        }
        all
    }

    /// The same, added up by one label.
    pub(super) fn by_label(&self, metric: &Metric<'_>, label: &str) -> BTreeMap<String, f64> {
        let mut found: BTreeMap<String, f64> = BTreeMap::new();
        for (series, increase) in self.rose(metric) {
            *found.entry(series.label(label).to_owned()).or_default() += increase;
        }
        found
    }

    /// Of one process, per second.
    pub(super) fn rate_of(&self, address: &str, name: &str) -> Option<f64> {
        let process = self.processes.get(address)?;
        Some(process.increase(&Metric::of(name)) / process.seconds)
    }

    /// The buckets of a histogram: how many observations were at most so large.
    pub(super) fn buckets(&self, program: &str, metric: &Metric<'_>) -> Vec<(f64, f64)> {
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for (series, increase) in self
            .of(program)
            .flat_map(|one| matching(&one.increases, metric))
        {
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

    fn of(&self, program: &str) -> impl Iterator<Item = &Progress> {
        let is_meant = move |process: &&Progress| process.program == program;
        self.processes.values().filter(is_meant)
    }
}

impl Progress {
    fn increase(&self, metric: &Metric<'_>) -> f64 {
        let rose = matching(&self.increases, metric);
        added_up(rose.map(|(_series, increase)| increase))
    }
}

/// Adds up every two looks in a row at which the process answered.
fn progress(samples: &[Sample], address: &str) -> Option<Progress> {
    let looks: Vec<Option<&Scrape>> = samples
        .iter()
        .map(|sample| sample.processes.get(address)?.as_ref().ok())
        .collect();
    let mut progress = Progress {
        program: (*looks.last()?)?.program.clone(),
        seconds: 0.0,
        increases: Samples::new(),
    };
    for pair in looks.windows(2) {
        if let [Some(older), Some(newer)] = pair {
            progress.seconds += newer.at - older.at;
            add(&mut progress.increases, older, newer);
        }
    }
    (progress.seconds > 0.0).then_some(progress)
}

/// Everything is treated as a counter; nobody asks what a gauge rose by.
fn add(increases: &mut Samples, older: &Scrape, newer: &Scrape) {
    let is_same_process = is_same_process(older, newer);
    for (series, value) in &newer.samples {
        let before = older.samples.get(series).filter(|_| is_same_process);
        let increase = match before {
            Some(before) if before <= value => value - before,
            // It began anew, or came into being, at zero.
            Some(_) | None => *value,
        };
        match increases.get_mut(series) {
            Some(sum) => *sum += increase,
            None => {
                increases.insert(series.clone(), increase);
            }
        }
    }
}

fn is_same_process(older: &Scrape, newer: &Scrape) -> bool {
    let started = Metric::of(STARTED);
    let moved = match (older.sum(&started), newer.sum(&started)) {
        (Some(before), Some(after)) => (after - before).abs() > STARTED_SLACK_SECONDS,
        (_, _) => false,
    };
    older.program == newer.program && !moved
}

#[cfg(test)]
mod tests {
    use super::super::exposition::parse;
    use super::super::sample::Silent;
    use super::*;

    /// A look at one worker, or at nothing.
    fn look(at: f64, page: Option<&str>) -> Sample {
        let scrape = |page| Scrape {
            at,
            program: "paynow-worker".to_owned(),
            samples: parse(page).unwrap(),
            ..Scrape::default()
        };
        let told = page.map(scrape).ok_or_else(|| "gone".to_owned());
        Sample {
            at,
            taken_at_ms: 0,
            processes: BTreeMap::from([("a:1".to_owned(), told)]),
            broker: Err(Silent::NoAnswer(String::new())),
            books: Err(Silent::NoAnswer(String::new())),
        }
    }

    fn rate(looks: &[Sample]) -> Option<f64> {
        Span::over(looks).rate("paynow-worker", &Metric::of("c"))
    }

    #[test]
    fn a_rate_is_what_was_added_per_second() {
        for (looks, expected) in [
            (vec![look(0.0, Some("c 5"))], None),
            (
                vec![look(0.0, Some("c 5")), look(2.0, Some("c 9"))],
                Some(2.0),
            ),
            // A process that started again counts from zero.
            (
                vec![look(0.0, Some("c 9")), look(2.0, Some("c 4"))],
                Some(2.0),
            ),
            (
                vec![
                    look(0.0, Some("c 1\nprocess_start_time_seconds 100")),
                    look(2.0, Some("c 4\nprocess_start_time_seconds 110")),
                ],
                Some(2.0),
            ),
            // A series that was not there before began at zero.
            (
                vec![look(0.0, Some("d 9")), look(2.0, Some("c 4"))],
                Some(2.0),
            ),
            // The time of a gap does not count, and neither does what happened in it.
            (
                vec![
                    look(0.0, Some("c 0")),
                    look(2.0, Some("c 4")),
                    look(4.0, None),
                    look(6.0, Some("c 90")),
                    look(8.0, Some("c 98")),
                ],
                Some(3.0),
            ),
            // Who does not answer now has no rate now.
            (
                vec![
                    look(0.0, Some("c 0")),
                    look(2.0, Some("c 4")),
                    look(4.0, None),
                ],
                None,
            ),
            (vec![look(0.0, None), look(2.0, Some("c 4"))], None),
            (vec![], None),
        ] {
            assert_eq!(rate(&looks), expected, "{looks:?}");
        }
    }

    #[test]
    fn only_what_is_meant_is_added_up() {
        let looks = [
            look(
                0.0,
                Some("e{outcome=\"a\"} 1\ne{outcome=\"b\"} 1\ne_total 7"),
            ),
            look(
                1.0,
                Some("e{outcome=\"a\"} 3\ne{outcome=\"b\"} 5\ne_total 9"),
            ),
        ];
        let span = Span::over(&looks);
        let worker = |metric: &Metric<'_>| span.increase("paynow-worker", metric);
        assert_eq!(worker(&Metric::of("e")), Some(6.0));
        assert_eq!(worker(&Metric::only("e", "outcome", &["b"])), Some(4.0));
        assert_eq!(worker(&Metric::only("e", "outcome", &["c"])), Some(0.0));
        assert_eq!(span.rate("paynow-receiver", &Metric::of("e")), None);
        let by_outcome = span.by_label(&Metric::of("e"), "outcome");
        assert_eq!(by_outcome.get("a"), Some(&2.0));
    }

    #[test]
    fn buckets_come_in_order_with_the_endless_one_last() {
        let page = |few: u32, many: u32| {
            format!(
                "h_bucket{{le=\"+Inf\"}} {many}\nh_bucket{{le=\"10\"}} {few}\nh_bucket{{le=\"2\"}} 0"
            )
        };
        let looks = [look(0.0, Some(&page(1, 2))), look(1.0, Some(&page(4, 9)))];
        let buckets = Span::over(&looks).buckets("paynow-worker", &Metric::of("h_bucket"));
        assert_eq!(buckets, [(2.0, 0.0), (10.0, 3.0), (f64::INFINITY, 7.0)]);
    }
}
