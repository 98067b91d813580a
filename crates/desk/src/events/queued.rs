//! What is known of an event that is neither recorded nor a dead letter. A queue cannot be searched: taking a
//! message for a look counts as a failed delivery, and moves it to another place. But what was accepted is in
//! a queue until it is recorded, so of an event that is not recorded while all queues are empty, it is known that
//! it was not accepted. A broker that has just started shows samples of 0, so the queues themselves are asked too.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable};
use paynow_process::broker::count::count;
use paynow_process::clock;
use paynow_shared::ids::EventId;
use paynow_shared::topology::{CREDITS_QUEUE, DEAD_QUEUE, UNROUTED, queues, retry_queue};

use super::{Story, story};
use crate::check::Broker;
use crate::database::{Database, times};
use crate::error::DeskError;
use crate::management::{FIGURES_AGE, ManagementError, depth};
use crate::row::row;
use crate::text::counted;
use crate::waiting;

const NAME: &str = "paynowctl-events";

/// The depths of our queues, `None` where one reports none.
#[derive(Debug, Clone, Copy)]
struct Depths {
    credits: Option<u64>,
    rungs: Option<u64>,
    dead: Option<u64>,
    unrouted: Option<u64>,
}

row! {
    /// What the database says beside it.
    struct Beside {
        /// When PayNow made the event, which its id tells.
        made_at: Option<String>,
        /// When the newest recorded event was received.
        newest_at: Option<String>,
    }
}

/// The story after all, if the event was recorded while the queues were looked at. Otherwise an error that says
/// what is known.
pub fn story_beside_queues(
    database: &Database,
    event: &str,
    broker: &Broker,
) -> Result<Story, DeskError> {
    let depths = Depths::of(broker)?;
    // After the queues: what left them meanwhile is recorded now.
    match story(database, event) {
        Err(DeskError::NotFound(what)) => {
            let made_at_ms = event.parse::<EventId>().ok().map(EventId::created_at_ms);
            let (beside, recorded) = beside(database, made_at_ms)?;
            Err(DeskError::NotFound(match depths.total() {
                Some(0) => never_accepted(event, &beside, made_at_ms),
                _some => maybe_queued(&what, depths, &beside, recorded),
            }))
        }
        other => other,
    }
}

impl Depths {
    /// The samples, or what is ready now, where that is more.
    fn of(broker: &Broker) -> Result<Self, ManagementError> {
        let samples = broker.api.queues_with_depths()?;
        let names = queues(&broker.ladder);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        // Without an answer there are the samples.
        let ready = count(&broker.address, NAME, &names).unwrap_or_default();
        let depth = |name: &str| {
            let place = names.iter().position(|it| *it == name);
            let now = place.and_then(|place| ready.get(place));
            let sample = depth(&samples, name)?;
            Some(now.map_or(sample, |now| now.ready.max(sample)))
        };
        let rungs = broker.ladder.delays_seconds().map(retry_queue);
        Ok(Self {
            credits: depth(CREDITS_QUEUE),
            rungs: rungs.map(|rung| depth(&rung)).sum(),
            dead: depth(DEAD_QUEUE),
            unrouted: depth(UNROUTED),
        })
    }

    fn total(self) -> Option<u64> {
        let depths = [self.credits, self.rungs, self.dead, self.unrouted];
        depths.into_iter().sum()
    }
}

/// With the number of events that are recorded on the ladder.
fn beside(database: &Database, made_at_ms: Option<i64>) -> Result<(Beside, i64), DeskError> {
    let query = format!(
        "SELECT {} FROM (SELECT to_timestamp($1 / 1000.0) AS made_at, \
             (SELECT received_at FROM webhook_events ORDER BY event_id DESC LIMIT 1) AS newest_at) AS moment",
        times(&["made_at", "newest_at"])
    );
    let found = database.read(|connection| {
        let beside: Beside = sql_query(query)
            .bind::<Nullable<BigInt>, _>(made_at_ms)
            .get_result(connection)?;
        Ok((beside, waiting::recorded(connection)?))
    })?;
    Ok(found)
}

fn never_accepted(event: &str, beside: &Beside, made_at_ms: Option<i64>) -> String {
    let age = FIGURES_AGE.as_secs();
    let oldest = i64::try_from(FIGURES_AGE.as_millis()).unwrap_or(i64::MAX);
    let is_new = made_at_ms.is_some_and(|made| clock::now_ms().saturating_sub(made) < oldest);
    if is_new {
        return format!(
            "event {event} is not recorded, and PayNow made it less than {age} s ago: the broker's figures \
             may be older; ask again in {age} s"
        );
    }
    format!(
        "event {event} was never accepted: nothing of it is recorded, and all queues were empty when the \
         broker last counted, up to {age} s ago{}. PayNow's dashboard shows whether it was sent, and what we \
         answered",
        made_text(beside)
    )
}

fn maybe_queued(what: &str, depths: Depths, beside: &Beside, recorded: i64) -> String {
    let text = |depth: Option<u64>| match depth {
        Some(depth) => counted(depth, "event", "events"),
        None => "an unknown number of events".to_owned(),
    };
    let newest = beside
        .newest_at
        .as_ref()
        .map(|at| format!("; the newest recorded event was received at {at}"));
    format!(
        "{what}; it may be in a queue, and the broker does not tell which events are: up to {} s ago it had {} \
         in {CREDITS_QUEUE}, {} on the retry ladder (the workers recorded {}{recorded}, and it is none of these), \
         {} in {DEAD_QUEUE} and {} in {UNROUTED} (`unrouted list`){}{}",
        FIGURES_AGE.as_secs(),
        text(depths.credits),
        text(depths.rungs),
        if recorded < waiting::RECORDED_MAX {
            ""
        } else {
            "at least "
        },
        text(depths.dead),
        text(depths.unrouted),
        made_text(beside),
        newest.unwrap_or_default(),
    )
}

fn made_text(beside: &Beside) -> String {
    let made_at = beside.made_at.as_ref();
    made_at
        .map(|at| format!("; PayNow made it at {at}"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_empty_queues_tell_that_an_event_was_never_accepted() {
        let depths = |credits, rungs| Depths {
            credits,
            rungs,
            dead: Some(0),
            unrouted: Some(0),
        };
        assert_eq!(depths(Some(0), Some(0)).total(), Some(0));
        assert_eq!(depths(Some(2), Some(1)).total(), Some(3));
        assert_eq!(depths(Some(0), None).total(), None);
    }

    #[test]
    fn an_event_that_is_younger_than_the_figures_is_not_called_lost() {
        let beside = Beside {
            made_at: None,
            newest_at: None,
        };
        let said = |made_at_ms| never_accepted("5", &beside, made_at_ms);
        assert!(said(Some(clock::now_ms())).contains("ask again"));
        for old in [None, Some(0)] {
            assert!(said(old).contains("was never accepted"), "{}", said(old));
        }
    }
}
