//! The proofs of the events, verified once more with the signing secrets: that one of them signed the body,
//! and that the event moved what its body says. Only a payload that is still kept can be verified.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::BigInt;
use paynow_process::secrets::SigningSecrets;
use paynow_shared::digest::BodyDigest;
use paynow_shared::event::{Event, EventKind};
use paynow_shared::signature::Signature;
use paynow_shared::wire::decode;

use super::ledger::EXAMPLES_MAX;
use super::{Row, Status};
use crate::row::{One, row};

const ID: &str = "events_are_signed";
/// How many payloads are in memory at once.
const BATCH: i64 = 500;

row! {
    struct Kept {
        event_id: i64,
        order_id: Option<i64>,
        body_sha256: Vec<u8>,
        signature: Vec<u8>,
        signed_at_ms: Option<i64>,
        payload: Vec<u8>,
        /// The keys of the order's entries, where the event credited it.
        credited: Option<String>,
    }
}

/// `secrets` are the lists of which one must have signed each event.
pub(super) fn row(connection: &mut PgConnection, secrets: &[SigningSecrets]) -> QueryResult<Row> {
    let may_read: One<bool> =
        sql_query("SELECT has_column_privilege('webhook_events', 'payload', 'SELECT') AS value")
            .get_result(connection)?;
    if !may_read.value {
        let message = "this login may not read payloads: use the one that setup uses";
        return Ok(Row::new(ID, Status::Unknown, message));
    }
    let (mut verified, mut wrong, mut examples) = (0_u64, 0_u64, Vec::new());
    let mut last = i64::MIN;
    loop {
        let batch = batch(connection, last)?;
        let Some(end) = batch.last() else { break };
        last = end.event_id;
        for kept in batch {
            verified += 1;
            let Some(problem) = kept.problem(secrets) else {
                continue;
            };
            wrong += 1;
            if wrong <= u64::from(EXAMPLES_MAX) {
                examples.push(format!("{} {problem}", kept.event_id));
            }
        }
    }
    Ok(match wrong {
        0 => Row::new(
            ID,
            Status::Ok,
            format!(
                "{verified} events whose payload is kept: PayNow signed what each of them moved"
            ),
        ),
        wrong => Row::new(
            ID,
            Status::Failed,
            format!(
                "an event moved points that PayNow did not sign ({wrong} found): {}",
                examples.join("; ")
            ),
        ),
    })
}

/// The next events by number. What a person vouched for has no signature, and what has neither is found by
/// `credited_events_have_proof`.
fn batch(connection: &mut PgConnection, after: i64) -> QueryResult<Vec<Kept>> {
    sql_query(
        "SELECT event_id, order_id, body_sha256, signature, payload, \
             (extract(epoch FROM signed_at) * 1000)::bigint AS signed_at_ms, \
             CASE outcome WHEN 'credited' THEN ( \
                 SELECT string_agg(entry_key, ' ' ORDER BY entry_key COLLATE \"C\") \
                 FROM ledger_entries AS entry \
                 WHERE entry.order_id = event.order_id AND kind = 'order_line') END AS credited \
         FROM webhook_events AS event \
         WHERE payload IS NOT NULL AND event_id > $1 AND signature IS NOT NULL \
             AND outcome IN ('credited', 'reversed', 'restored') \
         ORDER BY event_id LIMIT $2",
    )
    .bind::<BigInt, _>(after)
    .bind::<BigInt, _>(BATCH)
    .load(connection)
}

impl Kept {
    fn problem(&self, secrets: &[SigningSecrets]) -> Option<&'static str> {
        if BodyDigest::of(&self.payload).as_bytes() != self.body_sha256 {
            return Some("has another body than its digest");
        }
        if !self.is_signed(secrets) {
            return Some("was signed by none of these secrets");
        }
        let Ok(event) = decode(&self.payload) else {
            return Some("has a body that is no event");
        };
        if event.id.get() != self.event_id {
            return Some("has the body of another event");
        }
        self.other_order(&event)
    }

    fn is_signed(&self, secrets: &[SigningSecrets]) -> bool {
        let signed = Signature::from_bytes(&self.signature).zip(self.signed_at_ms);
        signed.is_some_and(|(signature, signed_at_ms)| {
            let timestamp = signed_at_ms.to_string();
            let mut secrets = secrets.iter().flat_map(SigningSecrets::iter);
            secrets.any(|secret| {
                let signer = secret.signer();
                signer.verifies(&timestamp, &self.payload, &signature)
            })
        })
    }

    /// What the body says about the order, against what was recorded.
    fn other_order(&self, event: &Event) -> Option<&'static str> {
        let (order_id, lines) = match &event.kind {
            EventKind::OrderCompleted(order) => (order.id, Some(&order.lines)),
            EventKind::Refunded(refund) => (refund.order_id, None),
            EventKind::Chargeback(chargeback) => (chargeback.order_id, None),
            EventKind::Ignored => return Some("has a body that moves no points"),
        };
        if self.order_id != Some(order_id.get()) {
            return Some("moved points of another order than its body names");
        }
        let lines = lines.map(|lines| {
            let keys = lines.iter().map(|line| format!("order-line:{}", line.id));
            let mut keys: Vec<String> = keys.collect();
            keys.sort();
            keys.join(" ")
        });
        (self.credited != lines).then_some("credited other lines than its body has")
    }
}
