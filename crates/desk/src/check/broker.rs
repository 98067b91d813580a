//! The invariants of the broker. Depths may be five seconds old: a quorum queue reports its own at
//! that interval. Only who takes the events that wait is asked of the queue itself.

use paynow_shared::topology::{CREDITS_QUEUE, DEAD_QUEUE, EVENTS_EXCHANGE, UNROUTED, queues};
use serde_json::Value;

use super::consumed::Workers;
use super::figures::depth;
use super::{Broker, Row, Status, consumed, overdue};
use crate::drift::{Gap, Kind, survey, wanted};
use crate::management::{ManagementError, name_of, named, text_of};
use crate::text::counted;

pub(super) fn rows(broker: &Broker) -> Result<Vec<Row>, ManagementError> {
    let (api, ladder) = (&broker.api, &broker.ladder);
    let wanted = wanted(api, ladder);
    let gaps = survey(api, &wanted)?;
    let existing = api.queues_with_depths()?;
    let workers = Workers::ask(broker)?;
    let exchanges = api.list(&["exchanges", api.vhost()])?;
    let mut waiting = queues(ladder);
    waiting.retain(|name| ![DEAD_QUEUE, UNROUTED].contains(&name.as_str()));
    Ok(vec![
        queues_row(&wanted, &gaps, &existing),
        routing_row(&wanted, &gaps, &exchanges),
        waiting_row(depth(&existing, &waiting)),
        consumed::row(broker, &waiting, &existing, &workers)?,
        overdue::row(api, ladder, &existing)?,
        dead_queue_row(depth(&existing, [DEAD_QUEUE])),
        unrouted_row(depth(&existing, [UNROUTED])),
        consumers_row(&workers),
        consumed::age_row(&workers, &existing),
    ])
}

/// Messages in all our queues; `None` when one of them reports no depth.
pub(super) fn waiting(broker: &Broker) -> Result<Option<u64>, ManagementError> {
    Ok(depth(
        &broker.api.queues_with_depths()?,
        queues(&broker.ladder),
    ))
}

fn list<'a>(wanted: &'a Value, kind: &str) -> impl Iterator<Item = &'a Value> {
    let members = wanted.get(kind).and_then(Value::as_array);
    members.into_iter().flatten()
}

/// What `paynowctl setup` would make or change in these lists.
fn gaps_of(gaps: &[(Kind, Gap)], kinds: [&str; 2]) -> Vec<String> {
    gaps.iter()
        .filter(|(kind, _gap)| kinds.contains(&kind.name))
        .flat_map(|(_kind, gap)| {
            let missing = gap.missing.iter().map(|label| format!("no {label}"));
            missing.chain(gap.differing.iter().cloned())
        })
        .collect()
}

fn queues_row(wanted: &Value, gaps: &[(Kind, Gap)], existing: &[Value]) -> Row {
    let mut problems = gaps_of(gaps, ["queues", "policies"]);
    problems.extend(overruled("queues", existing, wanted));
    problems_row("queues", &problems, || {
        format!(
            "{} queues: each is a quorum queue with our policy in effect",
            list(wanted, "queues").count()
        )
    })
}

fn routing_row(wanted: &Value, gaps: &[(Kind, Gap)], exchanges: &[Value]) -> Row {
    let mut problems = gaps_of(gaps, ["exchanges", "bindings"]);
    problems.extend(overruled("exchanges", exchanges, wanted));
    problems_row("routing", &problems, || {
        format!("{EVENTS_EXCHANGE} reaches {CREDITS_QUEUE}, and {UNROUTED} takes the rest")
    })
}

fn problems_row(id: &'static str, problems: &[String], ok: impl Fn() -> String) -> Row {
    match problems {
        [] => Row::new(id, Status::Ok, ok()),
        problems => Row::new(id, Status::Failed, problems.join("; ")),
    }
}

