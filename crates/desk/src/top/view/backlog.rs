//! The queues of the broker, and how long the workers need to empty them.

use std::collections::{BTreeMap, BTreeSet};

use crate::text::counted;
use paynow_shared::topology::{CREDITS_QUEUE, DEAD_QUEUE, UNROUTED};
use serde::Serialize;

use super::{About, Level, Problem, View};
use crate::top::alert_limits::QUEUE_DEPTH;
use crate::top::figures::{duration_text, rounded_or_null};
use crate::top::increase::Increases;
use crate::top::metric::{CONSUMING, EVENTS, RETRIES, Selector, WORKER};
use crate::top::snapshot::{Answer, Broker, Queue, Reading, Snapshot};

/// A backlog delays every new event by the time that it takes to empty. No alert watches that time, so
/// this limit is `top`'s own.
const EMPTYING_SECONDS_WARNING: f64 = 60.0;
/// The broker computes its statistics every five seconds and reports them five seconds later; the rest
/// is a margin.
const STATISTICS_DELAY_SECONDS: f64 = 15.0;

#[derive(Debug)]
pub struct BrokerView {
    /// `paynow.credits`, its dead letters, and messages without a route.
    pub queues: Vec<QueueRow>,
    /// Messages by rung; `None` as long as the broker has no statistics of the queue.
    waiting: BTreeMap<u32, Option<u64>>,
    /// By rung, without those of unknown figures.
    overdue: BTreeMap<u32, u64>,
    pub alarms: Answer<Vec<String>>,
}

#[derive(Debug, Serialize)]
pub struct QueueRow {
    pub name: &'static str,
    pub exists: bool,
    pub ready: Option<u64>,
    pub unacked: Option<u64>,
    pub consumers: Option<u64>,
    /// Messages per second, over the last minute.
    #[serde(rename = "change_per_second", serialize_with = "rounded_or_null")]
    pub change: Option<f64>,
    #[serde(skip)]
    pub problem: Option<Problem>,
}

/// One delay of the retry ladder.
#[derive(Debug, PartialEq, Serialize)]
pub struct Rung {
    #[serde(rename = "rung_seconds")]
    pub seconds: u32,
    /// Messages in its queue; `None` when they are unknown.
    pub waiting: Option<u64>,
    /// Those that are due and not back in `paynow.credits`; `None` when they are unknown.
    pub overdue: Option<u64>,
    /// Events put there in the last minute; `None` when no worker answered twice.
    pub put: Option<f64>,
}

#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Backlog {
    pub messages: Option<u64>,
    /// Events that the workers finish per second, with any outcome.
    #[serde(rename = "drained_per_second", serialize_with = "rounded_or_null")]
    pub drain: Option<f64>,
    /// Until the queue is empty if nothing is added; `None` when that is unknown or never.
    #[serde(rename = "seconds_to_empty", serialize_with = "rounded_or_null")]
    pub work_seconds: Option<f64>,
    /// Whether a worker takes the messages; `None` when neither workers nor broker tell.
    pub is_consumed: Option<bool>,
}

pub(super) fn broker(now: &Snapshot, snapshots: &[Snapshot]) -> Reading<BrokerView> {
    let broker = now.broker.as_ref().map_err(Clone::clone)?;
    let rung = |queue: &Queue| Some((queue.rung_seconds()?, queue.messages()));
    Ok(BrokerView {
        queues: [CREDITS_QUEUE, DEAD_QUEUE, UNROUTED]
            .map(|name| queue_row(name, broker, snapshots))
            .into(),
        waiting: broker.queues.iter().filter_map(rung).collect(),
        overdue: overdue(broker, snapshots),
        alarms: broker.alarms.clone(),
    })
}

/// The fewest of all snapshots, because most that have expired are back a moment later.
fn overdue(broker: &Broker, snapshots: &[Snapshot]) -> BTreeMap<u32, u64> {
    let of_rung = |queue: &Queue| {
        let brokers = snapshots.iter().flat_map(|snapshot| &snapshot.broker);
        let expired = brokers.filter_map(|broker| broker.queue(&queue.name)?.expired);
        Some((queue.rung_seconds()?, expired.min()?))
    };
    broker.queues.iter().filter_map(of_rung).collect()
}

