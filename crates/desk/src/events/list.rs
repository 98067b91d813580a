//! Lists of settled events, newest first: by the time at which PayNow made them, which their ids hold.
//! No statement reads more of a table than a page needs, however large the table is.

use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use paynow_shared::event::{EventType, KNOWN_TYPES};
use paynow_shared::ids::{EventId, OrderId, WalletId, flake_floor};
use serde::Serialize;
use strum::IntoEnumIterator;

use crate::database::{Database, times};
use crate::error::DeskError;
use crate::ids;
use crate::page::{Page, one_more};
use crate::row::{One, row};

pub use paynow_worker::ledger::plan::Outcome;

/// Of a wallet with more orders, the events of the newest ones are listed.
pub const ORDERS_MAX: u32 = 1_000;
/// The events that one order is looked for among. PayNow tells an order again a few times.
const EVENTS_OF_ORDER_MAX: u32 = 1_000;
/// Only events of this type are credited.
const CREDITED_TYPE: &str = "ON_ORDER_COMPLETED";

/// Conditions that must all hold; one that is `None` always holds.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    pub event_type: Option<EventType>,
    pub outcome: Option<Outcome>,
    /// Of the orders that it was credited for.
    pub wallet: Option<WalletId>,
    pub order: Option<OrderId>,
    /// Unix milliseconds; PayNow made the event then or later.
    pub since_ms: Option<i64>,
    /// Older than this event.
    pub after: Option<EventId>,
}

row! {
    #[derive(Serialize)]
    pub struct EventRow {
        #[serde(serialize_with = "ids::text")]
        pub event_id: i64,
        pub event_type: String,
        pub outcome: String,
        #[serde(serialize_with = "ids::optional")]
        pub order_id: Option<i64>,
        pub signed_at: Option<String>,
        pub settled_at: String,
        pub attempts: i32,
    }
}

/// All outcomes that an event may have.
pub fn outcomes() -> impl Iterator<Item = Outcome> {
    Outcome::iter()
}

type Bound = BoxedSqlQuery<'static, Pg, SqlQuery>;

pub fn list(
    database: &Database,
    filter: &EventFilter,
    limit: u32,
) -> Result<Page<EventRow>, DeskError> {
    if let Some(event_type) = &filter.event_type
        && !KNOWN_TYPES.contains(&event_type.as_str())
    {
        refuse_unknown(database, event_type)?;
    }
    let rows = database.read(|connection| match (filter.wallet, filter.order) {
        (None, None) => by_kind(connection, filter, limit),
        (wallet, order) => {
            let orders = orders(connection, wallet, order)?;
            of_orders(connection, filter, orders, limit)
        }
    })?;
    Ok(Page::of(rows, limit))
}

/// Refuses a type that is neither one of PayNow's nor recorded: a typing error would find nothing.
fn refuse_unknown(database: &Database, event_type: &EventType) -> Result<(), DeskError> {
    // A credited event has a type of PayNow's.
    let query = format!("WITH RECURSIVE {PAIRS} SELECT DISTINCT event_type AS value FROM pair");
    let recorded: Vec<One<String>> =
        database.read(|connection| sql_query(query).load(connection))?;
    if recorded.iter().any(|one| one.value == event_type.as_str()) {
        return Ok(());
    }
    let mut known: Vec<&str> = KNOWN_TYPES.into();
    let recorded = recorded.iter().map(|one| one.value.as_str());
    known.extend(recorded.filter(|one| !KNOWN_TYPES.contains(one)));
    Err(DeskError::Refused(format!(
        "PayNow has no events of type {event_type} that we know of, and none was recorded. The types are: {}",
        known.join(", ")
    )))
}

/// The events of an order, newest first.
pub(crate) fn of_order(connection: &mut PgConnection, order_id: i64) -> QueryResult<Vec<EventRow>> {
    let filter = EventFilter::default();
    of_orders(connection, &filter, vec![order_id], EVENTS_OF_ORDER_MAX)
}

fn columns() -> String {
    format!(
        "event_id, event_type, outcome::text AS outcome, order_id, attempts, {}",
        times(&["signed_at", "settled_at"])
    )
}

/// The first binds of every statement here: the ids between which the page begins and ends, and its size.
fn bound(sql: String, filter: &EventFilter, limit: u32) -> Bound {
    sql_query(sql)
        .into_boxed()
        .bind::<BigInt, _>(filter.after.map_or(i64::MAX, EventId::get))
        .bind::<BigInt, _>(filter.since_ms.map_or(0, flake_floor))
        .bind::<BigInt, _>(one_more(limit))
}

fn by_kind(
    connection: &mut PgConnection,
    filter: &EventFilter,
    limit: u32,
) -> QueryResult<Vec<EventRow>> {
    let event_type = filter.event_type.as_ref().map(EventType::as_str);
    if event_type.is_none() && filter.outcome.is_none() {
        return newest(connection, filter, limit, "true");
    }
    let mut rows = Vec::new();
    let is_credited = filter.outcome == Some(Outcome::Credited);
    if event_type.is_none_or(|it| it == CREDITED_TYPE) && (is_credited || filter.outcome.is_none())
    {
        rows = newest(connection, filter, limit, "outcome = 'credited'")?;
    }
    if !is_credited {
        rows.extend(not_credited(connection, filter, limit)?);
    }
    rows.sort_unstable_by_key(|row: &EventRow| std::cmp::Reverse(row.event_id));
    Ok(rows)
}

