//! The upper part of the screen: rates on the left, latencies and queues on the right.

use super::text::{Line, Tone, fit};
use crate::top::figures::{
    change_text, count_text, duration_text, latency_text, or_none, rate_text,
};
use crate::top::quantile::{Quantile, Quantiles};
use crate::top::view::{Backlog, Latency, Level, QueueRow, Rate, View};

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
    let mut header = Line::default();
    header.left(Tone::Heading, "per second", NAME_WIDTH);
    header.right(Tone::Heading, &last(view.interval_seconds), RATE_WIDTH);
    header.right(Tone::Heading, &last(view.window_seconds), RATE_WIDTH);
    let rows = view.rates.iter().map(rate);
    std::iter::once(header).chain(rows).collect()
}

fn rate(rate: &Rate) -> Line {
    let tone = rate.level.into();
    let mut line = Line::default();
    line.left(tone, rate.name, NAME_WIDTH);
    for per_second in [rate.now, rate.window] {
        line.right(tone, &or_none(per_second, rate_text), RATE_WIDTH);
    }
    line
}

fn latencies(view: &View) -> Vec<Line> {
    let mut titles = Line::default();
    titles.left(Tone::Heading, "latency", NAME_WIDTH);
    let mut header = Line::default();
    header.pad_to(NAME_WIDTH);
    for seconds in [view.interval_seconds, view.window_seconds] {
        titles.right(Tone::Heading, &last(seconds), 3 * QUANTILE_WIDTH);
        for name in ["p50", "p95", "p99"] {
            header.right(Tone::Heading, name, QUANTILE_WIDTH);
        }
    }
    let rows = view.latencies.iter().map(latency);
    [titles, header].into_iter().chain(rows).collect()
}

fn latency(latency: &Latency) -> Line {
    let tone = Level::from(&latency.problem).into();
    let mut line = Line::default();
    line.left(tone, latency.name, NAME_WIDTH);
    for measured in [latency.now, latency.window] {
        let quantiles = measured.map_or([None; 3], |Quantiles { p50, p95, p99 }| {
            [Some(p50), Some(p95), Some(p99)]
        });
        for quantile in quantiles {
            line.right(tone, &or_none(quantile, quantile_text), QUANTILE_WIDTH);
        }
    }
    line
}

fn quantile_text(quantile: Quantile) -> String {
    let beyond = if quantile.is_beyond { ">" } else { "" };
    format!("{beyond}{}", latency_text(quantile.seconds))
}

fn queues(view: &View, width: usize) -> Vec<Line> {
    let mut header = Line::default();
    header.left(Tone::Heading, "queue", QUEUE_WIDTH);
    for (name, width) in [("ready", 7), ("unacked", 8), ("consumers", 10), ("+/s", 5)] {
        header.right(Tone::Heading, name, width);
    }
    let mut lines = vec![header];
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
    let mut line = Line::default();
    line.left(tone, row.name, QUEUE_WIDTH);
    if !row.exists {
        line.right(tone, "is missing", 15);
        return line;
    }
    let depth = |messages| or_none(messages, |messages: u64| count_text(messages as f64));
    line.right(tone, &depth(row.ready), 7);
    line.right(tone, &depth(row.unacked), 8);
    line.right(tone, &or_none(row.consumers, |count| count.to_string()), 10);
    line.right(tone, &or_none(row.change, change_text), 5);
    line
}

fn backlog(backlog: &Backlog) -> Line {
    let drain = backlog.drain.map(rate_text);
    let time = match (backlog.work_seconds, backlog.messages, drain) {
        (_, Some(0), _) => "the queue is empty".to_owned(),
        (Some(seconds), _, Some(drain)) => format!("{} at {drain}/s", duration_text(seconds)),
        (None, Some(_), Some(_)) => "never, no event is finished".to_owned(),
        (_, _, None) => "unknown, no worker answers".to_owned(),
        (_, None, _) => "unknown, no queue depth".to_owned(),
    };
    Line::of(backlog.level().into(), &format!("time to empty: {time}"))
}
