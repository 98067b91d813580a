//! Events on the retry ladder, as the workers record them in `waiting_events`: best effort, so a row may be
//! missing, and one whose time is long over may be left of an event that waits no more. The rungs that an event
//! took stay in `waiting_steps` when it waits no more, until retention deletes them.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable, Text};
use serde::Serialize;

use crate::database::{Database, times};
use crate::error::DeskError;
use crate::ids;
use crate::row::{One, row};

row! {
    #[derive(Serialize)]
    pub struct Waiting {
        /// Or the SHA-256 of an unreadable event.
        pub event_id: String,
        pub event_type: Option<String>,
        /// What the event names; `None` also where a worker of version 0.3 put it on the ladder.
        #[serde(serialize_with = "ids::optional")]
        pub order_id: Option<i64>,
        #[serde(serialize_with = "ids::optional")]
        pub refund_id: Option<i64>,
        #[serde(serialize_with = "ids::optional")]
        pub payment_id: Option<i64>,
        /// A code.
        pub reason: String,
        pub error: String,
        /// How often it was tried.
        pub attempt: i32,
        pub rung_seconds: i32,
        /// When it was put on the ladder first, and last.
        pub since: String,
        pub deferred_at: String,
        /// When it is tried again.
        pub next_at: String,
        /// Whether it should have been tried again more than a minute ago: then it is back in the queue, or
        /// its row was left behind.
        pub is_overdue: bool,
    }

    /// A rung that an event took, once or several times for the same reason.
    #[derive(Serialize)]
    pub struct WaitingStep {
        /// Which attempt had failed.
        pub attempt: i32,
        pub rung_seconds: i32,
        /// A code.
        pub reason: String,
        /// The last one.
        pub error: String,
        pub times: i32,
        pub first_at: String,
        pub last_at: String,
    }
}

/// Of more rungs, the first ones are shown. A ladder has ten.
const STEPS_MAX: i64 = 100;
/// More are not counted.
pub(crate) const RECORDED_MAX: i64 = 1_000;
/// Of more events that name an order, the longest waits are shown.
const OF_ORDER_MAX: i64 = 100;

/// The rows of events that are neither settled nor dead since they were deferred. Each is looked up alone, so
/// that no plan reads a large table.
const ROWS: &str = "FROM waiting_events AS waiting \
     WHERE (SELECT true FROM dead_letters AS letter WHERE letter.event_id = waiting.event_id \
             AND letter.last_dead_at >= waiting.deferred_at LIMIT 1) IS NULL \
         AND (SELECT true FROM webhook_events AS event WHERE event.event_id = \
             CASE WHEN waiting.event_id !~ '^[0-9]{1,19}$' THEN NULL \
                  WHEN waiting.event_id::numeric > 9223372036854775807 THEN NULL \
                  ELSE waiting.event_id::bigint END LIMIT 1) IS NULL";

/// How an event waits, if it does.
pub(crate) fn of_event(connection: &mut PgConnection, event: &str) -> QueryResult<Option<Waiting>> {
    sql_query(format!("{} AND waiting.event_id = $1", select()))
        .bind::<Text, _>(event)
        .get_result(connection)
        .optional()
}

/// The events on the ladder that name an order, the longest wait first.
pub(crate) fn of_order(connection: &mut PgConnection, order_id: i64) -> QueryResult<Vec<Waiting>> {
    sql_query(format!(
        "{} AND waiting.order_id = $1 ORDER BY waiting.since, waiting.event_id LIMIT $2",
        select()
    ))
    .bind::<BigInt, _>(order_id)
    .bind::<BigInt, _>(OF_ORDER_MAX)
    .load(connection)
}

/// The events on the ladder that are named so, or that name an order, a refund or a payment by this number.
pub(crate) fn naming(
    connection: &mut PgConnection,
    event: &str,
    number: Option<i64>,
) -> QueryResult<Vec<Waiting>> {
    // Each condition has its own index, and an OR of them would read the whole table.
    sql_query(format!(
        "WITH named AS MATERIALIZED ( \
             (SELECT event_id AS id FROM waiting_events WHERE event_id = $1) \
             UNION (SELECT event_id FROM waiting_events WHERE order_id = $2 LIMIT $3) \
             UNION (SELECT event_id FROM waiting_events WHERE refund_id = $2 LIMIT $3) \
             UNION (SELECT event_id FROM waiting_events WHERE payment_id = $2 LIMIT $3)) \
         {} AND waiting.event_id = ANY (ARRAY(SELECT id FROM named)) \
         ORDER BY waiting.since, waiting.event_id LIMIT $3",
        select()
    ))
    .bind::<Text, _>(event)
    .bind::<Nullable<BigInt>, _>(number)
    .bind::<BigInt, _>(OF_ORDER_MAX)
    .load(connection)
}

/// The rungs that an event took, in the order in which it first did.
pub(crate) fn steps(connection: &mut PgConnection, event: &str) -> QueryResult<Vec<WaitingStep>> {
    sql_query(format!(
        "SELECT attempt, rung_seconds, reason, error, times, {} FROM waiting_steps AS step \
         WHERE event_id = $1 ORDER BY step.first_at, step.attempt LIMIT $2",
        times(&["first_at", "last_at"])
    ))
    .bind::<Text, _>(event)
    .bind::<BigInt, _>(STEPS_MAX)
    .load(connection)
}

/// How many events the workers have recorded on the ladder; of more than [`RECORDED_MAX`], so many.
pub(crate) fn recorded(connection: &mut PgConnection) -> QueryResult<i64> {
    let count: One<i64> = sql_query(format!(
        "SELECT count(*) AS value FROM (SELECT waiting.event_id {ROWS} LIMIT $1) AS recorded"
    ))
    .bind::<BigInt, _>(RECORDED_MAX)
    .get_result(connection)?;
    Ok(count.value)
}

/// The events on the ladder, the longest wait first.
pub fn list(database: &Database, limit: u32) -> Result<Vec<Waiting>, DeskError> {
    let query = format!(
        "{} ORDER BY waiting.since, waiting.event_id LIMIT $1",
        select()
    );
    let rows = database.read(|connection| {
        sql_query(query)
            .bind::<BigInt, _>(i64::from(limit))
            .load(connection)
    })?;
    Ok(rows)
}

fn select() -> String {
    format!(
        "SELECT event_id, event_type, order_id, refund_id, payment_id, reason, error, attempt, \
             rung_seconds, {}, \
             next_at < now() - interval '1 minute' AS is_overdue {ROWS}",
        times(&["since", "deferred_at", "next_at"])
    )
}
