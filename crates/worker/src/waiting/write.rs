//! The statements that write notes.

use std::collections::BTreeMap;

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text};
use paynow_shared::ids::{OrderId, PaymentId, RefundId};
use paynow_shared::wire::{Failure, decode};

use crate::database::DatabaseError;
use crate::ledger::payments::payment_of;
use crate::ledger::plan::{order_id_of, refund_of};

/// An event was put on the ladder, or waits there no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) message_id: String,
    /// `None` when it waits no more.
    pub(super) deferral: Option<Deferral>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Deferral {
    pub(super) event_type: Option<String>,
    pub(super) failure: Failure,
    pub(super) attempt: i32,
    pub(super) rung_seconds: i32,
    pub(super) named: Named,
}

/// The ids in an event that people look for it by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Named {
    order_id: Option<i64>,
    refund_id: Option<i64>,
    payment_id: Option<i64>,
}

impl Named {
    /// Nothing of a body that cannot be read.
    pub(super) fn in_body(body: &[u8]) -> Self {
        let Ok(event) = decode(body) else {
            return Self::default();
        };
        let payment = payment_of(&event, body).map(|(payment, _order)| payment);
        Self {
            order_id: order_id_of(&event).map(OrderId::get),
            refund_id: refund_of(&event).map(RefundId::get),
            payment_id: payment.map(PaymentId::get),
        }
    }
}

/// A row of `waiting_steps`, by its key.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Step<'a> {
    pub(super) event_id: &'a str,
    pub(super) attempt: i32,
    pub(super) rung_seconds: i32,
    pub(super) reason: &'static str,
}

#[derive(Debug)]
pub(super) struct Told<'a> {
    /// The last one.
    pub(super) error: &'a str,
    pub(super) times: i32,
}

/// The last note of each event, by id, so that workers that write the same rows wait for each other instead
/// of deadlocking.
pub(super) fn newest(notes: &[Note]) -> BTreeMap<&str, Option<&Deferral>> {
    notes
        .iter()
        .map(|note| (note.message_id.as_str(), note.deferral.as_ref()))
        .collect()
}

/// Every deferral, in the order of their rows.
pub(super) fn steps(notes: &[Note]) -> BTreeMap<Step<'_>, Told<'_>> {
    let mut steps: BTreeMap<Step<'_>, Told<'_>> = BTreeMap::new();
    for note in notes {
        let Some(deferral) = &note.deferral else {
            continue;
        };
        let step = Step {
            event_id: &note.message_id,
            attempt: deferral.attempt,
            rung_seconds: deferral.rung_seconds,
            reason: deferral.failure.reason.code(),
        };
        let told = steps.entry(step).or_insert(Told {
            error: "",
            times: 0,
        });
        told.error = &deferral.failure.error;
        told.times = told.times.saturating_add(1);
    }
    steps
}

pub(super) fn write(connection: &mut PgConnection, notes: &[Note]) -> Result<(), DatabaseError> {
    let steps = steps(notes);
    if !steps.is_empty() {
        insert_steps(connection, &steps)?;
    }
    let notes = newest(notes);
    let over: Vec<&str> = notes
        .iter()
        .filter(|(_id, deferral)| deferral.is_none())
        .map(|(id, _none)| *id)
        .collect();
    if !over.is_empty() {
        diesel::sql_query("DELETE FROM waiting_events WHERE event_id = ANY($1)")
            .bind::<Array<Text>, _>(over)
            .execute(connection)?;
    }
    let deferred: Vec<(&str, &Deferral)> = notes
        .iter()
        .filter_map(|(id, deferral)| Some((*id, (*deferral)?)))
        .collect();
    if !deferred.is_empty() {
        insert(connection, &deferred)?;
    }
    Ok(())
}

fn insert_steps(
    connection: &mut PgConnection,
    steps: &BTreeMap<Step<'_>, Told<'_>>,
) -> Result<(), DatabaseError> {
    let keys = || steps.keys();
    let told = || steps.values();
    diesel::sql_query(
        "INSERT INTO waiting_steps (event_id, attempt, rung_seconds, reason, error, times) \
         SELECT event_id, attempt, rung_seconds, reason, error, times \
         FROM unnest($1, $2, $3, $4, $5, $6) AS step (event_id, attempt, rung_seconds, reason, error, times) \
         ORDER BY event_id, attempt, rung_seconds, reason \
         ON CONFLICT ON CONSTRAINT waiting_steps_pkey DO UPDATE \
         SET error = excluded.error, times = waiting_steps.times + excluded.times, last_at = now()",
    )
    .bind::<Array<Text>, _>(keys().map(|it| it.event_id).collect::<Vec<_>>())
    .bind::<Array<Integer>, _>(keys().map(|it| it.attempt).collect::<Vec<_>>())
    .bind::<Array<Integer>, _>(keys().map(|it| it.rung_seconds).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(keys().map(|it| it.reason).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(told().map(|it| it.error).collect::<Vec<_>>())
    .bind::<Array<Integer>, _>(told().map(|it| it.times).collect::<Vec<_>>())
    .execute(connection)?;
    Ok(())
}

fn insert(
    connection: &mut PgConnection,
    deferred: &[(&str, &Deferral)],
) -> Result<(), DatabaseError> {
    let deferrals = || deferred.iter().map(|(_id, deferral)| *deferral);
    let named = |id: fn(&Named) -> Option<i64>| -> Vec<Option<i64>> {
        deferrals().map(|it| id(&it.named)).collect()
    };
    diesel::sql_query(
        "INSERT INTO waiting_events (event_id, event_type, reason, error, attempt, rung_seconds, next_at, \
             order_id, refund_id, payment_id) \
         SELECT event_id, event_type, reason, error, attempt, rung_seconds, \
             now() + rung_seconds * interval '1 second', order_id, refund_id, payment_id \
         FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) AS deferred (event_id, event_type, reason, error, \
             attempt, rung_seconds, order_id, refund_id, payment_id) \
         ORDER BY event_id \
         ON CONFLICT ON CONSTRAINT waiting_events_pkey DO UPDATE \
         SET event_type = excluded.event_type, reason = excluded.reason, error = excluded.error, \
             attempt = excluded.attempt, rung_seconds = excluded.rung_seconds, deferred_at = now(), \
             next_at = excluded.next_at, order_id = excluded.order_id, refund_id = excluded.refund_id, \
             payment_id = excluded.payment_id",
    )
    .bind::<Array<Text>, _>(deferred.iter().map(|(id, _it)| *id).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(
        deferrals().map(|it| it.event_type.as_deref()).collect::<Vec<_>>(),
    )
    .bind::<Array<Text>, _>(deferrals().map(|it| it.failure.reason.code()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(deferrals().map(|it| it.failure.error.as_str()).collect::<Vec<_>>())
    .bind::<Array<Integer>, _>(deferrals().map(|it| it.attempt).collect::<Vec<_>>())
    .bind::<Array<Integer>, _>(deferrals().map(|it| it.rung_seconds).collect::<Vec<_>>())
    .bind::<Array<Nullable<BigInt>>, _>(named(|it| it.order_id))
    .bind::<Array<Nullable<BigInt>>, _>(named(|it| it.refund_id))
    .bind::<Array<Nullable<BigInt>>, _>(named(|it| it.payment_id))
    .execute(connection)?;
    Ok(())
}
