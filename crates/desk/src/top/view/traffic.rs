//! Requests and events: their rates, their outcomes and their latencies.

use std::collections::BTreeMap;

use crate::text::counted;
use serde::Serialize;

use super::{About, Level, Periods, Problem, View};
use crate::top::alert_limits::{CONFIRM, EVENT_AGE, REQUEST};
use crate::top::figures::{count_text, duration_text, rounded_or_null};
use crate::top::increase::Increases;
use crate::top::metric::{
    AGE_BUCKETS, APPLY_BUCKETS, CONFIRM_BUCKETS, EVENTS, RECEIVER, REQUEST_BUCKETS, REQUEST_COUNT,
    REQUESTS, Selector, WORKER, sum_of,
};
use crate::top::quantile::{Quantiles, quantile, quantiles};
use crate::top::snapshot::Snapshot;

/// How often requests or events have an outcome.
#[derive(Debug, Serialize)]
pub struct Rate {
    #[serde(skip)]
    pub name: &'static str,
    /// In the last interval; `None` when no process that counts it answered twice.
    #[serde(rename = "per_second", serialize_with = "rounded_or_null")]
    pub now: Option<f64>,
    /// In the last minute.
    #[serde(rename = "per_second_window", serialize_with = "rounded_or_null")]
    pub window: Option<f64>,
    /// Since the start of the processes that answer.
    pub total: Option<f64>,
    #[serde(skip)]
    pub level: Level,
}

/// How long a step takes; `None` when nothing was measured.
#[derive(Debug, Serialize)]
pub struct Latency {
    #[serde(skip)]
    pub name: &'static str,
    #[serde(rename = "interval")]
    pub now: Option<Quantiles>,
    pub window: Option<Quantiles>,
    /// Set when it is above the limit of its alert.
    #[serde(skip)]
    pub problem: Option<Problem>,
}

/// Name, program, outcomes, and how urgent it is when they occur.
type Outcomes = (&'static str, &'static str, &'static [&'static str], Level);

const OUTCOMES: [Outcomes; 10] = [
    ("queued", RECEIVER, &["accepted"], Level::Fine),
    ("refused", RECEIVER, &["refused"], Level::Warning),
    ("unavailable", RECEIVER, &["unavailable"], Level::Alarm),
    ("credited", WORKER, &["credited"], Level::Fine),
    ("reversed", WORKER, &["reversed"], Level::Fine),
    ("ignored", WORKER, &["ignored"], Level::Fine),
    ("duplicates", WORKER, &["duplicate"], Level::Fine),
    (
        "other",
        WORKER,
        &["already_credited", "restored", "noted"],
        Level::Fine,
    ),
    ("deferred", WORKER, &["deferred"], Level::Fine),
    ("dead", WORKER, &["dead"], Level::Alarm),
];

pub(super) fn rates(now: &Snapshot, periods: &Periods) -> Vec<Rate> {
    let rate = |(name, program, outcomes, level): Outcomes| {
        let metric = if program == RECEIVER {
            REQUEST_COUNT
        } else {
            EVENTS
        };
        let selector = Selector::only(metric, "outcome", outcomes);
        let window = periods.window.rate(program, &selector);
        Rate {
            name,
            now: periods.interval.rate(program, &selector),
            window,
            total: total(now, program, &selector),
            level: match window {
                Some(rate) if rate > 0.0 => level,
                Some(_) | None => Level::Fine,
            },
        }
    };
    OUTCOMES.into_iter().map(rate).collect()
}

/// `None` when the program does not answer; 0 when it answers and lacks the series.
fn total(now: &Snapshot, program: &str, selector: &Selector<'_>) -> Option<f64> {
    let scrapes = now.scrapes().filter(|scrape| scrape.program == program);
    sum_of(scrapes.map(|scrape| scrape.sum(selector).unwrap_or(0.0)))
}

pub(super) fn refusals(window: &Increases) -> BTreeMap<String, f64> {
    let mut refusals = window.by_label(&Selector::of(REQUESTS), "outcome");
    refusals.retain(|code, requests| code != "queued" && *requests > 0.0);
    refusals
}

/// The quantile that an alert compares, and its limit in seconds.
type Limit = (f64, f64);

pub(super) fn latencies(periods: &Periods) -> Vec<Latency> {
    let latency = |name, program, selector: Selector<'_>, limit: Option<Limit>| {
        let buckets = periods.window.buckets(program, &selector);
        Latency {
            name,
            now: quantiles(&periods.interval.buckets(program, &selector)),
            window: quantiles(&buckets),
            problem: limit.and_then(|limit| latency_problem(name, &buckets, limit)),
        }
    };
    let request = Selector::only(REQUEST_BUCKETS, "outcome", &["accepted"]);
    let confirm = Selector::of(CONFIRM_BUCKETS);
    let age = Selector::of(AGE_BUCKETS);
    vec![
        latency("request", RECEIVER, request, Some(REQUEST)),
        latency("confirm", RECEIVER, confirm, Some(CONFIRM)),
        latency("apply", WORKER, Selector::of(APPLY_BUCKETS), None),
        latency("event age", WORKER, age, Some(EVENT_AGE)),
    ]
}

fn latency_problem(name: &str, buckets: &[(f64, f64)], (share, limit): Limit) -> Option<Problem> {
    let measured = quantile(buckets, share)?;
    let over = if measured.is_beyond { "over " } else { "" };
    let is_above = measured.seconds > limit || (measured.is_beyond && measured.seconds == limit);
    let (percent, seconds) = (share * 100.0, duration_text(measured.seconds));
    is_above.then(|| {
        Level::Alarm.problem(
            About::Latencies,
            format!("p{percent:.0} of {name} is {over}{seconds}"),
        )
    })
}

pub(super) fn problems(view: &View) -> Vec<Problem> {
    let latencies = view.latencies.iter();
    let latencies = latencies.filter_map(|latency| latency.problem.clone());
    refusals_problem(view)
        .into_iter()
        .chain(latencies)
        .collect()
}

fn refusals_problem(view: &View) -> Option<Problem> {
    let is_refusal = |rate: &&Rate| ["refused", "unavailable"].contains(&rate.name);
    let rates = view.rates.iter().filter(is_refusal);
    let level = rates.map(|rate| rate.level).max()?;
    let outcome = match level {
        Level::Fine => return None,
        Level::Warning => "refused",
        Level::Alarm => "not queued",
    };
    let requests: f64 = view.refusals.values().sum();
    let webhooks = counted(requests.round() as u64, "webhook was", "webhooks were");
    let code = |(code, requests): (&String, &f64)| match view.refusals.len() {
        1 => code.clone(),
        _ => format!("{} {code}", count_text(*requests)),
    };
    let codes: Vec<String> = view.refusals.iter().map(code).collect();
    let (seconds, codes) = (view.window_seconds, codes.join(", "));
    let what = format!("{webhooks} {outcome} in the last {seconds:.0}s: {codes}");
    Some(level.problem(About::Webhooks, what))
}

#[cfg(test)]
mod tests {
    use paynow_worker::ledger::plan::Outcome;
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn every_outcome_that_the_worker_records_is_in_a_rate() {
        let shown = |code: &str| {
            let of_worker = OUTCOMES
                .iter()
                .filter(|(_, program, ..)| *program == WORKER);
            of_worker
                .flat_map(|(_, _, codes, _)| *codes)
                .any(|shown| *shown == code)
        };
        for code in Outcome::iter().map(Outcome::code) {
            assert!(shown(code), "{code}");
        }
    }
}
