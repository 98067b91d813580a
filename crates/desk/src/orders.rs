//! Everything about one order: its lines and what they gave to whom, what was taken back, what told of it.

use std::collections::BTreeMap;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Text};
use paynow_shared::ids::OrderId;
use serde::Serialize;

use crate::actions::about::Asked;
use crate::actions::{EventAction, of_ids};
use crate::database::{Database, times};
use crate::error::DeskError;
use crate::events::list::{EventRow, of_order};
use crate::events::{OrderEntry, entries};
use crate::ids;
use crate::letters::{LetterSummary, about};
use crate::refunds::{OrderLine, lines};
use crate::row::row;
use crate::waiting::{self, Waiting};

#[derive(Debug, Serialize)]
pub struct OrderStory {
    #[serde(serialize_with = "ids::text")]
    pub order_id: i64,
    /// `None` when no event of the order itself was applied.
    pub order: Option<OrderFacts>,
    pub lines: Vec<OrderLine>,
    /// Refunds, and the steps of chargebacks, in the order in which they were recorded.
    pub reversals: Vec<Reversal>,
    /// Refunds, chargebacks and other events of the order that wait on the retry ladder, mostly for the order.
    pub waiting: Vec<Waiting>,
    /// The payments that events named with the order.
    pub payments: Vec<OrderPayment>,
    pub entries: Vec<OrderEntry>,
    /// What the order moved in each wallet, and the wallet's balance of now.
    pub wallets: Vec<OrderWallet>,
    /// The settled events that told of the order, newest first.
    pub events: Vec<EventRow>,
    /// Also letters of its refunds and chargebacks. Not those whose body retention deleted.
    pub dead_letters: Vec<LetterSummary>,
    pub operator_actions: Vec<EventAction>,
}

row! {
    #[derive(Serialize)]
    pub struct OrderFacts {
        #[serde(serialize_with = "ids::text")]
        pub event_id: i64,
        #[serde(serialize_with = "ids::optional")]
        pub store_id: Option<i64>,
        #[serde(serialize_with = "ids::optional")]
        pub buyer_wallet_id: Option<i64>,
        pub total_amount_minor: Option<i64>,
        pub giftcard_amount_minor: Option<i64>,
        pub currency: Option<String>,
        /// PayNow's word; `None` for an order of version 0.1.
        pub order_type: Option<String>,
        pub completed_at: Option<String>,
        pub recorded_at: String,
    }

    #[derive(Serialize)]
    pub struct Reversal {
        /// A code, such as `refund` or `chargeback_opened`.
        pub kind: String,
        /// The refund's id, or the id of the payment that was charged back.
        #[serde(serialize_with = "ids::text")]
        pub reference_id: i64,
        #[serde(serialize_with = "ids::text")]
        pub event_id: i64,
        pub amount_minor: Option<i64>,
        /// What a refund was for, a code.
        pub attribution: Option<String>,
        #[serde(serialize_with = "ids::optional")]
        pub line_id: Option<i64>,
        pub recorded_at: String,
    }

    #[derive(Serialize)]
    pub struct OrderPayment {
        #[serde(serialize_with = "ids::text")]
        pub payment_id: i64,
        /// The event that named it.
        #[serde(serialize_with = "ids::text")]
        pub event_id: i64,
        /// Of that event.
        pub event_type: Option<String>,
    }
}

/// So many are shown. PayNow takes a few tries to charge an order.
const PAYMENTS_MAX: i64 = 100;

#[derive(Debug, Default, Serialize)]
pub struct OrderWallet {
    #[serde(serialize_with = "ids::text")]
    pub wallet_id: i64,
    pub given: i64,
    /// Taken back and not restored.
    pub taken_back: i64,
    pub balance: Option<i64>,
}

pub fn order(database: &Database, id: OrderId) -> Result<OrderStory, DeskError> {
    let story = database.read(|connection| read(connection, id.get()))?;
    let is_unknown = story.order.is_none()
        && story.entries.is_empty()
        && story.dead_letters.is_empty()
        && story.waiting.is_empty()
        && story.payments.is_empty();
    if is_unknown {
        return Err(DeskError::NotFound(format!(
            "order {id} is not recorded, and no dead letter and no event on the retry ladder names it: PayNow \
             has not told of it, or its event waits in the queue"
        )));
    }
    Ok(story)
}

