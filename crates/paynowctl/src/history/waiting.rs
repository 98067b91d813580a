//! What waits in the broker: in no table yet, and not missing.

use paynow_shared::ladder::RetryLadder;
use paynow_shared::topology::{CREDITS_QUEUE, DEAD_QUEUE, UNROUTED, queues};
use serde_json::Value;

use crate::config::Config;
use crate::failure::Failure;
use crate::management::ManagementApi;

/// Messages by how they leave the broker. A queue tells its depth every five seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waiting {
    /// For the worker.
    pub(super) credits: u64,
    /// On the retry ladder: refunds and chargebacks whose order has not come.
    pub(super) ladder: u64,
    /// To be archived at the desk.
    pub(super) dead: u64,
    /// Without a queue of ours.
    pub(super) unrouted: u64,
}

impl Waiting {
    /// Any event may be among these, and they are on their way.
    pub(super) fn of_any_type(self) -> u64 {
        self.credits
            .saturating_add(self.dead)
            .saturating_add(self.unrouted)
    }
}

pub(super) fn look(config: &Config) -> Result<Waiting, Failure> {
    let api = ManagementApi::new(config.management()?);
    let ladder = config.ladder()?;
    let there = api.queues_with_depths()?;
    counted(&there, &ladder).ok_or_else(|| {
        Failure::Refused(
            "a queue is missing, or does not tell its depth yet: run `paynowctl check`".to_owned(),
        )
    })
}

/// `None` when one of our queues does not say how many messages it has.
fn counted(there: &[Value], ladder: &RetryLadder) -> Option<Waiting> {
    let depth = |name: &str| {
        let is_it = |queue: &&Value| queue.get("name").and_then(Value::as_str) == Some(name);
        there.iter().find(is_it)?.get("messages")?.as_u64()
    };
    let fixed = [CREDITS_QUEUE, DEAD_QUEUE, UNROUTED];
    let rungs = queues(ladder);
    let rungs = rungs.iter().filter(|name| !fixed.contains(&name.as_str()));
    Some(Waiting {
        credits: depth(CREDITS_QUEUE)?,
        ladder: rungs.map(|rung| depth(rung)).sum::<Option<u64>>()?,
        dead: depth(DEAD_QUEUE)?,
        unrouted: depth(UNROUTED)?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_queue_counts_once_and_none_may_be_silent() {
        let ladder = RetryLadder::default();
        let mut there: Vec<Value> = queues(&ladder)
            .iter()
            .map(|name| json!({"name": name, "messages": 2}))
            .collect();
        let waiting = counted(&there, &ladder).unwrap();
        let rungs = u64::try_from(there.len()).unwrap() - 3;
        assert_eq!((waiting.of_any_type(), waiting.ladder), (6, 2 * rungs));
        there[0]["messages"] = Value::Null;
        assert_eq!(counted(&there, &ladder), None);
    }
}
