//! The results, as Markdown and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::figures::Series;
use crate::machine::Fact;
use crate::row::{Cost, Figure, Latency, Row, Unit};
use crate::usage::Cpu;

const HEAD: &str = "| what | ours | limit | ratio | goal | p50 / p99 ms | CPU s per 1,000 events: \
    receiver, worker, broker, database | peak MB: receiver, worker |\n|---|---|---|---|---|---|---|---|\n";
const COMPARISON_HEAD: &str = "Each ratio is the figure of this build divided by that of the baseline, run \
    by run.\n\n| what | figure | this build | baseline | ratio |\n|---|---|---|---|---|\n";

pub(crate) struct Results<'a> {
    /// The command line that was measured.
    pub(crate) command: String,
    pub(crate) machine: &'a [Fact],
    pub(crate) rows: &'a [Row],
    /// The same rows, measured with the baseline's programs.
    pub(crate) baseline: Option<&'a [Row]>,
}

impl Results<'_> {
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("`{}`\n\n", self.command);
        match self.baseline {
            None => add_rows(&mut text, self.rows),
            Some(baseline) => add_comparison(&mut text, self.rows, baseline),
        }
        text.push_str("\n| machine | |\n|---|---|\n");
        for (name, fact) in self.machine {
            add_line(&mut text, &[(*name).to_owned(), fact.clone()]);
        }
        let all = self.rows.iter().chain(self.baseline.unwrap_or_default());
        let others = ["others while measuring".to_owned(), others(all)];
        add_line(&mut text, &others);
        text
    }

    /// Every figure of every run.
    pub(crate) fn json(&self) -> Value {
        let rows = |rows: &[Row]| rows.iter().map(row_json).collect::<Vec<_>>();
        json!({
            "command": self.command,
            "machine": self.machine.iter().map(|(name, fact)| ((*name).to_owned(), json!(fact))).collect::<Value>(),
            "rows": rows(self.rows),
            "baseline": self.baseline.map(rows),
        })
    }
}

fn add_rows(text: &mut String, rows: &[Row]) {
    text.push_str(HEAD);
    for row in rows {
        let cells = [
            row.what.clone(),
            figure(&row.ours),
            row.limit.as_ref().map(figure).unwrap_or_default(),
            row.ratio().as_ref().map(ratio).unwrap_or_default(),
            goal(row),
            latency(row),
            cpu(&row.cost),
            peaks(&row.cost),
        ];
        add_line(text, &cells);
    }
    text.push('\n');
    for row in rows {
        for note in &row.notes {
            // Writing to a string cannot fail.
            let _always = writeln!(text, "- {}: {note}", row.what);
        }
    }
}

fn add_comparison(text: &mut String, rows: &[Row], baseline: &[Row]) {
    text.push_str(COMPARISON_HEAD);
    for (row, old) in rows.iter().zip(baseline) {
        let theirs = compared(old);
        for ours in compared(row) {
            let Some(theirs) = theirs.iter().find(|theirs| theirs.name == ours.name) else {
                continue;
            };
            let cells = [
                row.what.clone(),
                ours.name.to_owned(),
                values(&ours),
                values(theirs),
                ratio(&ours.series.over(&theirs.series)),
            ];
            add_line(text, &cells);
        }
    }
}

/// The figures by which two builds are compared. CPU time and memory are single figures of all runs.
fn compared(row: &Row) -> Vec<Figure> {
    let one = |value: f64| std::iter::once(value).collect::<Series>();
    let cpu_ms = |seconds: fn(Cpu) -> f64| row.cost.per_thousand().map(seconds).map(|s| s * 1000.0);
    let cpu = |seconds| cpu_ms(seconds).filter(|ms| *ms > 0.0).map(one);
    let latency = |series: fn(&Latency) -> &Series| row.latency.measured().map(series).cloned();
    let (ms, mb, peak) = (Unit::Milliseconds, Unit::Megabytes, row.cost.peak_mb);
    let figures = [
        ("ratio to the limit", Unit::Ratio, row.ratio()),
        ("p50", ms, latency(|latency| &latency.p50_ms)),
        ("p99", ms, latency(|latency| &latency.p99_ms)),
        (
            "receiver, CPU for 1,000 events",
            ms,
            cpu(|cpu| cpu.receiver),
        ),
        ("worker, CPU for 1,000 events", ms, cpu(|cpu| cpu.worker)),
        ("receiver, peak memory", mb, peak.receiver.map(one)),
        ("worker, peak memory", mb, peak.worker.map(one)),
    ];
    let found = figures.into_iter().filter_map(|(name, unit, series)| {
        let series = series?;
        Some(Figure { name, unit, series })
    });
    // Some rows have a latency as their own figure: it is listed once.
    let own = std::iter::once(row.ours.clone());
    own.chain(found.filter(|figure| figure.name != row.ours.name))
        .collect()
}

fn add_line(text: &mut String, cells: &[String]) {
    // Writing to a string cannot fail.
    let _always = writeln!(text, "| {} |", cells.join(" | "));
}

fn figure(figure: &Figure) -> String {
    format!("{} {}", figure.name, values(figure))
}

/// The median, and the lowest and highest when there was more than one run.
fn values(figure: &Figure) -> String {
    let (unit, decimals) = match figure.unit {
        Unit::PerSecond => ("/s", 0),
        Unit::Milliseconds => (" ms", 2),
        Unit::Megabytes => (" MB", 0),
        Unit::Ratio => ("", 2),
    };
    let (median, spread) = median_and_spread(&figure.series, decimals);
    format!("{median}{unit}{spread}")
}

