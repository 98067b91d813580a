//! Webhooks and events: how many, with which outcome, and how long they take.

use paynow_desk::top::figures::{latency_text, or_none, rate_text};
use paynow_desk::top::quantile::Quantile;
use paynow_desk::top::view::{Latency, Level, Rate};

use super::super::chart::sparkline;
use super::super::course::{Course, Traced};
use super::super::node::{Element, element};
use super::table::{Row, number, table, words};
use super::{Sight, mark, part};

pub(super) fn rates(sight: &Sight<'_>) -> Element {
    let view = sight.view;
    let headings = [
        words("Outcome"),
        number("now, per second"),
        number("last minute, per second"),
        number("since the start"),
        words("half an hour"),
    ];
    let rows = view.rates.iter().map(|rate| rate_row(rate, sight.course));
    let rates = table("Webhooks and events", &headings, rows.collect());
    let part = part("live-rates", "Webhooks and events").child(rates);
    let refused = view.refusals.iter();
    let refused = refused.map(|(code, requests)| format!("{requests:.0} {code}"));
    match refused.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => part,
        refused => {
            part.child(element("p").text(format!("Not queued in the last minute: {refused}.")))
        }
    }
}

fn rate_row(rate: &Rate, course: &Course) -> Row {
    let traced = match rate.name {
        "queued" => Some(Traced::Queued),
        "credited" => Some(Traced::Credited),
        "dead" => Some(Traced::Dead),
        _other => None,
    };
    let drawn = traced.map_or_else(
        || element("span"),
        |traced| drawn(&course.of(traced), rate_text, "per second"),
    );
    let name = match rate.level {
        Level::Fine => element("span").text(rate.name),
        level @ (Level::Warning | Level::Alarm) => element("span")
            .text(format!("{} ", rate.name))
            .child(mark(level)),
    };
    Row::of(rate.name, name)
        .cell(or_none(rate.now, rate_text))
        .cell(or_none(rate.window, rate_text))
        .cell(or_none(rate.total, |total| format!("{total:.0}")))
        .cell(drawn)
}

/// A course, and its newest and highest value in words.
pub(super) fn drawn(course: &[Option<f64>], text: fn(f64) -> String, unit: &str) -> Element {
    let newest = course.last().copied().flatten();
    let known = course.iter().flatten().copied();
    let Some(highest) = known.reduce(f64::max) else {
        return element("span").text("not measured yet");
    };
    let newest = or_none(newest, text);
    let words = format!("now {newest}, at most {} {unit}", text(highest));
    let words = format!("Last half hour: {}", words.trim_end());
    let seen = element("span").class("highest");
    element("span")
        .class("drawn")
        .child(sparkline(course, &words))
        .child(seen.text(format!("at most {}", text(highest))))
}

pub(super) fn latencies(sight: &Sight<'_>) -> Element {
    let headings = [words("Step"), number("p50"), number("p95"), number("p99")];
    let rows = sight.view.latencies.iter().map(latency_row);
    let age = drawn(&sight.course.of(Traced::Age), latency_text, "");
    part("live-latencies", "How long it takes")
        .child(table("Last minute", &headings, rows.collect()))
        .child(element("p").text("Age of events, p95: ").child(age))
}

fn latency_row(latency: &Latency) -> Row {
    let name = match &latency.problem {
        None => element("span").text(latency.name),
        Some(problem) => {
            let name = element("span").text(format!("{} ", latency.name));
            name.child(mark(problem.level))
        }
    };
    let quantile = |of: fn(&paynow_desk::top::quantile::Quantiles) -> Quantile| {
        or_none(latency.window.as_ref().map(of), |quantile| {
            let beyond = if quantile.is_beyond { "over " } else { "" };
            format!("{beyond}{}", latency_text(quantile.seconds))
        })
    };
    Row::of(latency.name, name)
        .cell(quantile(|of| of.p50))
        .cell(quantile(|of| of.p95))
        .cell(quantile(|of| of.p99))
}
