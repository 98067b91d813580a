//! The table, as Markdown and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::figures::Series;
use crate::machine::Machine;
use crate::row::{Cost, Figure, Row, Unit};

const HEAD: &str = "| what | here | limit beside it | ratio | to reach | p50 / p99 ms | CPU s per 1,000 events: \
    receiver, worker, broker, database | peak MB: receiver, worker |\n|---|---|---|---|---|---|---|---|\n";

/// The whole report.
pub(crate) fn markdown(command: &str, machine: &Machine, rows: &[Row]) -> String {
    let mut text = format!("`{command}`\n\n{HEAD}");
    for row in rows {
        let cells = [
            row.what.clone(),
            figure(&row.ours),
            row.limit.as_ref().map(figure).unwrap_or_default(),
            row.ratio.as_ref().map(ratio).unwrap_or_default(),
            goal(row),
            latency(row),
            cpu(&row.cost),
            peaks(&row.cost),
        ];
        line(&mut text, &cells);
    }
    let notes = rows
        .iter()
        .flat_map(|row| row.notes.iter().map(|note| (&row.what, note)));
    text.push('\n');
    for (what, note) in notes {
        let _always = writeln!(text, "- {what}: {note}");
    }
    text.push_str("\n| machine | |\n|---|---|\n");
    for (name, fact) in machine.rows() {
        line(&mut text, &[(*name).to_owned(), fact.clone()]);
    }
    line(
        &mut text,
        &["others while measuring".to_owned(), others(rows)],
    );
    text
}

fn line(text: &mut String, cells: &[String]) {
    // A string takes whatever is written to it.
    let _always = writeln!(text, "| {} |", cells.join(" | "));
}

/// Median, and the spread when there was more than one run.
fn figure(figure: &Figure) -> String {
    let written = |value: f64| match figure.unit {
        Unit::PerSecond | Unit::Megabytes => grouped(value),
        Unit::Milliseconds => format!("{value:.2}"),
    };
    let unit = match figure.unit {
        Unit::PerSecond => "/s",
        Unit::Milliseconds => " ms",
        Unit::Megabytes => " MB",
    };
    let median = written(figure.series.median());
    format!(
        "{} {median}{unit}{}",
        figure.name,
        spread(&figure.series, written)
    )
}

fn ratio(series: &Series) -> String {
    let written = |value: f64| format!("{value:.2}");
    format!(
        "**{}**{}",
        written(series.median()),
        spread(series, written)
    )
}

fn spread(series: &Series, written: impl Fn(f64) -> String) -> String {
    if series.values().len() < 2 {
        return String::new();
    }
    format!(" ({}–{})", written(series.min()), written(series.max()))
}

fn goal(row: &Row) -> String {
    row.goal.as_ref().map_or_else(String::new, |goal| {
        let reached = if goal.reached { "yes" } else { "**no**" };
        format!("{}: {reached}", goal.text)
    })
}

fn latency(row: &Row) -> String {
    row.latency.as_ref().map_or_else(String::new, |latency| {
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
    match (cost.receiver_peak_mb, cost.worker_peak_mb) {
        (None, None) => String::new(),
        (receiver, worker) => format!("{}, {}", peak(receiver), peak(worker)),
    }
}

fn others(rows: &[Row]) -> String {
    let shares: Series = rows
        .iter()
        .flat_map(|row| row.cost.others.values().iter().map(|cores| cores * 100.0))
        .collect();
    format!(
        "{:.0} % of a core in the median run, {:.0} % in the worst",
        shares.median(),
        shares.max()
    )
}

/// Without decimals, thousands apart.
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

/// Every figure of every run.
pub(crate) fn json(command: &str, machine: &Machine, rows: &[Row]) -> Value {
    json!({
        "command": command,
        "machine": machine.json(),
        "rows": rows.iter().map(row_json).collect::<Vec<_>>(),
    })
}

fn row_json(row: &Row) -> Value {
    let figure = |figure: &Figure| json!({"name": figure.name, "runs": figure.series.values()});
    json!({
        "what": row.what,
        "here": figure(&row.ours),
        "limit": row.limit.as_ref().map(figure),
        "ratio": row.ratio.as_ref().map(Series::values),
        "to_reach": row.goal.as_ref().map(|goal| json!({"text": goal.text, "reached": goal.reached})),
        "latency_ms": row.latency.as_ref().map(|latency| {
            json!({"p50": latency.p50_ms.values(), "p99": latency.p99_ms.values()})
        }),
        "cpu_seconds_per_1000_events": row.cost.per_thousand().map(|cpu| json!({
            "receiver": cpu.receiver, "worker": cpu.worker, "broker": cpu.broker,
            "database": cpu.database, "generator": cpu.bench,
        })),
        "others_cores": row.cost.others.values(),
        "peak_mb": {"receiver": row.cost.receiver_peak_mb, "worker": row.cost.worker_peak_mb},
        "notes": row.notes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::{millis, rate};

    #[test]
    fn a_row_shows_median_and_spread_beside_its_limit() {
        let series = |values: &[f64]| values.iter().copied().collect::<Series>();
        let row = Row::new(
            "receiver",
            rate("202", series(&[18_000.0, 17_000.0, 19_000.4])),
        );
        let (row, ratio) = row.beside(rate("bare", series(&[20_000.0; 3])));
        assert_eq!(ratio, 0.9);
        let row = row.goal("at least 0.75", true);
        let text = markdown("ops/bench", &Machine::none(), &[row]);
        let expected = "| receiver | 202 18,000/s (17,000–19,000) | bare 20,000/s (20,000–20,000) \
            | **0.90** (0.85–0.95) | at least 0.75: yes |  |  |  |\n";
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
        let one = millis("p50", std::iter::once(1.234).collect());
        assert_eq!(figure(&one), "p50 1.23 ms");
    }
}
