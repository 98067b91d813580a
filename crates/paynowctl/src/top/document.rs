//! A view as a JSON document.

use serde_json::{Map, Value, json};

use super::quantile::{Quantile, Quantiles};
use super::render::time_text;
use super::view::{
    BrokerView, Latency, Level, LogRecords, Process, ProcessRow, QueueRow, Rate, Rung, View,
};

pub(super) fn document(view: &View) -> Value {
    let broker = view.broker.as_ref().ok();
    let books = view.books.as_ref().ok();
    let problems = view.problems.iter().map(|problem| {
        let level = match problem.level {
            Level::Fine => "fine",
            Level::Warning => "warning",
            Level::Alarm => "alarm",
        };
        json!({"level": level, "what": problem.what})
    });
    json!({
        "at": time_text(view.taken_at_ms, "%Y-%m-%dT%H:%M:%S%.3fZ"),
        "interval_seconds": rounded(view.interval_seconds),
        "window_seconds": rounded(view.window_seconds),
        "problems": problems.collect::<Value>(),
        "unknown": unknown(view),
        "rates": named(view.rates.iter().map(rate)),
        "refusals": view.refusals,
        "latencies": named(view.latencies.iter().map(latency)),
        "queues": broker.map(queues),
        "broker_alarms": broker.and_then(|view| view.alarms.as_ref().ok()),
        "retries": view.rungs.iter().map(rung).collect::<Value>(),
        "backlog": {
            "messages": view.backlog.messages,
            "drained_per_second": view.backlog.drain.map(rounded),
            "seconds_to_empty": view.backlog.work_seconds.map(rounded),
        },
        "pauses": view.pauses.as_ref().map(|pauses| {
            named(pauses.iter().map(|(cause, times)| (cause.as_str(), json!(times))))
        }),
        "open_dead_letters": books.map(|books| {
            let of = books.letters.iter().map(|of| json!({
                "reason": of.reason,
                "letters": of.letters,
                "oldest_age_seconds": of.oldest_age_seconds,
            }));
            json!({"letters": books.open_letters(), "by_reason": of.collect::<Value>()})
        }),
        "debts": books.map(|books| {
            json!({"wallets": books.debt_wallets, "points": books.debt_points})
        }),
        "processes": view.processes.iter().map(process_row).collect::<Value>(),
        "log_records": view.log_records.iter().map(log_records).collect::<Value>(),
    })
}

fn named<'a>(members: impl Iterator<Item = (&'a str, Value)>) -> Value {
    let members = members.map(|(name, value)| (name.replace(' ', "_"), value));
    Value::Object(members.collect::<Map<String, Value>>())
}

/// Why a part is null.
fn unknown(view: &View) -> Value {
    let reason = |silent: &dyn ToString| json!(silent.to_string());
    let mut parts = Vec::new();
    match &view.broker {
        Err(silent) => parts.push(("broker", reason(silent))),
        Ok(BrokerView {
            alarms: Err(why), ..
        }) => parts.push(("broker_alarms", reason(why))),
        Ok(_) => {}
    }
    if let Err(silent) = &view.books {
        parts.push(("database", reason(silent)));
    }
    named(parts.into_iter())
}

fn rate(rate: &Rate) -> (&str, Value) {
    let figures = json!({
        "per_second": rate.now.map(rounded),
        "per_second_window": rate.window.map(rounded),
        "total": rate.total,
    });
    (rate.name, figures)
}

fn latency(latency: &Latency) -> (&str, Value) {
    let figures = json!({
        "interval": latency.now.map(quantiles),
        "window": latency.window.map(quantiles),
    });
    (latency.name, figures)
}

fn quantiles(seen: Quantiles) -> Value {
    json!({"p50": quantile(seen.p50), "p95": quantile(seen.p95), "p99": quantile(seen.p99)})
}

fn quantile(quantile: Quantile) -> Value {
    let is_beyond = match quantile {
        Quantile::At(_) => false,
        Quantile::Beyond(_) => true,
    };
    json!({"seconds": rounded(quantile.at_least()), "is_beyond": is_beyond})
}

fn queues(broker: &BrokerView) -> Value {
    broker.queues.iter().map(queue).collect()
}

fn queue(row: &QueueRow) -> Value {
    json!({
        "name": row.name,
        "exists": row.is_there,
        "ready": row.ready,
        "unacked": row.unacked,
        "consumers": row.consumers.as_ref().ok(),
        "change_per_second": row.change.map(rounded),
    })
}

fn rung(rung: &Rung) -> Value {
    json!({"rung_seconds": rung.seconds, "waiting": rung.waiting, "put": rung.put})
}

fn process_row(row: &ProcessRow) -> Value {
    let process = row.told.as_ref().ok();
    let of = |figure: fn(&Process) -> Value| process.map(figure);
    json!({
        "address": row.address,
        "program": row.program,
        "answers": row.told.is_ok(),
        "reason": row.told.as_ref().err(),
        "state": of(|process| json!(process.state().word())),
        "version": of(|process| json!(process.version)),
        "up_seconds": of(|process| json!(process.up_seconds.map(rounded))),
        "cpu_share": of(|process| json!(process.cpu_share.map(rounded))),
        "memory_bytes": of(|process| json!(process.memory_bytes)),
        "lanes": of(|process| json!(process.lanes)),
        "lanes_connected": of(|process| json!(process.lanes_connected)),
        "lanes_blocked": of(|process| json!(process.lanes_blocked)),
    })
}

fn log_records(of: &LogRecords) -> Value {
    json!({"level": of.level, "event": of.event, "records": of.recent, "total": of.total})
}

/// Microseconds are more than the clocks of two looks are good for.
fn rounded(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}