fn queue_row(name: &'static str, broker: &Broker, snapshots: &[Snapshot]) -> QueueRow {
    let queue = broker.queue(name);
    let consumers = broker.consumers.as_ref().ok();
    let consumers = consumers.map(|by_queue| by_queue.get(name).copied().unwrap_or(0));
    QueueRow {
        name,
        exists: queue.is_some(),
        ready: queue.and_then(|queue| queue.ready),
        unacked: queue.and_then(|queue| queue.unacked),
        consumers,
        change: change(name, snapshots),
        problem: match (name, queue.map(Queue::messages), consumers) {
            (_, None, _) => Some(Level::Alarm.problem(
                About::Queues,
                format!("there is no queue {name}: run `paynowctl setup`"),
            )),
            (UNROUTED, Some(Some(messages @ 1..)), _) => Some(Level::Alarm.problem(
                About::Queues,
                format!(
                    "{} found no route: see {name}",
                    counted(messages, "event", "events")
                ),
            )),
            (DEAD_QUEUE, Some(Some(messages @ 1..)), _) => Some(Level::Warning.problem(
                About::Queues,
                format!(
                    "{} to be archived",
                    counted(messages, "dead letter waits", "dead letters wait")
                ),
            )),
            (CREDITS_QUEUE, _, Some(0)) if is_unconsumed(snapshots) => {
                Some(Level::Alarm.problem(About::Queues, format!("no worker consumes {name}")))
            }
            (_, Some(_), _) => None,
        },
    }
}

/// The broker's list of consumers is delayed. A worker that reports that it consumes is right, unless
/// the broker has listed no consumer for longer than the delay.
fn is_unconsumed(snapshots: &[Snapshot]) -> bool {
    let (Some(first), Some(last)) = (snapshots.first(), snapshots.last()) else {
        return false;
    };
    let consuming = Selector::of(CONSUMING);
    let is_reported = last
        .scrapes()
        .any(|scrape| scrape.sum(&consuming) > Some(0.0));
    let lists_none = |snapshot: &Snapshot| {
        let broker = snapshot.broker.as_ref().ok();
        let consumers = broker.and_then(|broker| broker.consumers.as_ref().ok());
        consumers.is_some_and(|by_queue| !by_queue.contains_key(CREDITS_QUEUE))
    };
    let covers_delay = last.at - first.at > STATISTICS_DELAY_SECONDS;
    !is_reported || (covers_delay && snapshots.iter().all(lists_none))
}

/// From the first snapshot with a known depth to the last.
fn change(name: &str, snapshots: &[Snapshot]) -> Option<f64> {
    let depth = |snapshot: &Snapshot| {
        let queue = snapshot.broker.as_ref().ok()?.queue(name)?;
        Some((snapshot.at, queue.messages()? as f64))
    };
    let (ended, last) = depth(snapshots.last()?)?;
    let (began, first) = snapshots.iter().find_map(depth)?;
    (ended > began).then(|| (last - first) / (ended - began))
}

/// Every rung that has a queue, or that a worker reports.
pub(super) fn rungs(broker: &Reading<BrokerView>, window: &Increases) -> Vec<Rung> {
    let retries = Selector::of(RETRIES);
    let has_worker = window.increase(WORKER, &retries).is_some();
    let by_rung = window.by_label(&retries, "rung_seconds").into_iter();
    let put: BTreeMap<u32, f64> = by_rung
        .filter_map(|(rung, events)| Some((rung.parse().ok()?, events)))
        .collect();
    let no_queues = BTreeMap::new();
    let waiting = broker.as_ref().map_or(&no_queues, |view| &view.waiting);
    let none_overdue = BTreeMap::new();
    let overdue = broker.as_ref().map_or(&none_overdue, |view| &view.overdue);
    let rungs: BTreeSet<u32> = waiting.keys().chain(put.keys()).copied().collect();
    let rung = |seconds| Rung {
        seconds,
        waiting: waiting.get(&seconds).copied().flatten(),
        overdue: overdue.get(&seconds).copied(),
        put: has_worker.then(|| put.get(&seconds).copied().unwrap_or(0.0)),
    };
    rungs.into_iter().map(rung).collect()
}

