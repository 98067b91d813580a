//! What the operator is told of a comparison.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::compare::Comparison;
use super::page::Delivery;
use super::waiting::Waiting;
use crate::failure::Failure;
use crate::output::{self, Column, or_dash};

/// More say nothing more to a person.
const SHOWN_MAX: usize = 20;

pub(super) fn document(comparison: &Comparison, waiting: Option<Waiting>) -> Value {
    json!({
        "deliveries": comparison.deliveries,
        "earlier": comparison.earlier,
        "settled": comparison.settled,
        "at_desk": comparison.at_desk,
        "pending": comparison.pending.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "missing": comparison.missing.values().map(row).collect::<Vec<_>>(),
        "nameless": comparison.nameless.iter().map(row).collect::<Vec<_>>(),
        "waiting": waiting.map(|waiting| json!({
            "credits": waiting.credits,
            "ladder": waiting.ladder,
            "dead": waiting.dead,
            "unrouted": waiting.unrouted,
        })),
    })
}

fn row(delivery: &Delivery) -> Value {
    json!({
        "event_id": delivery.event_id.map(|event_id| event_id.to_string()),
        "event_type": delivery.event_type,
        "delivery_id": delivery.delivery_id,
        "webhook_id": delivery.webhook_id,
        "state": delivery.state,
    })
}

pub(super) fn print(comparison: &Comparison, waiting: Option<Waiting>) -> Result<(), Failure> {
    let mut facts = vec![
        ("deliveries", comparison.deliveries.to_string()),
        ("too early", comparison.earlier.to_string()),
        ("settled", comparison.settled.to_string()),
    ];
    for (state, events) in &comparison.at_desk {
        let of_replay = match state.as_str() {
            "replayed" => {
                ": if nothing waits and no replay runs, ops/backup.md says how they are opened again"
            }
            _other => "",
        };
        facts.push(("at the desk", format!("{events} {state}{of_replay}")));
    }
    facts.push((
        "still coming",
        format!("{}: PayNow goes on trying them", comparison.pending.len()),
    ));
    facts.push(("in the broker", or_dash(waiting.map(in_words))));
    facts.push(("missing", in_words_by_type(comparison)));
    output::facts(&facts)?;
    table("missing", &comparison.missing.values().collect::<Vec<_>>())?;
    if comparison.nameless.is_empty() {
        return Ok(());
    }
    table(
        "without an event id in the payload",
        &comparison.nameless.iter().collect::<Vec<_>>(),
    )?;
    output::line("these cannot be compared or sent: let PayNow resend them if they may be missing")
}

fn in_words(waiting: Waiting) -> String {
    let Waiting {
        credits,
        ladder,
        dead,
        unrouted,
    } = waiting;
    format!(
        "{credits} for the worker, {ladder} on the retry ladder, {dead} to be archived, {unrouted} \
         unrouted"
    )
}

fn in_words_by_type(comparison: &Comparison) -> String {
    let mut by_type = BTreeMap::<&str, usize>::new();
    for delivery in comparison.missing.values() {
        *by_type.entry(&delivery.event_type).or_default() += 1;
    }
    let parts: Vec<String> = by_type
        .iter()
        .map(|(event_type, events)| format!("{events} {event_type}"))
        .collect();
    match parts.as_slice() {
        [] => "0".to_owned(),
        parts => format!("{}: {}", comparison.missing.len(), parts.join(", ")),
    }
}

fn table(title: &str, deliveries: &[&Delivery]) -> Result<(), Failure> {
    if deliveries.is_empty() {
        return Ok(());
    }
    output::line(&format!("\n{title}:"))?;
    output::table(
        &[
            Column::Text("event"),
            Column::Text("type"),
            Column::Text("delivery"),
            Column::Text("subscription"),
            Column::Text("at PayNow"),
        ],
        deliveries.iter().take(SHOWN_MAX).map(|delivery| {
            vec![
                or_dash(delivery.event_id),
                delivery.event_type.clone(),
                delivery.delivery_id.clone(),
                delivery.webhook_id.clone(),
                delivery.state.clone(),
            ]
        }),
    )?;
    match deliveries.len().saturating_sub(SHOWN_MAX) {
        0 => Ok(()),
        more => output::line(&format!("and {more} more")),
    }
}
