//! What waits in the broker, and how long it will.

use std::collections::BTreeMap;

use paynow_shared::topology::{CREDITS_QUEUE, DEAD_QUEUE, UNROUTED};

use super::{Level, Problem, View};
use crate::top::alert_limits::QUEUE_DEPTH_LIMIT;
use crate::top::figures::duration_text;
use crate::top::increase::Span;
use crate::top::metric::{CONSUMING, EVENTS, Metric, RETRIES, WORKER};
use crate::top::sample::{Asked, Broker, Queue, Sample, Silent, Told};

/// Work for so long delays every credit by as much.
const WORK_SECONDS_WARNING: f64 = 60.0;
/// Statistics of the broker are five seconds old, and worked out every five.
const LIST_BEHIND_SECONDS: f64 = 15.0;

#[derive(Debug)]
pub(in crate::top) struct BrokerView {
    /// `paynow.credits`, its dead letters, and what found no queue.
    pub(in crate::top) queues: Vec<QueueRow>,
    /// Waiting messages of each rung; `None` while the queue does not tell.
    waiting: BTreeMap<u32, Option<u64>>,
    pub(in crate::top) alarms: Told<Vec<String>>,
}

#[derive(Debug)]
pub(in crate::top) struct QueueRow {
    pub(in crate::top) name: &'static str,
    pub(in crate::top) is_there: bool,
    pub(in crate::top) ready: Option<u64>,
    pub(in crate::top) unacked: Option<u64>,
    pub(in crate::top) consumers: Told<u64>,
    /// Messages per second over the last minute, up or down.
    pub(in crate::top) change: Option<f64>,
    pub(in crate::top) level: Level,
}

/// One delay of the retry ladder.
#[derive(Debug, PartialEq)]
pub(in crate::top) struct Rung {
    pub(in crate::top) seconds: u32,
    /// Messages in its queue; `None` when broker or queue do not tell.
    pub(in crate::top) waiting: Option<u64>,
    /// Events put on it in the last minute; `None` when no worker was seen twice.
    pub(in crate::top) put: Option<f64>,
}

/// How much work `paynow.credits` is.
#[derive(Debug, Default, PartialEq)]
pub(in crate::top) struct Backlog {
    pub(in crate::top) messages: Option<u64>,
    /// Events per second that the workers finish, whatever becomes of them.
    pub(in crate::top) drain: Option<f64>,
    /// Until it is empty if nothing is added; `None` when unknown or never.
    pub(in crate::top) work_seconds: Option<f64>,
}

pub(super) fn broker(samples: &[Sample]) -> Asked<BrokerView> {
    let Some(now) = samples.last() else {
        return Err(Silent::NoAnswer("nobody looked".to_owned()));
    };
    let broker = now.broker.as_ref().map_err(Clone::clone)?;
    let rung = |queue: &Queue| Some((queue.rung_seconds()?, queue.messages()));
    Ok(BrokerView {
        queues: [CREDITS_QUEUE, DEAD_QUEUE, UNROUTED]
            .map(|name| queue_row(name, broker, samples))
            .into(),
        waiting: broker.queues.iter().filter_map(rung).collect(),
        alarms: broker.alarms.clone(),
    })
}

fn queue_row(name: &'static str, broker: &Broker, samples: &[Sample]) -> QueueRow {
    let queue = broker.queue(name);
    let consumers = broker.consumers.as_ref().map_err(Clone::clone);
    let consumers = consumers.map(|by_queue| by_queue.get(name).copied().unwrap_or(0));
    let messages = queue.and_then(Queue::messages);
    QueueRow {
        name,
        is_there: queue.is_some(),
        ready: queue.and_then(|queue| queue.ready),
        unacked: queue.and_then(|queue| queue.unacked),
        change: change(name, samples),
        level: match (name, messages, &consumers) {
            (_, _, _) if queue.is_none() => Level::Alarm,
            (UNROUTED, Some(1..), _) => Level::Alarm,
            (DEAD_QUEUE, Some(1..), _) => Level::Warning,
            (CREDITS_QUEUE, _, Ok(0)) if is_unconsumed(samples) => Level::Alarm,
            (_, _, _) => Level::Fine,
        },
        consumers,
    }
}

/// The broker's list is behind by seconds: a worker that says it consumes is believed, unless the
/// broker knows of nobody all the time.
fn is_unconsumed(samples: &[Sample]) -> bool {
    let consuming = Metric::of(CONSUMING);
    let now = samples.last().map(|sample| &sample.processes);
    let mut workers = now.into_iter().flat_map(BTreeMap::values).flatten();
    let is_claimed = workers.any(|scrape| scrape.sum(&consuming) > Some(0.0));
    let is_told = |sample: &Sample| {
        let consumers = sample.broker.as_ref().ok()?.consumers.as_ref().ok()?;
        Some(consumers.get(CREDITS_QUEUE).is_none())
    };
    let covered = match (samples.first(), samples.last()) {
        (Some(first), Some(last)) => last.at - first.at,
        (_, _) => 0.0,
    };
    let always = samples.iter().all(|sample| is_told(sample) == Some(true));
    !is_claimed || (always && covered > LIST_BEHIND_SECONDS)
}

