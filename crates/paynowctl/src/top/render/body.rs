//! The upper part of the screen: rates on the left, latencies and queues on the right.

use super::text::{Line, Tone, fit};
use paynow_desk::top::figures::{
    change_text, count_text, duration_text, latency_text, or_none, rate_text,
};
use paynow_desk::top::quantile::{Quantile, Quantiles};
use paynow_desk::top::view::{Backlog, Latency, Level, QueueRow, Rate, View};

const NAME_WIDTH: usize = 11;
const RATE_WIDTH: usize = 9;
/// The column at which the right half starts.
const RIGHT_AT: usize = NAME_WIDTH + 2 * RATE_WIDTH + 2;
const QUANTILE_WIDTH: usize = 6;
const QUEUE_WIDTH: usize = 19;

pub(super) fn body(view: &View, columns: usize) -> Vec<Line> {
    let mut left = rates(view).into_iter();
    let mut right = latencies(view);
    right.extend(queues(view, columns.saturating_sub(RIGHT_AT)));
    let mut right = right.into_iter();
    let mut lines = Vec::new();
    while left.len() > 0 || right.len() > 0 {
        let mut line = left.next().unwrap_or_default();
        line.pad_to(RIGHT_AT);
        line.append(right.next().unwrap_or_default());
        lines.push(line);
    }
    lines
}

/// In seconds only, because "last 1m 0s" would not fit.
fn last(seconds: f64) -> String {
    format!("last {seconds:.0}s")
}

fn rates(view: &View) -> Vec<Line> {
    let periods = [view.interval_seconds, view.window_seconds];
    let cells = periods.map(|seconds| (last(seconds), RATE_WIDTH));
    let header = Line::row(Tone::Heading, ("per second", NAME_WIDTH), cells);
    let rows = view.rates.iter().map(rate);
    std::iter::once(header).chain(rows).collect()
}

fn rate(rate: &Rate) -> Line {
    let rates = [rate.now, rate.window];
    let cells = rates.map(|per_second| (or_none(per_second, rate_text), RATE_WIDTH));
    Line::row(rate.level.into(), (rate.name, NAME_WIDTH), cells)
}

fn latencies(view: &View) -> Vec<Line> {
    let periods = [view.interval_seconds, view.window_seconds];
    let cells = periods.map(|seconds| (last(seconds), 3 * QUANTILE_WIDTH));
    let titles = Line::row(Tone::Heading, ("latency", NAME_WIDTH), cells);
    let names = ["p50", "p95", "p99"].repeat(periods.len()).into_iter();
    let cells = names.map(|name| (name.to_owned(), QUANTILE_WIDTH));
    let header = Line::row(Tone::Heading, ("", NAME_WIDTH), cells);
    let rows = view.latencies.iter().map(latency);
    [titles, header].into_iter().chain(rows).collect()
}

fn latency(latency: &Latency) -> Line {
    let quantiles = |measured: Option<Quantiles>| {
        let quantile = |of: fn(Quantiles) -> Quantile| measured.map(of);
        [
            quantile(|of| of.p50),
            quantile(|of| of.p95),
            quantile(|of| of.p99),
        ]
    };
    let quantiles = [latency.now, latency.window]
        .into_iter()
        .flat_map(quantiles);
    let cells = quantiles.map(|of| (or_none(of, quantile_text), QUANTILE_WIDTH));
    let tone = Level::from(&latency.problem).into();
    Line::row(tone, (latency.name, NAME_WIDTH), cells)
}

fn quantile_text(quantile: Quantile) -> String {
    let beyond = if quantile.is_beyond { ">" } else { "" };
    format!("{beyond}{}", latency_text(quantile.seconds))
}

fn queues(view: &View, width: usize) -> Vec<Line> {
    let cells = [("ready", 7), ("unacked", 8), ("consumers", 10), ("+/s", 5)];
    let cells = cells.map(|(name, width)| (name.to_owned(), width));
    let mut lines = vec![Line::row(Tone::Heading, ("queue", QUEUE_WIDTH), cells)];
    match &view.broker {
        Ok(broker) => lines.extend(broker.queues.iter().map(queue)),
        Err(unknown) => {
            let text = fit(&format!("unknown: {unknown}"), width);
            lines.extend([
                Line::of(Tone::Alarm, &text),
                Line::default(),
                Line::default(),
            ]);
        }
    }
    lines.push(backlog(&view.backlog));
    lines
}

fn queue(row: &QueueRow) -> Line {
    let tone = Level::from(&row.problem).into();
    let name = (row.name, QUEUE_WIDTH);
    if !row.exists {
        return Line::row(tone, name, [("is missing".to_owned(), 15)]);
    }
    let depth = |messages| or_none(messages, |messages: u64| count_text(messages as f64));
    let cells = [
        (depth(row.ready), 7),
        (depth(row.unacked), 8),
        (or_none(row.consumers, |count| count.to_string()), 10),
        (or_none(row.change, change_text), 5),
    ];
    Line::row(tone, name, cells)
}

/// A short wait is not shown as none.
fn wait_text(seconds: f64) -> String {
    match seconds {
        short if short < 1.0 => "under 1s".to_owned(),
        long => duration_text(long),
    }
}

fn backlog(backlog: &Backlog) -> Line {
    let drain = backlog.drain.map(rate_text);
    let time = match (backlog.work_seconds, backlog.messages, drain) {
        (_, Some(0), _) => "the queue is empty".to_owned(),
        (_, Some(_), _) if backlog.is_consumed == Some(false) => {
            "never, no worker consumes".to_owned()
        }
        (Some(seconds), _, Some(drain)) => format!("{} at {drain}/s", wait_text(seconds)),
        (None, Some(_), Some(_)) => "never, no event is finished".to_owned(),
        (_, _, None) => "unknown, no worker answers".to_owned(),
        (_, None, _) => "unknown, no queue depth".to_owned(),
    };
    Line::of(backlog.level().into(), &format!("time to empty: {time}"))
}
