//! What must hold in the broker. Its depths may be five seconds old: a quorum queue reports its own
//! at that interval.

use paynow_shared::ladder::RetryLadder;
use paynow_shared::topology::{CREDITS_QUEUE, DEAD_QUEUE, EVENTS_EXCHANGE, UNROUTED, queues};
use serde_json::Value;

use super::{Row, Status};
use crate::drift::{Gap, Kind, survey, wanted};
use crate::management::{ManagementApi, ManagementError};

pub(super) fn rows(api: &ManagementApi, ladder: &RetryLadder) -> Result<Vec<Row>, ManagementError> {
    let wanted = wanted(api, ladder);
    let gaps = survey(api, &wanted)?;
    let expected = queues(ladder);
    let there = api.queues_with_depths()?;
    let consumers = consumers(api)?;
    let exchanges = api.list(&["exchanges", api.vhost()])?;
    let waiting: Vec<&str> = expected
        .iter()
        .map(String::as_str)
        .filter(|name| ![DEAD_QUEUE, UNROUTED].contains(name))
        .collect();
    Ok(vec![
        queues_row(&wanted, &gaps, &there),
        routing_row(&wanted, &gaps, &exchanges),
        waiting_row(depth(&there, &waiting)),
        dead_queue_row(depth(&there, &[DEAD_QUEUE])),
        unrouted_row(depth(&there, &[UNROUTED])),
        consumers_row(consumers.as_deref()),
    ])
}

/// Messages in all our queues; `None` when one of them does not say.
pub(super) fn waiting(
    api: &ManagementApi,
    ladder: &RetryLadder,
) -> Result<Option<u64>, ManagementError> {
    let expected = queues(ladder);
    let names: Vec<&str> = expected.iter().map(String::as_str).collect();
    Ok(depth(&api.queues_with_depths()?, &names))
}

/// `None` from a broker that collects no metrics: it answers 400, and all else is still told.
fn consumers(api: &ManagementApi) -> Result<Option<Vec<Value>>, ManagementError> {
    match api.list(&["consumers", api.vhost()]) {
        Ok(consumers) => Ok(Some(consumers)),
        Err(ManagementError::Refused { status: 400, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_named(member: &Value, name: &str) -> bool {
    name_of(member) == name
}

fn name_of(member: &Value) -> &str {
    text_of(member, "name").unwrap_or_default()
}

fn text_of<'a>(member: &'a Value, field: &str) -> Option<&'a str> {
    member.get(field).and_then(Value::as_str)
}

fn named<'a>(members: &'a [Value], name: &str) -> Option<&'a Value> {
    members.iter().find(|member| is_named(member, name))
}

fn list<'a>(wanted: &'a Value, kind: &str) -> impl Iterator<Item = &'a Value> {
    wanted
        .get(kind)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// How many messages these queues hold; `None` when one of them does not say.
fn depth(there: &[Value], names: &[&str]) -> Option<u64> {
    names
        .iter()
        .map(|name| named(there, name)?.get("messages")?.as_u64())
        .sum()
}

/// What `paynowctl setup` would make or change, of these lists.
fn gaps_of(gaps: &[(Kind, Gap)], kinds: [&str; 2]) -> Vec<String> {
    gaps.iter()
        .filter(|(kind, _gap)| kinds.contains(&kind.name))
        .flat_map(|(_kind, gap)| {
            let missing = gap.missing.iter().map(|label| format!("no {label}"));
            missing.chain(gap.differing.iter().cloned())
        })
        .collect()
}

fn queues_row(wanted: &Value, gaps: &[(Kind, Gap)], there: &[Value]) -> Row {
    let mut problems = gaps_of(gaps, ["queues", "policies"]);
    problems.extend(
        list(wanted, "queues")
            .filter_map(|queue| named(there, name_of(queue)))
            .filter_map(|queue| overruled("queues", queue, wanted)),
    );
    match problems.as_slice() {
        [] => Row::new(
            "queues",
            Status::Ok,
            format!(
                "{} queues: each is a quorum queue with our policy in effect",
                list(wanted, "queues").count()
            ),
        ),
        problems => Row::new("queues", Status::Failed, problems.join("; ")),
    }
}

