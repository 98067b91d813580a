//! Events that wait in the broker: they are in no table yet, and they are not missing.

use paynow_shared::ladder::RetryLadder;
use paynow_shared::topology::{CREDITS_QUEUE, DEAD_QUEUE, UNROUTED, queues};
use serde::Serialize;
use serde_json::Value;

use crate::error::DeskError;
use crate::management::{ManagementApi, depth};

/// Messages in the broker by who takes them out. Depths are up to five seconds old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// The worker takes them.
    pub credits: u64,
    /// On the retry ladder: refunds and chargebacks whose order has not arrived.
    pub ladder: u64,
    /// The worker archives them as dead letters.
    pub dead: u64,
    /// They matched no binding of ours.
    pub unrouted: u64,
}

impl Waiting {
    /// Fails when a queue is missing or has reported no depth yet.
    pub fn read(api: &ManagementApi, ladder: &RetryLadder) -> Result<Self, DeskError> {
        count(&api.queues_with_depths()?, ladder).ok_or_else(|| {
            DeskError::Refused(
                "a queue is missing or reports no depth yet: run `paynowctl check`".to_owned(),
            )
        })
    }

    /// Events outside the ladder: these may be of any type.
    pub fn of_any_type(self) -> u64 {
        self.credits
            .saturating_add(self.dead)
            .saturating_add(self.unrouted)
    }
}

fn count(existing: &[Value], ladder: &RetryLadder) -> Option<Waiting> {
    let depth = |name: &str| depth(existing, name);
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
    fn every_queue_counts_once_and_each_must_report_its_depth() {
        let ladder = RetryLadder::default();
        let mut existing: Vec<Value> = queues(&ladder)
            .iter()
            .map(|name| json!({"name": name, "messages": 2}))
            .collect();
        let waiting = count(&existing, &ladder).unwrap();
        let rungs = u64::try_from(existing.len()).unwrap() - 3;
        assert_eq!((waiting.of_any_type(), waiting.ladder), (6, 2 * rungs));
        existing[0]["messages"] = Value::Null;
        assert_eq!(count(&existing, &ladder), None);
    }
}
