//! The report of a trial as one line of JSON, and the table of several.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::judge::{Broken, Promise};
use crate::kind::FaultKind;
use crate::load::Counts;
use crate::recovery::Struck;

/// Broken promises that are told one by one.
const TOLD_MAX: usize = 40;

pub(crate) struct Report(Value);

impl Report {
    pub(crate) fn new(arguments: &Arguments, took: Duration) -> Self {
        Self(json!({
            "seed": arguments.seed,
            "commit": arguments.commit,
            "command": arguments.command(&arguments.only.iter().copied().collect::<Vec<_>>()),
            "worker": arguments.worker,
            "rate": arguments.rate,
            "seconds_of_load": arguments.length.as_secs(),
            "seconds": took.as_secs(),
        }))
    }

    pub(crate) fn with_load(mut self, accepted: usize, counts: &Counts) -> Self {
        self.0["events_accepted"] = json!(accepted);
        self.0["posts"] = json!(counts.posts);
        self.0["forged_posts"] = json!(counts.forged);
        let sorts = counts.accepted.iter();
        let sorts: BTreeMap<String, u64> = sorts
            .map(|(sort, posts)| (sort.to_string(), *posts))
            .collect();
        self.0["accepted_posts"] = json!(sorts);
        let answers = counts.answers.iter();
        let answers: BTreeMap<String, u64> = answers
            .map(|(status, posts)| match status {
                0 => ("no answer".to_owned(), *posts),
                status => (status.to_string(), *posts),
            })
            .collect();
        self.0["answers"] = json!(answers);
        self
    }

    pub(crate) fn with_faults(
        mut self,
        struck: &[Struck],
        recoveries: &BTreeMap<FaultKind, Vec<Duration>>,
    ) -> Self {
        let mut faults = BTreeMap::<String, u64>::new();
        for fault in struck {
            *faults.entry(fault.kind.to_string()).or_default() += 1;
        }
        self.0["faults"] = json!(faults);
        let ms = |times: &Vec<Duration>| {
            times
                .iter()
                .map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
                .collect::<Vec<u64>>()
        };
        let recoveries: BTreeMap<String, Vec<u64>> = recoveries
            .iter()
            .map(|(kind, times)| (kind.to_string(), ms(times)))
            .collect();
        self.0["recovery_ms"] = json!(recoveries);
        self
    }

    pub(crate) fn with_verdict(mut self, broken: &[Broken]) -> Self {
        let count = |promise| broken.iter().filter(|one| one.promise == promise).count();
        self.0["lost"] = json!(count(Promise::NothingLost));
        self.0["doubled"] = json!(count(Promise::NothingDoubled));
        self.0["wrong_balances"] = json!(count(Promise::BalancesRight));
        self.0["stalled"] = json!(count(Promise::NothingStalled) + count(Promise::NothingWaits));
        let told: Vec<String> = broken
            .iter()
            .take(TOLD_MAX)
            .map(|one| format!("{}: {}", one.promise, one.what))
            .collect();
        self.0["broken"] = json!(told);
        self.0["verdict"] = json!(if broken.is_empty() { "kept" } else { "broken" });
        self
    }

    pub(crate) fn line(&self) -> String {
        self.0.to_string()
    }
}

/// The faults of several reports, by area and kind, and their sums.
pub(crate) fn table(lines: &str) -> Result<String, String> {
    let mut kinds = BTreeMap::<(String, String), (u64, Vec<u64>)>::new();
    let mut sums = BTreeMap::<&str, u64>::new();
    let mut verdicts = Vec::new();
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let report: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        for (kind, count) in report["faults"].as_object().into_iter().flatten() {
            let row = kinds.entry((area_of(kind), kind.clone())).or_default();
            row.0 += count.as_u64().unwrap_or_default();
            let times = report["recovery_ms"][kind].as_array().into_iter().flatten();
            row.1.extend(times.filter_map(Value::as_u64));
        }
        for name in SUMS {
            *sums.entry(name).or_default() += report[name].as_u64().unwrap_or_default();
        }
        let verdict = report["verdict"].as_str().unwrap_or("unknown");
        verdicts.push(format!("seed {}: {verdict}", report["seed"]));
    }
    let mut table = format!(
        "| {:8} | {:28} | {:>6} | {:>8} | {:>8} | {:>8} |\n|{:-<10}|{:-<30}|{:->7}:|{:->9}:|{:->9}:|{:->9}:|\n",
        "area", "kind", "faults", "measured", "median s", "slowest s", "", "", "", "", "", ""
    );
    for ((area, kind), (count, mut times)) in kinds {
        times.sort_unstable();
        let seconds = |ms: Option<&u64>| match ms {
            Some(ms) => format!("{}.{}", ms / 1000, ms % 1000 / 100),
            None => "-".to_owned(),
        };
        let (median, slowest) = (seconds(times.get(times.len() / 2)), seconds(times.last()));
        let measured = times.len();
        table += &format!(
            "| {area:8} | {kind:28} | {count:6} | {measured:8} | {median:>8} | {slowest:>8} |\n"
        );
    }
    table += "\n";
    for name in SUMS {
        table += &format!(
            "{}: {}\n",
            name.replace('_', " "),
            sums.get(name).unwrap_or(&0)
        );
    }
    Ok(table + &verdicts.join("\n") + "\n")
}

const SUMS: [&str; 8] = [
    "seconds_of_load",
    "events_accepted",
    "posts",
    "forged_posts",
    "lost",
    "doubled",
    "wrong_balances",
    "stalled",
];

fn area_of(kind: &str) -> String {
    let kind = kind.parse::<FaultKind>().ok();
    kind.map_or("unknown".to_owned(), |kind| kind.area().to_string())
}
