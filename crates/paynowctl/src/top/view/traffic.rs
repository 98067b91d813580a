//! What comes in, what becomes of it, and how long each takes.

use std::collections::BTreeMap;

use super::{Level, Problem, Times, View};
use crate::top::alert_limits::{
    CONFIRM_LIMIT, CONFIRM_QUANTILE, EVENT_AGE_LIMIT, EVENT_AGE_QUANTILE, REQUEST_LIMIT,
    REQUEST_QUANTILE,
};
use crate::top::figures::{count_text, duration_text};
use crate::top::increase::Span;
use crate::top::metric::{
    AGE_BUCKETS, APPLY_BUCKETS, CONFIRM_BUCKETS, EVENTS, Metric, RECEIVER, REQUEST_BUCKETS,
    REQUEST_COUNT, REQUESTS, WORKER, added_up,
};
use crate::top::quantile::{Quantile, Quantiles, quantile, quantiles};
use crate::top::sample::Sample;

/// How often something happens.
#[derive(Debug)]
pub(in crate::top) struct Rate {
    pub(in crate::top) name: &'static str,
    /// Per second of the last interval; `None` when nobody was seen twice who tells.
    pub(in crate::top) now: Option<f64>,
    /// Per second of the last minute.
    pub(in crate::top) window: Option<f64>,
    /// Since the processes that answer were started.
    pub(in crate::top) total: Option<f64>,
    pub(in crate::top) level: Level,
}

/// Refused and unavailable requests of the last minute, by code.
pub(in crate::top) type Refusals = BTreeMap<String, f64>;

/// How long something takes.
#[derive(Debug)]
pub(in crate::top) struct Latency {
    pub(in crate::top) name: &'static str,
    /// `None` when nothing was timed.
    pub(in crate::top) now: Option<Quantiles>,
    pub(in crate::top) window: Option<Quantiles>,
    /// Why it is too long.
    pub(in crate::top) excess: Option<String>,
}

impl Latency {
    pub(in crate::top) fn level(&self) -> Level {
        match self.excess {
            Some(_) => Level::Alarm,
            None => Level::Fine,
        }
    }
}

/// Name, program, metric, its outcomes, and what it means that it happens.
type RateOf = (&'static str, &'static str, Metric<'static>, Level);

fn rates_of() -> [RateOf; 10] {
    let request = |outcome| Metric::only(REQUEST_COUNT, "outcome", outcome);
    let event = |outcomes| Metric::only(EVENTS, "outcome", outcomes);
    [
        ("queued", RECEIVER, request(&["accepted"]), Level::Fine),
        ("refused", RECEIVER, request(&["refused"]), Level::Warning),
        (
            "unavailable",
            RECEIVER,
            request(&["unavailable"]),
            Level::Alarm,
        ),
        ("credited", WORKER, event(&["credited"]), Level::Fine),
        ("reversed", WORKER, event(&["reversed"]), Level::Fine),
        ("ignored", WORKER, event(&["ignored"]), Level::Fine),
        ("duplicates", WORKER, event(&["duplicate"]), Level::Fine),
        (
            "other",
            WORKER,
            event(&["already_credited", "restored", "noted"]),
            Level::Fine,
        ),
        ("deferred", WORKER, event(&["deferred"]), Level::Fine),
        ("dead", WORKER, event(&["dead"]), Level::Alarm),
    ]
}

pub(super) fn rates(now: &Sample, times: &Times) -> Vec<Rate> {
    let rate = |(name, program, metric, level): RateOf| {
        let window = times.window.rate(program, &metric);
        Rate {
            name,
            now: times.interval.rate(program, &metric),
            window,
            total: total(now, program, &metric),
            level: match window {
                Some(rate) if rate > 0.0 => level,
                Some(_) | None => Level::Fine,
            },
        }
    };
    rates_of().into_iter().map(rate).collect()
}

/// A series that was never begun is at zero, where its program answers.
fn total(now: &Sample, program: &str, metric: &Metric<'_>) -> Option<f64> {
    let processes = now.processes.values().flatten();
    let mut answering = processes
        .filter(|scrape| scrape.program == program)
        .peekable();
    answering.peek()?;
    Some(added_up(answering.filter_map(|scrape| scrape.sum(metric))))
}

pub(super) fn refusals(window: &Span) -> Refusals {
    let mut refusals = window.by_label(&Metric::of(REQUESTS), "outcome");
    refusals.retain(|code, requests| code != "queued" && *requests > 0.0);
    refusals
}

pub(super) fn latencies(times: &Times) -> Vec<Latency> {
    let accepted = Metric::only(REQUEST_BUCKETS, "outcome", &["accepted"]);
    [
        ("request", RECEIVER, accepted),
        ("confirm", RECEIVER, Metric::of(CONFIRM_BUCKETS)),
        ("apply", WORKER, Metric::of(APPLY_BUCKETS)),
        ("event age", WORKER, Metric::of(AGE_BUCKETS)),
    ]
    .map(|(name, program, metric)| {
        let buckets = times.window.buckets(program, &metric);
        Latency {
            name,
            now: quantiles(&times.interval.buckets(program, &metric)),
            window: quantiles(&buckets),
            excess: excess(name, &buckets),
        }
    })
    .into()
}

fn excess(name: &str, buckets: &[(f64, f64)]) -> Option<String> {
    let (share, limit) = match name {
        "request" => (REQUEST_QUANTILE, REQUEST_LIMIT),
        "confirm" => (CONFIRM_QUANTILE, CONFIRM_LIMIT),
        "event age" => (EVENT_AGE_QUANTILE, EVENT_AGE_LIMIT),
        _no_alert => return None,
    };
    let quantile = quantile(buckets, share)?;
    let text = match quantile {
        Quantile::At(seconds) => duration_text(seconds),
        Quantile::Beyond(seconds) => format!("over {}", duration_text(seconds)),
    };
    (quantile.at_least() > limit || quantile == Quantile::Beyond(limit))
        .then(|| format!("p{:.0} of {name} is {text}", share * 100.0))
}

impl Quantile {
    /// What it is for certain not far below.
    pub(in crate::top) fn at_least(self) -> f64 {
        match self {
            Self::At(seconds) | Self::Beyond(seconds) => seconds,
        }
    }
}

pub(super) fn problems(view: &View) -> Vec<Problem> {
    let mut problems = Vec::new();
    let covered = duration_text(view.window_seconds);
    let level_of = |name| {
        let rate = view.rates.iter().find(|rate| rate.name == name);
        rate.map_or(Level::Fine, |rate| rate.level)
    };
    let codes: Vec<String> = view
        .refusals
        .iter()
        .map(|(code, requests)| format!("{code} {}", count_text(*requests)))
        .collect();
    let codes = codes.join(", ");
    let level = level_of("unavailable").max(level_of("refused"));
    match level {
        Level::Fine => {}
        Level::Warning => problems.push(Problem::warning(format!(
            "webhooks are refused, in {covered}: {codes}"
        ))),
        Level::Alarm => problems.push(Problem::alarm(format!(
            "webhooks are not queued, in {covered}: {codes}"
        ))),
    }
    let excesses = view.latencies.iter().filter_map(|of| of.excess.as_ref());
    problems.extend(excesses.map(Problem::alarm));
    problems
}
