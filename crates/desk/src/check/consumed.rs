//! Whether somebody takes the events that wait, and how old the figures are that tell it.

use std::thread::park_timeout;
use std::time::{Duration, Instant};

use paynow_process::broker::count::{Counted, count};
use paynow_shared::topology::CREDITS_QUEUE;
use serde_json::Value;

use super::figures::depth;
use super::{Broker, Row, Status};
use crate::error::in_one_line;
use crate::management::{FIGURES_AGE, ManagementError, SAMPLE_SECONDS, name_of, named};
use crate::text::counted;

const NAME: &str = "paynowctl-check";

/// Who consumes the workers' queue.
#[derive(Debug)]
pub(super) struct Workers {
    /// What the queue itself answered, or why it did not.
    asked: Result<Counted, String>,
    /// How many the management API lists, if the queue did not answer; `None` from a broker that collects no metrics.
    listed: Option<u64>,
}

/// What the broker shows at one time; `None` where it does not tell.
#[derive(Debug, Clone, Copy)]
struct Look {
    waiting: Option<u64>,
    consumers: Option<u64>,
}

impl Workers {
    pub(super) fn ask(broker: &Broker) -> Result<Self, ManagementError> {
        let asked = count(&broker.address, NAME, &[CREDITS_QUEUE]);
        let asked = asked.map_err(|error| in_one_line(&error));
        let asked = asked.and_then(|counted| {
            let one = counted.first().copied();
            one.ok_or_else(|| "it did not answer".to_owned())
        });
        let listed = match &asked {
            Ok(_counted) => None,
            Err(_why) => broker.api.consumers()?,
        };
        Ok(Self {
            asked,
            listed: listed.as_deref().map(of_our_queue),
        })
    }

    /// The queue knows best.
    pub(super) fn consumers(&self) -> Option<u64> {
        match &self.asked {
            Ok(counted) => Some(counted.consumers),
            Err(_why) => self.listed,
        }
    }

    #[cfg(test)]
    pub(super) fn listed(listed: Option<u64>) -> Self {
        Self {
            asked: Err("a test".to_owned()),
            listed,
        }
    }
}

/// Looks once unless events wait and nobody takes them. Then it looks until that is over, or until the
/// figures cannot be from before.
pub(super) fn row(
    broker: &Broker,
    waiting: &[String],
    existing: &[Value],
    workers: &Workers,
) -> Result<Row, ManagementError> {
    let began = Instant::now();
    let mut look = Look::of(waiting, existing, workers);
    while look.is_nobody_there() && began.elapsed() < FIGURES_AGE {
        park_timeout(Duration::from_secs(SAMPLE_SECONDS));
        let existing = broker.api.queues_with_depths()?;
        look = Look::of(waiting, &existing, &Workers::ask(broker)?);
    }
    Ok(row_of(look))
}

/// How old the figures of the other rows about the broker are at most, and what the queue itself says now.
pub(super) fn age_row(workers: &Workers, existing: &[Value]) -> Row {
    let sampled = named(existing, CREDITS_QUEUE)
        .and_then(|queue| queue.get("messages_ready"))
        .and_then(Value::as_u64);
    let age = FIGURES_AGE.as_secs();
    let (status, message) = match &workers.asked {
        Ok(Counted { ready, consumers }) => {
            let sample = match sampled {
                Some(sampled) if sampled == *ready => ", and its sample says the same".to_owned(),
                Some(older) => format!("; its sample is older: {older} ready"),
                None => "; it has no sample yet".to_owned(),
            };
            let message = format!(
                "depths are samples, which the broker takes every {SAMPLE_SECONDS} s: up to {age} s old; asked \
                 now, {CREDITS_QUEUE} has {ready} ready, consumers: {consumers}{sample}"
            );
            (Status::Ok, message)
        }
        Err(why) => {
            let message = format!(
                "depths and consumers are samples, which the broker takes every {SAMPLE_SECONDS} s: up to {age} s \
                 old; {CREDITS_QUEUE} itself could not be asked: {why}"
            );
            (Status::Notice, message)
        }
    };
    Row::new("broker_figures", status, message)
}

/// How many consumers of a list the workers' queue has.
fn of_our_queue(consumers: &[Value]) -> u64 {
    let queues = consumers
        .iter()
        .filter_map(|consumer| consumer.get("queue"));
    let ours = queues.filter(|queue| name_of(queue) == CREDITS_QUEUE);
    u64::try_from(ours.count()).unwrap_or(u64::MAX)
}

impl Look {
    fn of(waiting: &[String], existing: &[Value], workers: &Workers) -> Self {
        Self {
            waiting: depth(existing, waiting),
            consumers: workers.consumers(),
        }
    }

    fn is_nobody_there(self) -> bool {
        self.waiting > Some(0) && self.consumers == Some(0)
    }
}

fn row_of(look: Look) -> Row {
    let (status, message) = match (look.waiting, look.consumers) {
        (None, _) => (
            Status::Unknown,
            "a queue is missing or reports no depth".to_owned(),
        ),
        (Some(0), _) => (Status::Ok, "no event waits for a worker".to_owned()),
        (Some(events), None) => {
            let wait = counted(events, "event waits", "events wait");
            (
                Status::Unknown,
                format!("{wait}, and the broker does not tell whether a worker takes them"),
            )
        }
        (Some(events), Some(0)) => {
            let wait = counted(events, "event waits", "events wait");
            let message = format!(
                "{wait} and no worker takes them: {CREDITS_QUEUE} has had no consumer for {} s; start a \
                 worker, or look in `paynowctl top` why it pauses",
                FIGURES_AGE.as_secs()
            );
            (Status::Failed, message)
        }
        (Some(_events), Some(_workers)) => (Status::Ok, "workers take what waits".to_owned()),
    };
    Row::new("waiting_is_consumed", status, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn waiting_events_without_a_consumer_of_the_workers_queue_are_a_failure() {
        let queue = |name: &str| json!({"queue": {"name": name, "vhost": "/"}});
        let names = [CREDITS_QUEUE.to_owned()];
        let status = |events: u64, consumers: Option<&[Value]>| {
            let existing = [json!({"name": CREDITS_QUEUE, "messages": events})];
            let workers = Workers::listed(consumers.map(of_our_queue));
            row_of(Look::of(&names, &existing, &workers)).status
        };
        let (worker, other) = ([queue(CREDITS_QUEUE)], [queue("paynow.credits.dead")]);
        assert_eq!(status(0, Some(&[])), Status::Ok);
        assert_eq!(status(1, Some(&worker)), Status::Ok);
        assert_eq!(status(1, Some(&other)), Status::Failed);
        assert_eq!(status(1, None), Status::Unknown);
        let missing = row_of(Look::of(&names, &[], &Workers::listed(Some(1))));
        assert_eq!(missing.status, Status::Unknown);
    }

    #[test]
    fn what_the_queue_says_itself_goes_before_the_list_and_dates_the_sample() {
        let counted = Counted {
            ready: 3,
            consumers: 2,
        };
        let workers = Workers {
            asked: Ok(counted),
            listed: Some(0),
        };
        assert_eq!(workers.consumers(), Some(2));
        let said = |ready: u64| {
            let existing = [json!({"name": CREDITS_QUEUE, "messages_ready": ready})];
            age_row(&workers, &existing).message
        };
        assert!(said(3).contains("its sample says the same"), "{}", said(3));
        let older = said(1);
        assert!(older.contains("its sample is older: 1 ready"), "{older}");
        let unasked = age_row(&Workers::listed(Some(1)), &[]);
        assert_eq!(unasked.status, Status::Notice);
    }
}