pub(super) fn backlog(broker: &Reading<BrokerView>, now: &Snapshot, window: &Increases) -> Backlog {
    let credits = broker.as_ref().ok().and_then(|view| view.queues.first());
    let messages = credits.and_then(|queue| queue.ready?.checked_add(queue.unacked?));
    let drain = window.rate(WORKER, &Selector::of(EVENTS));
    let consuming = Selector::of(CONSUMING);
    let of_workers = now.scrapes().filter_map(|scrape| scrape.sum(&consuming));
    // The workers know it first: the broker's list of consumers is delayed.
    let is_consumed = of_workers
        .reduce(|some, more| some + more)
        .map(|consuming| consuming > 0.0)
        .or_else(|| Some(credits?.consumers? > 0));
    Backlog {
        is_consumed,
        messages,
        drain,
        work_seconds: match (messages, drain) {
            (Some(0), _) => Some(0.0),
            // What they did in the last minute says nothing about the next.
            _ if is_consumed == Some(false) => None,
            (Some(messages), Some(drain)) if drain > 0.0 => Some(messages as f64 / drain),
            (Some(_) | None, _) => None,
        },
    }
}

impl Backlog {
    /// There are messages, and nobody takes them or the workers that answer finish none.
    fn is_stuck(&self) -> bool {
        let is_idle = self.drain == Some(0.0) || self.is_consumed == Some(false);
        self.messages > Some(0) && is_idle
    }

    pub fn level(&self) -> Level {
        let is_deep = self.messages.map(|messages| messages as f64) > Some(QUEUE_DEPTH);
        if self.is_stuck() || is_deep {
            Level::Alarm
        } else if self.work_seconds > Some(EMPTYING_SECONDS_WARNING) {
            Level::Warning
        } else {
            Level::Fine
        }
    }

    fn problem(&self) -> Option<Problem> {
        let level = self.level();
        if level == Level::Fine {
            return None;
        }
        let what = match (self.work_seconds, self.messages) {
            _ if self.is_stuck() => "does not drain".to_owned(),
            (Some(seconds), _) => format!("takes {} to empty", duration_text(seconds)),
            (None, messages) => {
                format!(
                    "has {}",
                    counted(messages.unwrap_or(0), "message", "messages")
                )
            }
        };
        let what = format!("{CREDITS_QUEUE} {what}");
        Some(level.problem(About::Queues, what))
    }
}

fn overdue_problem(broker: &BrokerView) -> Option<Problem> {
    let events: u64 = broker.overdue.values().sum();
    let are = counted(events, "deferred event is", "deferred events are");
    let what = format!("{are} overdue: the broker cannot move them to {CREDITS_QUEUE}");
    (events > 0).then(|| Level::Alarm.problem(About::Queues, what))
}

/// What is wrong with the broker itself.
pub(super) fn causes(view: &View) -> Vec<Problem> {
    let broker = match &view.broker {
        Ok(broker) => broker,
        Err(unknown) => {
            return vec![Level::from(unknown).problem(About::Broker, format!("broker: {unknown}"))];
        }
    };
    let mut problems: Vec<Problem> = match &broker.alarms {
        Ok(alarms) => alarms
            .iter()
            .map(|alarm| Level::Alarm.problem(About::Broker, alarm))
            .collect(),
        Err(reason) => vec![Level::Warning.problem(
            About::Broker,
            format!("broker alarms are unknown: {reason}"),
        )],
    };
    let missing = broker.queues.iter().filter(|queue| !queue.exists);
    problems.extend(missing.filter_map(|queue| queue.problem.clone()));
    problems
}

pub(super) fn problems(view: &View) -> Vec<Problem> {
    let Ok(broker) = &view.broker else {
        return Vec::new();
    };
    let existing = broker.queues.iter().filter(|queue| queue.exists);
    let mut problems: Vec<Problem> = existing.filter_map(|queue| queue.problem.clone()).collect();
    problems.extend(overdue_problem(broker));
    problems.extend(view.backlog.problem());
    problems
}