/// Our queues or exchanges that another policy than ours applies to: of several, the broker applies the
/// one of the highest priority.
fn overruled(kind: &str, existing: &[Value], wanted: &Value) -> Vec<String> {
    let with_policy: Vec<&str> = list(wanted, "policies")
        .filter(|policy| text_of(policy, "apply-to") == Some(kind))
        .map(name_of)
        .collect();
    list(wanted, kind)
        .filter_map(|member| named(existing, name_of(member)))
        .map(|member| (name_of(member), text_of(member, "policy").unwrap_or("none")))
        .filter(|(name, in_effect)| with_policy.contains(name) && name != in_effect)
        .map(|(name, in_effect)| format!("{name} is under policy {in_effect} instead of ours"))
        .collect()
}

fn waiting_row(events: Option<u64>) -> Row {
    let none = "no event waits";
    count_row("waiting", Status::Notice, events, none, |events| {
        let wait = counted(events, "event waits", "events wait");
        format!("{wait} for the worker, retries included")
    })
}

fn dead_queue_row(letters: Option<u64>) -> Row {
    let none = "every dead letter is archived";
    count_row("dead_queue", Status::Notice, letters, none, |letters| {
        let are = counted(letters, "dead letter is", "dead letters are");
        format!("{are} not archived yet")
    })
}

fn unrouted_row(events: Option<u64>) -> Row {
    let none = "every event found its queue";
    count_row("unrouted", Status::Failed, events, none, |events| {
        let found = counted(events, "event", "events");
        format!("{found} found no queue: {UNROUTED} keeps them")
    })
}

/// A row that is fine at `none`; a count of `None` is unknown.
fn count_row(
    id: &'static str,
    status: Status,
    count: Option<u64>,
    none: &str,
    some: impl Fn(u64) -> String,
) -> Row {
    match count {
        None => Row::new(
            id,
            Status::Unknown,
            "a queue is missing or reports no depth",
        ),
        Some(0) => Row::new(id, Status::Ok, none),
        Some(count) => Row::new(id, status, some(count)),
    }
}

fn consumers_row(workers: &Workers) -> Row {
    let (status, message) = match workers.consumers() {
        None => (
            Status::Unknown,
            format!(
                "the broker collects no metrics, and {CREDITS_QUEUE} could not be asked itself"
            ),
        ),
        Some(0) => (
            Status::Notice,
            format!(
                "{CREDITS_QUEUE} has no consumer; a worker that has just started may be missing"
            ),
        ),
        Some(consumers) => (
            Status::Ok,
            format!("{CREDITS_QUEUE} is consumed, consumers: {consumers}"),
        ),
    };
    Row::new("consumers", status, message)
}

#[cfg(test)]
mod tests {
    use paynow_shared::ladder::RetryLadder;
    use paynow_shared::topology::definitions;
    use serde_json::json;

    use super::*;

    fn broker_as_wanted(wanted: &Value) -> Vec<Value> {
        list(wanted, "queues")
            .map(|queue| {
                let name = name_of(queue);
                json!({"name": name, "type": "quorum", "policy": name, "messages": 2})
            })
            .collect()
    }

    #[test]
    fn a_queue_must_be_there_and_under_our_policy() {
        let wanted = definitions("/", &RetryLadder::default());
        let mut existing = broker_as_wanted(&wanted);
        assert_eq!(queues_row(&wanted, &[], &existing).status, Status::Ok);
        existing[0]["policy"] = json!("other");
        let row = queues_row(&wanted, &[], &existing);
        assert_eq!(row.status, Status::Failed);
        assert!(row.message.contains("under policy other"), "{row:?}");
    }

    #[test]
    fn depths_add_up_or_are_unknown() {
        let existing = broker_as_wanted(&definitions("/", &RetryLadder::default()));
        assert_eq!(depth(&existing, [CREDITS_QUEUE, DEAD_QUEUE]), Some(4));
        assert_eq!(depth(&existing, [CREDITS_QUEUE, "other"]), None);
        assert_eq!(waiting_row(None).status, Status::Unknown);
        assert_eq!(dead_queue_row(Some(1)).status, Status::Notice);
        assert_eq!(unrouted_row(Some(1)).status, Status::Failed);
    }

    #[test]
    fn no_consumer_is_a_notice_and_an_unknown_number_is_unknown() {
        let status = |listed| consumers_row(&Workers::listed(listed)).status;
        assert_eq!(status(Some(1)), Status::Ok);
        assert_eq!(status(Some(0)), Status::Notice);
        assert_eq!(status(None), Status::Unknown);
    }
}