fn ratio(series: &Series) -> String {
    let (median, spread) = median_and_spread(series, 2);
    format!("**{median}**{spread}")
}

fn median_and_spread(series: &Series, decimals: usize) -> (String, String) {
    let written = |value: f64| match decimals {
        0 => grouped(value),
        some => format!("{value:.some$}"),
    };
    let spread = format!(" ({}–{})", written(series.min()), written(series.max()));
    let has_spread = series.values().len() > 1;
    let spread = if has_spread { spread } else { String::new() };
    (written(series.median()), spread)
}

fn goal(row: &Row) -> String {
    row.goal.as_ref().map_or_else(String::new, |goal| {
        let (text, is_reached) = goal;
        format!("{text}: {}", if *is_reached { "yes" } else { "**no**" })
    })
}

fn latency(row: &Row) -> String {
    row.latency.measured().map_or_else(String::new, |latency| {
        let (p50, p99) = (latency.p50_ms.median(), latency.p99_ms.median());
        format!("{p50:.2} / {p99:.2}")
    })
}

fn cpu(cost: &Cost) -> String {
    cost.per_thousand().map_or_else(String::new, |cpu| {
        [cpu.receiver, cpu.worker, cpu.broker, cpu.database]
            .map(|seconds| format!("{seconds:.3}"))
            .join(", ")
    })
}

fn peaks(cost: &Cost) -> String {
    let peak = |mb: Option<f64>| mb.map_or_else(|| "-".to_owned(), |mb| format!("{mb:.0}"));
    match (cost.peak_mb.receiver, cost.peak_mb.worker) {
        (None, None) => String::new(),
        (receiver, worker) => format!("{}, {}", peak(receiver), peak(worker)),
    }
}

fn others<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let shares: Series = rows
        .flat_map(|row| row.cost.others.values().iter().map(|cores| cores * 100.0))
        .collect();
    format!(
        "{:.0} % of a core in the median run, {:.0} % in the worst",
        shares.median(),
        shares.max()
    )
}

/// Without decimals, and with a comma between thousands.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        let left = digits.len() - place;
        if place > 0 && left.is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn row_json(row: &Row) -> Value {
    let figure = |figure: &Figure| json!({"name": figure.name, "runs": figure.series.values()});
    json!({
        "what": row.what,
        "here": figure(&row.ours),
        "limit": row.limit.as_ref().map(figure),
        "ratio": row.ratio().as_ref().map(Series::values),
        "to_reach": row.goal.as_ref().map(|(text, reached)| json!({"text": text, "reached": reached})),
        "latency_ms": row.latency.measured().map(|latency| {
            json!({"p50": latency.p50_ms.values(), "p99": latency.p99_ms.values()})
        }),
        "cpu_seconds_per_1000_events": row.cost.per_thousand().map(|cpu| json!({
            "receiver": cpu.receiver, "worker": cpu.worker, "broker": cpu.broker,
            "database": cpu.database, "generator": cpu.bench,
        })),
        "others_cores": row.cost.others.values(),
        "peak_mb": {"receiver": row.cost.peak_mb.receiver, "worker": row.cost.peak_mb.worker},
        "notes": row.notes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receiver(posts: [f64; 3]) -> Row {
        let mut row = Row::new("receiver", "202", Unit::PerSecond);
        for per_second in posts {
            row.push(per_second, "bare", 20_000.0);
        }
        row
    }

    fn results(rows: &[Row]) -> Results<'_> {
        Results {
            command: "ops/bench".to_owned(),
            machine: &[],
            rows,
            baseline: None,
        }
    }

    #[test]
    fn a_row_shows_median_and_spread_next_to_its_limit() {
        let mut row = receiver([18_000.0, 17_000.0, 19_000.4]);
        assert_eq!(row.median_ratio(), 0.9);
        row.goal("at least 0.75", true);
        let rows = [row];
        let text = results(&rows).markdown();
        let expected = "| receiver | 202 18,000/s (17,000–19,000) | bare 20,000/s (20,000–20,000) \
            | **0.90** (0.85–0.95) | at least 0.75: yes |  |  |  |\n";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn a_comparison_divides_each_figure_by_that_of_the_baseline() {
        let rows = [receiver([18_000.0, 17_000.0, 19_000.0])];
        let baseline = [receiver([20_000.0, 10_000.0, 10_000.0])];
        let results = Results {
            baseline: Some(&baseline),
            ..results(&rows)
        };
        let text = results.markdown();
        let expected = "| receiver | 202 | 18,000/s (17,000–19,000) | 10,000/s (10,000–20,000) \
            | **1.70** (0.90–1.90) |\n\
            | receiver | ratio to the limit | 0.90 (0.85–0.95) | 0.50 (0.50–1.00) \
            | **1.70** (0.90–1.90) |\n";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn numbers_are_grouped_and_milliseconds_have_decimals() {
        for (value, text) in [
            (0.4, "0"),
            (999.0, "999"),
            (1000.0, "1,000"),
            (1_234_567.8, "1,234,568"),
        ] {
            assert_eq!(grouped(value), text);
        }
        let mut row = Row::new("post", "p50", Unit::Milliseconds);
        row.ours.series.push(1.234);
        assert_eq!(figure(&row.ours), "p50 1.23 ms");
    }
}
