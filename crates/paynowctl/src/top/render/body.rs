//! The upper part of the screen: rates at the left, latencies and queues at the right.

use super::text::{Line, Tone, fit};
use crate::top::figures::{NONE, change_text, count_text, duration_text, latency_text, rate_text};
use crate::top::quantile::{Quantile, Quantiles};
use crate::top::view::{Backlog, Latency, QueueRow, Rate, View};

const NAME_WIDTH: usize = 11;
const RATE_WIDTH: usize = 9;
/// Where the right half begins.
const RIGHT_AT: usize = NAME_WIDTH + 2 * RATE_WIDTH + 2;
const QUANTILE_WIDTH: usize = 6;

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

fn last(seconds: f64) -> String {
    // Never "last 1m 0s": the minute is told in seconds, as long as it is not full.
    format!("last {seconds:.0}s")
}

fn rates(view: &View) -> Vec<Line> {
    let mut header = Line::default();
    header.left(Tone::Heading, "per second", NAME_WIDTH);
    header.right(Tone::Heading, &last(view.interval_seconds), RATE_WIDTH);
    header.right(Tone::Heading, &last(view.window_seconds), RATE_WIDTH);
    let rows = view.rates.iter().map(rate);
    std::iter::once(header).chain(rows).collect()
}

fn rate(rate: &Rate) -> Line {
    let figure = |rate: Option<f64>| rate.map_or_else(|| NONE.to_owned(), rate_text);
    let mut line = Line::default();
    line.left(rate.level.into(), rate.name, NAME_WIDTH);
    line.right(rate.level.into(), &figure(rate.now), RATE_WIDTH);
    line.right(rate.level.into(), &figure(rate.window), RATE_WIDTH);
    line
}

fn latencies(view: &View) -> Vec<Line> {
    let mut titles = Line::default();
    titles.left(Tone::Heading, "latency", NAME_WIDTH);
    for seconds in [view.interval_seconds, view.window_seconds] {
        titles.right(Tone::Heading, &last(seconds), 3 * QUANTILE_WIDTH);
    }
    let mut header = Line::default();
    header.pad_to(NAME_WIDTH);
    for name in ["p50", "p95", "p99", "p50", "p95", "p99"] {
        header.right(Tone::Heading, name, QUANTILE_WIDTH);
    }
    let rows = view.latencies.iter().map(latency);
    [titles, header].into_iter().chain(rows).collect()
}

fn latency(latency: &Latency) -> Line {
    let mut line = Line::default();
    line.left(latency.level().into(), latency.name, NAME_WIDTH);
    for seen in [latency.now, latency.window] {
        for text in texts(seen) {
            line.right(latency.level().into(), &text, QUANTILE_WIDTH);
        }
    }
    line
}

fn texts(seen: Option<Quantiles>) -> [String; 3] {
    let Some(Quantiles { p50, p95, p99 }) = seen else {
        return [NONE; 3].map(str::to_owned);
    };
    [p50, p95, p99].map(|quantile| match quantile {
        Quantile::At(seconds) => latency_text(seconds),
        Quantile::Beyond(seconds) => format!(">{}", latency_text(seconds)),
    })
}

fn queues(view: &View, width: usize) -> Vec<Line> {
    let mut header = Line::default();
    header.left(Tone::Heading, "queue", 19);
    for (name, width) in [("ready", 7), ("unacked", 8), ("consumers", 10), ("+/s", 5)] {
        header.right(Tone::Heading, name, width);
    }
    let mut lines = vec![header];
    match &view.broker {
        Ok(broker) => lines.extend(broker.queues.iter().map(queue)),
        Err(reason) => {
            let text = fit(&format!("unknown: {reason}"), width);
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
    let tone = row.level.into();
    let mut line = Line::default();
    line.left(tone, row.name, 19);
    if !row.is_there {
        line.right(tone, "is missing", 15);
        return line;
    }
    let depth = |messages: Option<u64>| {
        messages.map_or_else(|| NONE.to_owned(), |messages| count_text(messages as f64))
    };
    let change = row.change.map_or_else(|| NONE.to_owned(), change_text);
    let consumers = row
        .consumers
        .as_ref()
        .map_or(NONE.to_owned(), u64::to_string);
    line.right(tone, &depth(row.ready), 7);
    line.right(tone, &depth(row.unacked), 8);
    line.right(tone, &consumers, 10);
    line.right(tone, &change, 5);
    line
}

fn backlog(backlog: &Backlog) -> Line {
    let drain = backlog.drain.map(rate_text);
    let text = match (backlog.work_seconds, backlog.messages, drain) {
        (_, Some(0), _) => "time to empty: nothing waits".to_owned(),
        (Some(seconds), _, Some(drain)) => {
            format!("time to empty: {} at {drain}/s", duration_text(seconds))
        }
        (None, Some(_), Some(_)) => "time to empty: never, nothing is done".to_owned(),
        (_, _, None) => "time to empty: unknown, no worker answers".to_owned(),
        (_, None, _) => "time to empty: unknown, no depth is told".to_owned(),
    };
    Line::of(backlog.level().into(), &text)
}
