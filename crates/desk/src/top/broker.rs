//! Reads from the broker's management API: queue depths, consumers and alarms.

use std::collections::BTreeMap;

use crate::error::in_one_line;
use crate::management::{ManagementApi, ManagementError, expired};
use serde_json::Value;

use super::snapshot::{Answer, Broker, Queue};

pub(super) fn ask(api: &ManagementApi) -> Answer<Broker> {
    let queues = api
        .queues_with_depths()
        .map_err(|error| in_one_line(&error))?;
    Ok(Broker {
        queues: queues.iter().filter_map(queue).collect(),
        consumers: list(api, &["consumers", api.vhost()]).map(|list| consumers(&list)),
        alarms: list(api, &["nodes"]).map(|list| list.iter().flat_map(alarms).collect()),
    })
}

fn list(api: &ManagementApi, path: &[&str]) -> Answer<Vec<Value>> {
    match api.list(path) {
        Ok(list) => Ok(list),
        Err(ManagementError::Refused { status: 400, .. }) => {
            Err("the broker collects no metrics".to_owned())
        }
        Err(ManagementError::Denied { user, .. }) => {
            Err(format!("{user} lacks the tag monitoring"))
        }
        Err(error) => Err(in_one_line(&error)),
    }
}

fn queue(row: &Value) -> Option<Queue> {
    let number = |field| row.get(field).and_then(Value::as_u64);
    Some(Queue {
        name: row.get("name")?.as_str()?.to_owned(),
        ready: number("messages_ready"),
        unacked: number("messages_unacknowledged"),
        expired: expired(row),
    })
}

fn consumers(list: &[Value]) -> BTreeMap<String, u64> {
    let mut consumers = BTreeMap::new();
    let names = list
        .iter()
        .filter_map(|consumer| consumer.get("queue")?.get("name")?.as_str());
    for name in names {
        let count: &mut u64 = consumers.entry(name.to_owned()).or_default();
        *count = count.saturating_add(1);
    }
    consumers
}

/// Everything that is wrong with a node.
fn alarms(node: &Value) -> Vec<String> {
    let name = node.get("name").and_then(Value::as_str).unwrap_or("a node");
    let is = |field| node.get(field).and_then(Value::as_bool);
    let partitions = node.get("partitions").and_then(Value::as_array);
    let mut alarms = Vec::new();
    if is("running") == Some(false) {
        alarms.push(format!("{name} is down"));
    }
    if is("mem_alarm") == Some(true) {
        alarms.push(format!("memory alarm of {name}"));
    }
    if is("disk_free_alarm") == Some(true) {
        alarms.push(format!("disk alarm of {name}"));
    }
    if partitions.is_some_and(|others| !others.is_empty()) {
        alarms.push(format!("{name} is cut off from other nodes"));
    }
    alarms
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_queue_without_statistics_has_no_depth() {
        let row = json!({"name": "q", "messages_ready": 2, "messages_unacknowledged": 3});
        assert_eq!(queue(&row).unwrap().messages(), Some(5));
        assert_eq!(queue(&json!({"name": "q"})).unwrap().messages(), None);
        assert_eq!(queue(&json!({})), None);
    }

    #[test]
    fn consumers_are_counted_by_queue() {
        let of = |name: &str| json!({"queue": {"name": name, "vhost": "/"}});
        let counted = consumers(&[of("a"), of("b"), of("a"), json!({})]);
        assert_eq!(
            counted,
            BTreeMap::from([("a".to_owned(), 2), ("b".to_owned(), 1)])
        );
    }

    #[test]
    fn an_alarm_names_its_node() {
        let node = |field: &str, value: Value| {
            let mut node = json!({"name": "rabbit@a", "running": true, "mem_alarm": false});
            node[field] = value;
            alarms(&node)
        };
        assert_eq!(node("partitions", json!([])), [""; 0]);
        assert_eq!(node("running", json!(false)), ["rabbit@a is down"]);
        assert_eq!(node("mem_alarm", json!(true)), ["memory alarm of rabbit@a"]);
        assert_eq!(
            node("disk_free_alarm", json!(true)),
            ["disk alarm of rabbit@a"]
        );
        assert_eq!(
            node("partitions", json!(["rabbit@b"])),
            ["rabbit@a is cut off from other nodes"]
        );
    }
}