fn read(connection: &mut PgConnection, id: i64) -> QueryResult<OrderStory> {
    let entries = entries(connection, id)?;
    let events = of_order(connection, id)?;
    let dead_letters = letters(connection, id, &events)?;
    let numbers = dead_letters.iter().map(|letter| letter.dead_letter_id);
    let actions = Asked::of_order(connection, &id.to_string(), numbers)?;
    let actions: Vec<i64> = actions.into_keys().collect();
    Ok(OrderStory {
        order_id: id,
        order: facts(connection, id)?,
        lines: lines(connection, id)?,
        reversals: reversals(connection, id)?,
        waiting: waiting::of_order(connection, id)?,
        payments: payments(connection, id)?,
        wallets: wallets(&entries),
        entries,
        events,
        dead_letters,
        operator_actions: of_ids(connection, &actions)?,
    })
}

/// The letters whose body names the order, and those of its events.
fn letters(
    connection: &mut PgConnection,
    id: i64,
    events: &[EventRow],
) -> QueryResult<Vec<LetterSummary>> {
    let mut numbers = about(connection, id)?;
    let events: Vec<String> = events
        .iter()
        .map(|event| event.event_id.to_string())
        .collect();
    let of_events: Vec<LetterSummary> = sql_query(format!(
        "SELECT letter.* FROM unnest($1) AS event (id), LATERAL ( \
             SELECT {} FROM dead_letters WHERE dead_letters.event_id = event.id LIMIT 100) AS letter",
        LetterSummary::columns()
    ))
    .bind::<Array<Text>, _>(events)
    .load(connection)?;
    numbers.extend(of_events.iter().map(|letter| letter.dead_letter_id));
    LetterSummary::of_numbers(connection, &numbers)
}

fn facts(connection: &mut PgConnection, id: i64) -> QueryResult<Option<OrderFacts>> {
    sql_query(format!(
        "SELECT event_id, store_id, buyer_wallet_id, total_amount_minor, giftcard_amount_minor, currency, \
                order_type, {} \
         FROM orders WHERE order_id = $1",
        times(&["completed_at", "recorded_at"])
    ))
    .bind::<BigInt, _>(id)
    .get_result(connection)
    .optional()
}

fn reversals(connection: &mut PgConnection, id: i64) -> QueryResult<Vec<Reversal>> {
    sql_query(format!(
        "SELECT kind::text AS kind, reference_id, event_id, amount_minor, \
                attribution::text AS attribution, line_id, {} \
         FROM reversals WHERE order_id = $1 ORDER BY sequence",
        times(&["recorded_at"])
    ))
    .bind::<BigInt, _>(id)
    .load(connection)
}

/// Each payment with the events that named it.
fn payments(connection: &mut PgConnection, id: i64) -> QueryResult<Vec<OrderPayment>> {
    sql_query(
        "SELECT payment_id, event_id, (SELECT event_type FROM webhook_events AS event \
             WHERE event.event_id = named.event_id LIMIT 1) AS event_type \
         FROM order_payments AS named WHERE order_id = $1 ORDER BY event_id, payment_id LIMIT $2",
    )
    .bind::<BigInt, _>(id)
    .bind::<BigInt, _>(PAYMENTS_MAX)
    .load(connection)
}

/// A sum that does not fit is shown as the largest number: a broken ledger must be shown too.
fn wallets(entries: &[OrderEntry]) -> Vec<OrderWallet> {
    let mut wallets: BTreeMap<i64, OrderWallet> = BTreeMap::new();
    for entry in entries {
        let wallet = wallets.entry(entry.wallet_id).or_default();
        wallet.wallet_id = entry.wallet_id;
        wallet.balance = entry.wallet_balance;
        if entry.kind == "order_line" {
            wallet.given = wallet.given.saturating_add(entry.points);
        } else {
            wallet.taken_back = wallet.taken_back.saturating_sub(entry.points);
        }
    }
    wallets.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wallet_has_what_was_given_and_what_is_taken_back() {
        let entry = |kind: &str, wallet_id, points| OrderEntry {
            entry_key: String::new(),
            kind: kind.to_owned(),
            wallet_id,
            event_id: None,
            points,
            wallet_balance: Some(7),
            created_at: String::new(),
        };
        let wallets = wallets(&[
            entry("order_line", 20, 500),
            entry("chargeback", 20, -500),
            entry("chargeback_won", 20, 500),
            entry("order_line", 21, 3),
        ]);
        let moved = wallets
            .iter()
            .map(|it| (it.wallet_id, it.given, it.taken_back));
        assert_eq!(moved.collect::<Vec<_>>(), [(20, 500, 0), (21, 3, 0)]);
    }
}
