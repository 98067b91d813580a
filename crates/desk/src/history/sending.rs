//! Which missing events may be sent to a receiver now, and the record of sending them.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;
use serde_json::{Value, json};

use super::compare::Comparison;
use super::page::Delivery;
use super::waiting::Waiting;
use crate::actions::Note;
use crate::database::Database;
use crate::error::DeskError;
use crate::row::One;

/// The only event types that wait on the retry ladder, for an order that has not arrived.
const DEFERRABLE: [&str; 3] = ["ON_REFUND", "ON_CHARGEBACK", "ON_CHARGEBACK_CLOSED"];

/// The missing events that may be sent now, oldest first. While the ladder is not empty, an event
/// that may be on it is held back, unless it is sent `despite_waiting`.
pub fn sendable(
    comparison: &Comparison,
    waiting: Waiting,
    despite_waiting: bool,
) -> Vec<&Delivery> {
    let may_go = |delivery: &&Delivery| {
        waiting.ladder == 0
            || despite_waiting
            || !DEFERRABLE.contains(&delivery.event_type.as_str())
    };
    comparison.missing.values().filter(may_go).collect()
}

/// Sending that has begun, and is recorded.
pub struct Sending {
    connection: PgConnection,
    action_id: i64,
    note: Note,
}

/// What became of the sent events.
#[derive(Debug)]
pub struct SendingResult {
    pub events: usize,
    /// By the receiver.
    pub accepted: usize,
    pub settled: usize,
    pub dead: usize,
    /// Not sent, because they may be on the retry ladder.
    pub held_back: usize,
}

impl SendingResult {
    /// Accepted, and neither settled nor dead yet.
    pub fn on_the_way(&self) -> usize {
        self.accepted
            .saturating_sub(self.settled.saturating_add(self.dead))
    }
}

impl Sending {
    /// Records which events will be sent, before the first of them is. `since` is the time from which
    /// the history was compared, RFC 3339.
    pub fn begin(
        database: &Database,
        note: Note,
        since: &str,
        despite_waiting: bool,
        event_ids: &[i64],
    ) -> Result<Self, DeskError> {
        let mut connection = database.open_as_operator()?;
        let selection = json!({"since": since, "despite_waiting": despite_waiting});
        let event_ids: Vec<String> = event_ids.iter().map(i64::to_string).collect();
        let outcome = json!({"begun": true, "event_ids": event_ids});
        let action_id = record(&mut connection, &note, &selection, &outcome)?;
        Ok(Self {
            connection,
            action_id,
            note,
        })
    }

    /// Records what became of the events, and returns the document that was recorded.
    pub fn finish(mut self, outcome: &SendingResult) -> Result<Value, DeskError> {
        let history_send = self.action_id.to_string();
        let document = json!({
            "history_send": history_send,
            "events": outcome.events,
            "accepted": outcome.accepted,
            "settled": outcome.settled,
            "dead": outcome.dead,
            "on_the_way": outcome.on_the_way(),
            "held_back": outcome.held_back,
        });
        let selection = json!({"history_send": history_send});
        record(&mut self.connection, &self.note, &selection, &document)?;
        Ok(document)
    }
}

/// Returns the number of the action.
fn record(
    connection: &mut PgConnection,
    note: &Note,
    selection: &Value,
    outcome: &Value,
) -> QueryResult<i64> {
    let action: One<i64> =
        sql_query("SELECT record_history_send($1, $2, $3::jsonb, $4::jsonb) AS value")
            .bind::<Text, _>(&note.by)
            .bind::<Text, _>(&note.why)
            .bind::<Text, _>(selection.to_string())
            .bind::<Text, _>(outcome.to_string())
            .get_result(connection)?;
    Ok(action.value)
}
