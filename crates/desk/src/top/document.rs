//! The view as a JSON document.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::figures::{time_text, to_microseconds};
use super::view::{ProcessRow, View};

pub fn document(view: &View) -> Value {
    let broker = view.broker.as_ref().ok();
    let database = view.database.as_ref().ok();
    json!({
        "at": time_text(view.taken_at_ms, "%Y-%m-%dT%H:%M:%S%.3fZ"),
        "interval_seconds": to_microseconds(view.interval_seconds),
        "window_seconds": to_microseconds(view.window_seconds),
        "problems": view.problems,
        "unknown": unknown(view),
        "rates": by_name(&view.rates, |rate| rate.name),
        "refusals": view.refusals,
        "latencies": by_name(&view.latencies, |latency| latency.name),
        "queues": broker.map(|broker| &broker.queues),
        "broker_alarms": view.broker_alarms(),
        "retries": view.rungs,
        "backlog": view.backlog,
        "pauses": view.pauses,
        "open_dead_letters": database.map(|database| {
            json!({"letters": database.open_letters(), "by_reason": database.dead_letters})
        }),
        "debts": database.map(|database| &database.debts),
        "processes": view.processes.iter().map(process).collect::<Value>(),
        "log_records": view.log_records,
    })
}

fn by_name<T: Serialize>(rows: &[T], name: fn(&T) -> &'static str) -> Value {
    let members = rows
        .iter()
        .map(|row| (name(row).replace(' ', "_"), json!(row)));
    Value::Object(members.collect::<Map<String, Value>>())
}

/// The reasons why parts of the document are null.
fn unknown(view: &View) -> Value {
    let broker = view.broker.as_ref();
    let alarms = broker.ok().and_then(|broker| broker.alarms.clone().err());
    let reasons = [
        ("broker", broker.err().map(ToString::to_string)),
        ("broker_alarms", alarms),
        (
            "database",
            view.database.as_ref().err().map(ToString::to_string),
        ),
    ];
    let known = reasons
        .into_iter()
        .filter_map(|(part, reason)| Some((part, reason?)));
    known.collect::<Value>()
}

/// A process that does not answer has the same members, and they are null.
fn process(row: &ProcessRow) -> Value {
    let process = json!(row.answer.as_ref().ok());
    json!({
        "address": row.address,
        "program": row.program,
        "answers": row.answer.is_ok(),
        "reason": row.answer.as_ref().err(),
        "state": process["state"],
        "version": process["version"],
        "up_seconds": process["up_seconds"],
        "cpu_share": process["cpu_share"],
        "memory_bytes": process["memory_bytes"],
        "lanes": process["lanes"],
        "lanes_connected": process["lanes_connected"],
        "lanes_blocked": process["lanes_blocked"],
    })
}
