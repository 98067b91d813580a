//! Which missing events may be sent to a receiver now, and the record of sending them.

use diesel::pg::PgConnection;
use paynow_shared::digest::BodyDigest;
use paynow_shared::ids::EventId;
use serde_json::{Value, json};

use super::compare::Comparison;
use super::page::Delivery;
use super::waiting::Waiting;
use crate::actions::{Note, record};
use crate::database::Database;
use crate::error::DeskError;
use crate::expect::{PreviewHash, lines, others, refuse_other};

/// The only event types that wait on the retry ladder, for an order that has not arrived.
const DEFERRABLE: [&str; 3] = ["ON_REFUND", "ON_CHARGEBACK", "ON_CHARGEBACK_CLOSED"];

/// The missing events that may be sent now, and where to; frozen by a hash.
pub struct Sendable<'a> {
    /// Oldest first.
    pub deliveries: Vec<&'a Delivery>,
    /// While the ladder is not empty, an event that may be on it is held back, unless all are sent
    /// `despite_waiting`.
    pub held_back: Vec<EventId>,
    pub expect: PreviewHash,
    /// What each part of the hash is now, as sentences.
    told: [String; 4],
}

impl<'a> Sendable<'a> {
    /// `to` is the receiver's address.
    pub fn of(
        comparison: &'a Comparison,
        waiting: Waiting,
        despite_waiting: bool,
        to: &str,
    ) -> Self {
        let may_wait = |delivery: &Delivery| DEFERRABLE.contains(&delivery.event_type.as_str());
        let may_go =
            |delivery: &Delivery| waiting.ladder == 0 || despite_waiting || !may_wait(delivery);
        let (go, stay): (Vec<_>, Vec<_>) = comparison
            .missing
            .iter()
            .partition(|(_event, delivery)| may_go(delivery));
        let ids: Vec<EventId> = go.iter().map(|(event, _delivery)| **event).collect();
        let held_back: Vec<EventId> = stay.iter().map(|(event, _delivery)| **event).collect();
        let deliveries: Vec<&Delivery> = go.into_iter().map(|(_event, it)| it).collect();
        let bodies = deliveries.iter().map(|it| BodyDigest::of(&it.body));
        let expect =
            PreviewHash::of([lines(&ids), lines(bodies), lines(&held_back), to.to_owned()]);
        let told = [
            others("events are missing and may be sent", &ids),
            "an event has other bytes in the downloaded history".to_owned(),
            others("events are held back", &held_back),
            format!("the receiver is another, now {to}"),
        ];
        Self {
            deliveries,
            held_back,
            expect,
            told,
        }
    }

    /// Refuses what is not what the preview with this hash showed, and says what changed in between.
    pub fn refuse_unexpected(&self, expected: Option<&PreviewHash>) -> Result<(), DeskError> {
        refuse_other(&self.expect, expected, self.told.clone())
    }

    pub fn ids(&self) -> Vec<i64> {
        let ids = self.deliveries.iter().filter_map(|it| it.event_id);
        ids.map(EventId::get).collect()
    }
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
        sendable: &Sendable<'_>,
    ) -> Result<Self, DeskError> {
        let mut connection = database.open_as_operator()?;
        let selection = json!({
            "since": since,
            "despite_waiting": despite_waiting,
            "expect": sendable.expect,
        });
        let event_ids: Vec<String> = sendable.ids().iter().map(i64::to_string).collect();
        let outcome = json!({"begun": true, "event_ids": event_ids});
        let action_id = record(
            "record_history_send",
            &mut connection,
            &note,
            &selection,
            &outcome,
        )?;
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
        record(
            "record_history_send",
            &mut self.connection,
            &self.note,
            &selection,
            &document,
        )?;
        Ok(document)
    }
}
