//! What a comparison prints.

use std::collections::BTreeMap;

use paynow_desk::history::{Comparison, Delivery, Waiting};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::{self, Column, Row, or_dash, text};

#[derive(Clone, Copy, Serialize)]
pub(super) struct Document<'a> {
    #[serde(flatten)]
    pub(super) comparison: &'a Comparison,
    pub(super) waiting: Option<Waiting>,
}

impl Row for Delivery {
    const COLUMNS: &'static [Column<Self>] = &[
        text("event", |it| or_dash(it.event_id)),
        text("type", |it| it.event_type.clone()),
        text("delivery", |it| it.delivery_id.clone()),
        text("subscription", |it| it.webhook_id.clone()),
        text("at PayNow", |it| it.state.clone()),
    ];
}

pub(super) fn print(document: Document<'_>) -> Result<(), Failure> {
    let Document {
        comparison,
        waiting,
    } = document;
    let mut facts = vec![
        ("deliveries", comparison.deliveries.to_string()),
        ("too early", comparison.earlier.to_string()),
        ("settled", comparison.settled.to_string()),
    ];
    for (state, events) in &comparison.at_desk {
        let advice = match state.as_str() {
            "replayed" => {
                ": if nothing waits and no replay runs, ops/backup.md says how they are opened again"
            }
            _other => "",
        };
        facts.push(("dead letters", format!("{events} {state}{advice}")));
    }
    facts.push((
        "still coming",
        format!("{}: PayNow still tries them", comparison.pending.len()),
    ));
    facts.push(("in the broker", or_dash(waiting.map(waiting_text))));
    facts.push(("missing", missing_text(comparison)));
    output::facts(&facts)?;
    print_deliveries("missing", comparison.missing.values())?;
    print_deliveries(
        "without an event id in the payload",
        comparison.nameless.iter(),
    )?;
    if comparison.nameless.is_empty() {
        return Ok(());
    }
    output::line("these cannot be compared or sent: let PayNow resend them if they may be missing")
}

fn waiting_text(waiting: Waiting) -> String {
    format!(
        "{} for the worker, {} on the retry ladder, {} to be archived, {} unrouted",
        waiting.credits, waiting.ladder, waiting.dead, waiting.unrouted
    )
}

fn missing_text(comparison: &Comparison) -> String {
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

fn print_deliveries<'a>(
    title: &str,
    deliveries: impl ExactSizeIterator<Item = &'a Delivery>,
) -> Result<(), Failure> {
    if deliveries.len() == 0 {
        return Ok(());
    }
    output::empty_line()?;
    output::line(&format!("{title}:"))?;
    output::first_rows(deliveries)
}
