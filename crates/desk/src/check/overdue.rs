//! Deferred events that are due and not back in the workers' queue.

use std::cmp::min;
use std::thread::park_timeout;
use std::time::{Duration, Instant};

use paynow_shared::ladder::RetryLadder;
use paynow_shared::topology::{CREDITS_QUEUE, retry_queue};
use serde_json::Value;

use super::{Row, Status};
use crate::management::{ManagementApi, ManagementError, expired, named};
use crate::text::counted;

/// Longer than the broker takes to send an event again whose copy was not confirmed, if it is set up as we
/// set it up. With its own setting it takes three minutes.
const OVERDUE_AFTER: Duration = Duration::from_secs(30);
/// A quorum queue reports its figures every five seconds.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// Looks once if nothing has expired. Otherwise it looks until that is over or the time has passed: the
/// fewest seen on a rung are those that have been there all the time, or others that took their place.
pub(super) fn row(
    api: &ManagementApi,
    ladder: &RetryLadder,
    existing: &[Value],
) -> Result<Row, ManagementError> {
    let began = Instant::now();
    let mut fewest = expired_by_rung(existing, ladder);
    while total(&fewest) > Some(0) && began.elapsed() < OVERDUE_AFTER {
        park_timeout(LOOK_INTERVAL);
        let now = expired_by_rung(&api.queues_with_depths()?, ladder);
        fewest = fewest
            .into_iter()
            .zip(now)
            .map(|(a, b)| fewer(a, b))
            .collect();
    }
    Ok(row_of(total(&fewest)))
}

/// In the order of the ladder; `None` for a queue that is missing or reports no figures.
fn expired_by_rung(queues: &[Value], ladder: &RetryLadder) -> Vec<Option<u64>> {
    let rungs = ladder.delays_seconds().map(retry_queue);
    rungs.map(|rung| expired(named(queues, &rung)?)).collect()
}

fn fewer(before: Option<u64>, now: Option<u64>) -> Option<u64> {
    before.zip(now).map(|(before, now)| min(before, now))
}

fn total(by_rung: &[Option<u64>]) -> Option<u64> {
    by_rung.iter().copied().sum()
}

fn row_of(overdue: Option<u64>) -> Row {
    let (status, message) = match overdue {
        None => (
            Status::Unknown,
            "a retry queue is missing or reports no figures".to_owned(),
        ),
        Some(0) => (Status::Ok, "no deferred event is overdue".to_owned()),
        Some(events) => {
            let are = counted(events, "deferred event is", "deferred events are");
            let seconds = OVERDUE_AFTER.as_secs();
            let message = format!(
                "{are} overdue by more than {seconds} s: the broker cannot move them back to {CREDITS_QUEUE}"
            );
            (Status::Failed, message)
        }
    };
    Row::new("overdue", status, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_has_expired_all_the_time_is_overdue() {
        let ladder: RetryLadder = "1,2".parse().unwrap();
        let queues = |first: u64, second: u64| {
            let queue = |delay, expired| {
                json!({"name": retry_queue(delay), "messages": expired + 4, "messages_ready": 4,
                       "messages_unacknowledged": 0})
            };
            vec![queue(1, first), queue(2, second)]
        };
        let first = expired_by_rung(&queues(3, 0), &ladder);
        let second = expired_by_rung(&queues(1, 5), &ladder);
        assert_eq!(total(&first), Some(3));
        let fewest: Vec<_> = first
            .into_iter()
            .zip(second)
            .map(|(a, b)| fewer(a, b))
            .collect();
        assert_eq!(total(&fewest), Some(1));
        assert_eq!(row_of(total(&fewest)).status, Status::Failed);
        let missing = expired_by_rung(&queues(0, 0)[..1], &ladder);
        assert_eq!(row_of(total(&missing)).status, Status::Unknown);
    }
}