fn routing_row(wanted: &Value, gaps: &[(Kind, Gap)], exchanges: &[Value]) -> Row {
    let mut problems = gaps_of(gaps, ["exchanges", "bindings"]);
    problems.extend(
        list(wanted, "exchanges")
            .filter_map(|exchange| named(exchanges, name_of(exchange)))
            .filter_map(|exchange| overruled("exchanges", exchange, wanted)),
    );
    match problems.as_slice() {
        [] => Row::new(
            "routing",
            Status::Ok,
            format!("{EVENTS_EXCHANGE} reaches {CREDITS_QUEUE}, and {UNROUTED} takes the rest"),
        ),
        problems => Row::new("routing", Status::Failed, problems.join("; ")),
    }
}

/// Tells when another policy is in effect than ours: one applies, of the highest priority.
fn overruled(kind: &str, member: &Value, wanted: &Value) -> Option<String> {
    let name = name_of(member);
    let has_policy = list(wanted, "policies")
        .any(|policy| is_named(policy, name) && text_of(policy, "apply-to") == Some(kind));
    let in_effect = text_of(member, "policy").unwrap_or("none");
    (has_policy && in_effect != name)
        .then(|| format!("{name} is under policy {in_effect} instead of ours"))
}

fn waiting_row(waiting: Option<u64>) -> Row {
    match waiting {
        None => no_figure("waiting"),
        Some(0) => Row::new("waiting", Status::Ok, "no event waits"),
        Some(events) => Row::new(
            "waiting",
            Status::Notice,
            format!("{events} events wait for the worker, those to be tried again included"),
        ),
    }
}

fn dead_queue_row(letters: Option<u64>) -> Row {
    match letters {
        None => no_figure("dead_queue"),
        Some(0) => Row::new("dead_queue", Status::Ok, "every dead letter is archived"),
        Some(letters) => Row::new(
            "dead_queue",
            Status::Notice,
            format!("{letters} dead letters are not archived yet"),
        ),
    }
}

fn unrouted_row(events: Option<u64>) -> Row {
    match events {
        None => no_figure("unrouted"),
        Some(0) => Row::new("unrouted", Status::Ok, "every event found its queue"),
        Some(events) => Row::new(
            "unrouted",
            Status::Failed,
            format!("{events} events found no queue: they are kept in {UNROUTED}"),
        ),
    }
}

fn consumers_row(consumers: Option<&[Value]>) -> Row {
    let Some(consumers) = consumers else {
        let message = "the broker collects no metrics and does not tell its consumers";
        return Row::new("consumers", Status::Notice, message);
    };
    let of_credits = consumers
        .iter()
        .filter_map(|consumer| consumer.get("queue"))
        .filter(|queue| is_named(queue, CREDITS_QUEUE))
        .count();
    match of_credits {
        0 => Row::new(
            "consumers",
            Status::Notice,
            format!(
                "the broker has no consumer of {CREDITS_QUEUE} on its books; a worker that just came may be missing"
            ),
        ),
        consumers => Row::new(
            "consumers",
            Status::Ok,
            format!("{CREDITS_QUEUE} is consumed, consumers: {consumers}"),
        ),
    }
}

fn no_figure(id: &'static str) -> Row {
    let message = "a queue is missing, or does not tell its depth";
    Row::new(id, Status::Unknown, message)
}

#[cfg(test)]
mod tests {
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
        let mut there = broker_as_wanted(&wanted);
        assert_eq!(queues_row(&wanted, &[], &there).status, Status::Ok);
        there[0]["policy"] = json!("other");
        let row = queues_row(&wanted, &[], &there);
        assert_eq!(row.status, Status::Failed);
        assert!(row.message.contains("under policy other"), "{row:?}");
    }

    #[test]
    fn depths_add_up_or_are_unknown() {
        let there = broker_as_wanted(&definitions("/", &RetryLadder::default()));
        assert_eq!(depth(&there, &[CREDITS_QUEUE, DEAD_QUEUE]), Some(4));
        assert_eq!(depth(&there, &[CREDITS_QUEUE, "other"]), None);
        assert_eq!(waiting_row(None).status, Status::Unknown);
        assert_eq!(dead_queue_row(Some(1)).status, Status::Notice);
        assert_eq!(unrouted_row(Some(1)).status, Status::Failed);
    }

    #[test]
    fn only_consumers_of_the_workers_queue_count() {
        let consumer = |queue: &str| json!({"queue": {"name": queue, "vhost": "/"}});
        let other = consumers_row(Some(&[consumer(DEAD_QUEUE)]));
        assert_eq!(other.status, Status::Notice);
        let ours = consumers_row(Some(&[consumer(CREDITS_QUEUE)]));
        assert_eq!(ours.status, Status::Ok);
    }
}
