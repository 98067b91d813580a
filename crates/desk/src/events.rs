//! The story of one event, from its arrival to the balances that it moved.

pub mod list;
mod moments;
mod queued;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};
use paynow_shared::ids::EventId;
use serde::Serialize;

use crate::actions::{EventAction, about_event};
use crate::database::{Database, times};
use crate::error::DeskError;
use crate::ids;
use crate::letters::LetterSummary;
use crate::refunds::{OrderLine, RefundStory, lines, refund};
use crate::row::row;
use crate::waiting::{self, Waiting, WaitingStep};

pub use moments::Moment;
pub use queued::story_beside_queues;

#[derive(Debug, Serialize)]
pub struct Story {
    /// Or the SHA-256 of an unreadable event.
    pub event_id: String,
    #[serde(flatten)]
    pub settled: Settled,
    /// How it waits on the retry ladder, as far as the workers recorded it.
    pub waiting: Option<Waiting>,
    /// The rungs of the ladder that it took, also when it waits no more.
    pub waiting_steps: Vec<WaitingStep>,
    /// What happened to it and when, oldest first.
    pub moments: Vec<Moment>,
    /// Of a refund: what it was for.
    pub refund: Option<RefundStory>,
    /// The lines of the event's order.
    pub lines: Vec<OrderLine>,
    /// All ledger entries of the event's order, also those of other events.
    pub entries: Vec<OrderEntry>,
    pub dead_letters: Vec<LetterSummary>,
    pub operator_actions: Vec<EventAction>,
}

row! {
    /// The row of a settled event. Of an unsettled one only the type is known.
    #[derive(Default, Serialize)]
    pub struct Settled {
        pub event_type: Option<String>,
        /// `None` when the event is not settled.
        pub outcome: Option<String>,
        #[serde(serialize_with = "ids::optional")]
        pub order_id: Option<i64>,
        pub secret_id: Option<String>,
        pub signed_at: Option<String>,
        pub received_at: Option<String>,
        pub settled_at: Option<String>,
        pub attempts: Option<i32>,
    }

    #[derive(Serialize)]
    pub struct OrderEntry {
        pub entry_key: String,
        pub kind: String,
        #[serde(serialize_with = "ids::text")]
        pub wallet_id: i64,
        /// The event that the entry comes from.
        #[serde(serialize_with = "ids::optional")]
        pub event_id: Option<i64>,
        pub points: i64,
        /// The wallet's balance of now.
        pub wallet_balance: Option<i64>,
        pub created_at: String,
    }
}

/// Finds an event by its id, or by the SHA-256 of an unreadable event.
pub fn story(database: &Database, event: &str) -> Result<Story, DeskError> {
    let story = database.read(|connection| read(connection, event))?;
    let (settled, letters) = (&story.settled, &story.dead_letters);
    if settled.outcome.is_none() && letters.is_empty() && story.waiting.is_none() {
        return Err(DeskError::NotFound(format!(
            "event {event} is not applied, is no dead letter, and is not recorded on the retry ladder"
        )));
    }
    Ok(story)
}

fn read(connection: &mut PgConnection, event: &str) -> QueryResult<Story> {
    let settled = match event.parse::<EventId>() {
        Ok(id) => settled(connection, id)?,
        Err(_a_digest) => None,
    };
    let dead_letters = dead_letters(connection, event)?;
    let waiting = waiting::of_event(connection, event)?;
    let waiting_steps = waiting::steps(connection, event)?;
    let settled = settled.unwrap_or_else(|| Settled {
        event_type: dead_letters
            .first()
            .and_then(|letter| letter.event_type.clone())
            .or_else(|| waiting.as_ref()?.event_type.clone()),
        ..Settled::default()
    });
    let operator_actions = about_event(connection, event)?;
    Ok(Story {
        event_id: event.to_owned(),
        refund: match (settled.order_id, event.parse::<EventId>()) {
            (Some(order_id), Ok(id)) => refund(connection, order_id, id.get())?,
            (None, _) | (_, Err(_)) => None,
        },
        lines: match settled.order_id {
            Some(order_id) => lines(connection, order_id)?,
            None => Vec::new(),
        },
        entries: match settled.order_id {
            Some(order_id) => entries(connection, order_id)?,
            None => Vec::new(),
        },
        moments: moments::of_event(
            connection,
            event,
            (waiting.as_ref(), &waiting_steps),
            &operator_actions,
        )?,
        settled,
        waiting,
        waiting_steps,
        dead_letters,
        operator_actions,
    })
}

fn settled(connection: &mut PgConnection, id: EventId) -> QueryResult<Option<Settled>> {
    sql_query(format!(
        "SELECT event_type, outcome::text AS outcome, order_id, secret_id, attempts, \
                {} \
         FROM webhook_events WHERE event_id = $1",
        times(&["signed_at", "received_at", "settled_at"])
    ))
    .bind::<BigInt, _>(id.get())
    .get_result(connection)
    .optional()
}

pub(crate) fn entries(
    connection: &mut PgConnection,
    order_id: i64,
) -> QueryResult<Vec<OrderEntry>> {
    sql_query(format!(
        "SELECT entry_key, kind::text AS kind, wallet_id, event_id, points, \
                balance AS wallet_balance, {} \
         FROM ledger_entries LEFT JOIN wallets USING (wallet_id) \
         WHERE order_id = $1 ORDER BY entry_id",
        times(&["created_at"])
    ))
    .bind::<BigInt, _>(order_id)
    .load(connection)
}

fn dead_letters(connection: &mut PgConnection, event: &str) -> QueryResult<Vec<LetterSummary>> {
    sql_query(format!(
        "SELECT {} FROM dead_letters WHERE event_id = $1 ORDER BY dead_letter_id",
        LetterSummary::columns()
    ))
    .bind::<Text, _>(event)
    .load(connection)
}