/// From the first look that told its depth to the last.
fn change(name: &str, samples: &[Sample]) -> Option<f64> {
    let depth = |sample: &Sample| {
        let queue = sample.broker.as_ref().ok()?.queue(name)?;
        Some((sample.at, queue.messages()? as f64))
    };
    let (ended, last) = depth(samples.last()?)?;
    let (began, first) = samples.iter().find_map(depth)?;
    (ended > began).then(|| (last - first) / (ended - began))
}

/// Every rung that has a queue, or that a worker put something on.
pub(super) fn rungs(broker: &Asked<BrokerView>, window: &Span) -> Vec<Rung> {
    let metric = Metric::of(RETRIES);
    let worker_tells = window.increase(WORKER, &metric).is_some();
    let mut put: BTreeMap<u32, f64> = BTreeMap::new();
    for (rung, events) in window.by_label(&metric, "rung_seconds") {
        // A rung that is no number is none of ours.
        if let Ok(seconds) = rung.parse() {
            put.insert(seconds, events);
        }
    }
    let none_waiting = BTreeMap::new();
    let waiting = broker.as_ref().map_or(&none_waiting, |view| &view.waiting);
    let mut seconds: Vec<u32> = waiting.keys().chain(put.keys()).copied().collect();
    seconds.sort_unstable();
    seconds.dedup();
    let rung = |seconds| Rung {
        seconds,
        waiting: waiting.get(&seconds).copied().flatten(),
        put: worker_tells.then(|| put.get(&seconds).copied().unwrap_or(0.0)),
    };
    seconds.into_iter().map(rung).collect()
}

pub(super) fn backlog(broker: &Asked<BrokerView>, window: &Span) -> Backlog {
    let credits = broker.as_ref().ok().and_then(|view| view.queues.first());
    let messages = credits.and_then(|queue| queue.ready?.checked_add(queue.unacked?));
    let drain = window.rate(WORKER, &Metric::of(EVENTS));
    Backlog {
        messages,
        drain,
        work_seconds: match (messages, drain) {
            (Some(0), _) => Some(0.0),
            (Some(messages), Some(drain)) if drain > 0.0 => Some(messages as f64 / drain),
            (Some(_) | None, _) => None,
        },
    }
}

impl Backlog {
    /// There is work, workers answer, and none of it gets done.
    pub(in crate::top) fn is_stuck(&self) -> bool {
        self.messages > Some(0) && self.drain == Some(0.0)
    }

    pub(in crate::top) fn level(&self) -> Level {
        let seconds = self.work_seconds.unwrap_or(0.0);
        let is_deep = self
            .messages
            .is_some_and(|messages| messages as f64 > QUEUE_DEPTH_LIMIT);
        if self.is_stuck() || is_deep {
            Level::Alarm
        } else if seconds > WORK_SECONDS_WARNING {
            Level::Warning
        } else {
            Level::Fine
        }
    }
}

pub(super) fn problems(view: &View) -> Vec<Problem> {
    let broker = match &view.broker {
        Ok(broker) => broker,
        Err(Silent::NotAsked(why)) => return vec![Problem::warning(format!("broker: {why}"))],
        Err(Silent::NoAnswer(why)) => return vec![Problem::alarm(format!("broker: {why}"))],
    };
    let mut problems: Vec<Problem> = match &broker.alarms {
        Ok(alarms) => alarms
            .iter()
            .map(|alarm| Problem::alarm(alarm.as_str()))
            .collect(),
        Err(reason) => vec![Problem::warning(format!("alarms are unknown: {reason}"))],
    };
    problems.extend(broker.queues.iter().filter_map(queue_problem));
    problems.extend(backlog_problem(&view.backlog));
    problems
}

fn backlog_problem(backlog: &Backlog) -> Option<Problem> {
    let level = backlog.level();
    let what = match (level, backlog.work_seconds) {
        (Level::Fine, _) => return None,
        (Level::Warning | Level::Alarm, _) if backlog.is_stuck() => "does not drain".to_owned(),
        (Level::Warning | Level::Alarm, Some(seconds)) => {
            format!("is {} of work", duration_text(seconds))
        }
        (Level::Warning | Level::Alarm, None) => "has many messages".to_owned(),
    };
    let what = format!("{CREDITS_QUEUE} {what}");
    Some(Problem { level, what })
}

fn queue_problem(queue: &QueueRow) -> Option<Problem> {
    let messages = queue
        .ready
        .unwrap_or(0)
        .saturating_add(queue.unacked.unwrap_or(0));
    let name = queue.name;
    match queue.level {
        Level::Fine => None,
        _any if !queue.is_there => Some(Problem::alarm(format!(
            "there is no queue {name}: run `paynowctl setup`"
        ))),
        Level::Warning => Some(Problem::warning(format!(
            "{messages} dead letters wait to be archived"
        ))),
        Level::Alarm if name == UNROUTED => Some(Problem::alarm(format!(
            "{messages} events found no queue and wait in {name}"
        ))),
        Level::Alarm => Some(Problem::alarm(format!("nobody consumes {name}"))),
    }
}