/// Walks down the primary key: for a condition that nearly all events meet.
fn newest(
    connection: &mut PgConnection,
    filter: &EventFilter,
    limit: u32,
    condition: &str,
) -> QueryResult<Vec<EventRow>> {
    let sql = format!(
        "SELECT {} FROM webhook_events WHERE event_id < $1 AND event_id >= $2 AND {condition} \
         ORDER BY event_id DESC LIMIT $3",
        columns()
    );
    bound(sql, filter, limit).load(connection)
}

/// Each pair of outcome and type that an event has, by steps from one to the next in their index.
const PAIRS: &str = "pair AS ( \
         (SELECT outcome, event_type FROM webhook_events WHERE outcome <> 'credited' \
          ORDER BY outcome, event_type LIMIT 1) \
         UNION ALL \
         SELECT following.outcome, following.event_type FROM pair, LATERAL ( \
             SELECT event.outcome, event.event_type FROM webhook_events AS event \
             WHERE event.outcome <> 'credited' \
                 AND (event.outcome, event.event_type) > (pair.outcome, pair.event_type) \
             ORDER BY event.outcome, event.event_type LIMIT 1) AS following)";

/// A page of each pair of outcome and type, which their index has in this order.
fn not_credited(
    connection: &mut PgConnection,
    filter: &EventFilter,
    limit: u32,
) -> QueryResult<Vec<EventRow>> {
    let sql = format!(
        "WITH RECURSIVE {PAIRS} \
         SELECT event.* FROM pair, LATERAL ( \
             SELECT {} FROM webhook_events \
             WHERE webhook_events.outcome <> 'credited' AND webhook_events.outcome = pair.outcome \
                 AND webhook_events.event_type = pair.event_type AND event_id < $1 AND event_id >= $2 \
             ORDER BY event_id DESC LIMIT $3) AS event \
         WHERE ($4 IS NULL OR pair.event_type = $4) AND ($5 IS NULL OR pair.outcome::text = $5) \
         ORDER BY event_id DESC LIMIT $3",
        columns()
    );
    with_kind(bound(sql, filter, limit), filter).load(connection)
}

fn with_kind(query: Bound, filter: &EventFilter) -> Bound {
    let event_type = filter.event_type.as_ref().map(ToString::to_string);
    query
        .bind::<Nullable<Text>, _>(event_type)
        .bind::<Nullable<Text>, _>(filter.outcome.map(Outcome::code))
}

/// The order, or the newest orders of the wallet; the order of the wallet if both are asked for.
fn orders(
    connection: &mut PgConnection,
    wallet: Option<WalletId>,
    order: Option<OrderId>,
) -> QueryResult<Vec<i64>> {
    let Some(wallet) = wallet else {
        return Ok(order.map(OrderId::get).into_iter().collect());
    };
    let orders: Vec<One<i64>> = sql_query(
        "WITH newest AS ( \
             SELECT order_id FROM ledger_entries WHERE wallet_id = $1 AND order_id IS NOT NULL \
             ORDER BY entry_id DESC LIMIT $2) \
         SELECT DISTINCT order_id AS value FROM newest WHERE $3 IS NULL OR order_id = $3 \
         ORDER BY order_id DESC LIMIT $2",
    )
    .bind::<BigInt, _>(wallet.get())
    .bind::<BigInt, _>(i64::from(ORDERS_MAX))
    .bind::<Nullable<BigInt>, _>(order.map(OrderId::get))
    .load(connection)?;
    Ok(orders.into_iter().map(|order| order.value).collect())
}

/// Looks for the events of each order alone, so that no plan joins whole tables.
fn of_orders(
    connection: &mut PgConnection,
    filter: &EventFilter,
    orders: Vec<i64>,
    limit: u32,
) -> QueryResult<Vec<EventRow>> {
    let sql = format!(
        "WITH told AS MATERIALIZED ( \
             SELECT DISTINCT event.event_id FROM unnest($4) AS of_order (id), LATERAL ( \
                 (SELECT event_id FROM orders WHERE order_id = of_order.id) \
                 UNION ALL \
                 (SELECT event_id FROM reversals WHERE order_id = of_order.id LIMIT {EVENTS_OF_ORDER_MAX}) \
                 UNION ALL \
                 (SELECT event_id FROM ledger_entries WHERE order_id = of_order.id \
                  LIMIT {EVENTS_OF_ORDER_MAX}) \
                 UNION ALL \
                 (SELECT event_id FROM webhook_events WHERE order_id = of_order.id \
                      AND outcome <> 'credited' LIMIT {EVENTS_OF_ORDER_MAX}) \
             ) AS event WHERE event.event_id < $1 AND event.event_id >= $2) \
         SELECT event.* FROM told, LATERAL ( \
             SELECT {} FROM webhook_events WHERE webhook_events.event_id = told.event_id LIMIT 1) AS event \
         WHERE ($5 IS NULL OR event_type = $5) AND ($6 IS NULL OR outcome = $6) \
         ORDER BY event_id DESC LIMIT $3",
        columns()
    );
    let query = bound(sql, filter, limit).bind::<Array<BigInt>, _>(orders);
    with_kind(query, filter).load(connection)
}
