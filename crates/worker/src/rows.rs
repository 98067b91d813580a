//! The SQL of the ledger: arrays through `unnest`, so that a batch of any size is one statement
//! with the same text.

use std::collections::HashMap;

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use diesel::sql_types::{Array, BigInt, Binary, Integer, Nullable, Text};
use paynow_shared::digest::BodyDigest;
use paynow_shared::event::Order;
use paynow_shared::ids::{EventId, InvalidId, OrderId, ProductId, WalletId};
use paynow_shared::points::Points;
use paynow_shared::wallet::EntryKey;

use crate::database::DatabaseError;
use crate::plan::{Incoming, PlannedEntry, PlannedEvent, PlannedOrder, order_of};
use crate::view::{LedgerView, PostedEntry};

/// The last millisecond of the year 9999; a header beyond it is no time.
const TIME_MS_MAX: i64 = 253_402_300_799_999;

#[derive(diesel::QueryableByName)]
struct EventRow {
    #[diesel(sql_type = BigInt)]
    event_id: i64,
    #[diesel(sql_type = Binary)]
    body_sha256: Vec<u8>,
}

#[derive(diesel::QueryableByName)]
struct ProductRow {
    #[diesel(sql_type = BigInt)]
    product_id: i64,
    #[diesel(sql_type = BigInt)]
    points: i64,
}

#[derive(diesel::QueryableByName)]
struct EntryRow {
    #[diesel(sql_type = Text)]
    entry_key: String,
    #[diesel(sql_type = BigInt)]
    wallet_id: i64,
    #[diesel(sql_type = BigInt)]
    order_id: i64,
}

/// Reads what the ledger knows about the events, products and lines of a batch.
pub(crate) fn read_view(
    connection: &mut PgConnection,
    batch: &[Incoming<'_>],
) -> Result<LedgerView, DatabaseError> {
    let events = batch
        .iter()
        .filter_map(|incoming| incoming.event.as_ref().ok());
    let event_ids: Vec<i64> = events.clone().map(|event| event.id.get()).collect();
    let orders: Vec<&Order> = events.filter_map(order_of).collect();
    let lines = || orders.iter().flat_map(|order| &order.lines);
    let mut product_ids: Vec<i64> = lines().map(|line| line.product_id.get()).collect();
    product_ids.sort_unstable();
    product_ids.dedup();
    let mut view = LedgerView {
        events: known_events(connection, event_ids)?,
        products: prices(connection, product_ids)?,
        ..LedgerView::default()
    };
    let keys: Vec<EntryKey> = lines().map(|line| EntryKey::order_line(line.id)).collect();
    let order_ids: Vec<i64> = orders.iter().map(|order| order.id.get()).collect();
    for (key, posted) in posted_entries(connection, &keys, order_ids)? {
        view.note(key, posted);
    }
    Ok(view)
}

fn known_events(
    connection: &mut PgConnection,
    event_ids: Vec<i64>,
) -> Result<HashMap<EventId, BodyDigest>, DatabaseError> {
    let rows: Vec<EventRow> = diesel::sql_query(
        "SELECT event_id, body_sha256 FROM webhook_events WHERE event_id = ANY ($1)",
    )
    .bind::<Array<BigInt>, _>(event_ids)
    .load(connection)?;
    rows.into_iter()
        .map(|row| {
            let digest = BodyDigest::from_bytes(&row.body_sha256).ok_or_else(|| {
                DatabaseError::Unavailable("a stored digest has the wrong length".to_owned())
            })?;
            Ok((EventId::from_i64(row.event_id)?, digest))
        })
        .collect()
}

fn prices(
    connection: &mut PgConnection,
    product_ids: Vec<i64>,
) -> Result<HashMap<ProductId, Points>, DatabaseError> {
    let rows: Vec<ProductRow> =
        diesel::sql_query("SELECT product_id, points FROM products WHERE product_id = ANY ($1)")
            .bind::<Array<BigInt>, _>(product_ids)
            .load(connection)?;
    rows.into_iter()
        .map(|row| {
            Ok((
                ProductId::from_i64(row.product_id)?,
                Points::new(row.points),
            ))
        })
        .collect()
}

fn posted_entries(
    connection: &mut PgConnection,
    keys: &[EntryKey],
    order_ids: Vec<i64>,
) -> Result<Vec<(EntryKey, PostedEntry)>, DatabaseError> {
    let texts: Vec<&str> = keys.iter().map(EntryKey::as_str).collect();
    let rows: Vec<EntryRow> = diesel::sql_query(
        "SELECT entry_key, wallet_id, order_id FROM ledger_entries \
         WHERE (entry_key = ANY ($1) OR order_id = ANY ($2)) AND order_id IS NOT NULL",
    )
    .bind::<Array<Text>, _>(texts)
    .bind::<Array<BigInt>, _>(order_ids)
    .load(connection)?;
    rows.into_iter()
        .map(|row| {
            let posted = PostedEntry {
                wallet_id: WalletId::from_i64(row.wallet_id)?,
                order_id: OrderId::from_i64(row.order_id)?,
            };
            Ok((EntryKey::from_stored(row.entry_key), posted))
        })
        .collect()
}

/// Inserts events that are not there yet; the number that were not.
pub(crate) fn insert_events(
    connection: &mut PgConnection,
    events: &[PlannedEvent<'_>],
) -> Result<usize, DatabaseError> {
    if events.is_empty() {
        return Ok(0);
    }
    let column = |value: fn(&PlannedEvent<'_>) -> i64| events.iter().map(value).collect::<Vec<_>>();
    let headers = || {
        events
            .iter()
            .map(|planned| &planned.incoming.received.headers)
    };
    let inserted = diesel::sql_query(
        "INSERT INTO webhook_events (event_id, event_type, outcome, order_id, body_sha256, \
             payload, secret_id, signed_at, received_at, attempts) \
         SELECT event_id, event_type, outcome::event_outcome, order_id, body_sha256, payload, \
             secret_id, to_timestamp(signed_at_ms / 1000.0), \
             to_timestamp(received_at_ms / 1000.0), attempts \
         FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS event (event_id, event_type, \
             outcome, order_id, body_sha256, payload, secret_id, signed_at_ms, received_at_ms, \
             attempts) \
         ORDER BY event_id \
         ON CONFLICT ON CONSTRAINT webhook_events_pkey DO NOTHING",
    )
    .bind::<Array<BigInt>, _>(column(|planned| planned.event.id.get()))
    .bind::<Array<Text>, _>(texts(events, |planned| planned.event.event_type.as_str()))
    .bind::<Array<Text>, _>(texts(events, |planned| planned.outcome.code()))
    .bind::<Array<Nullable<BigInt>>, _>(
        events
            .iter()
            .map(|planned| planned.order_id.map(OrderId::get))
            .collect::<Vec<_>>(),
    )
    .bind::<Array<Binary>, _>(
        events
            .iter()
            .map(|planned| planned.incoming.digest.as_bytes())
            .collect::<Vec<_>>(),
    )
    .bind::<Array<Binary>, _>(
        events
            .iter()
            .map(|p| p.incoming.received.body.as_slice())
            .collect::<Vec<_>>(),
    )
    .bind::<Array<Nullable<Text>>, _>(
        headers()
            .map(|headers| headers.secret_id.as_deref())
            .collect::<Vec<_>>(),
    )
    .bind::<Array<Nullable<BigInt>>, _>(
        headers()
            .map(|headers| time_ms(headers.signed_at_ms))
            .collect::<Vec<_>>(),
    )
    .bind::<Array<Nullable<BigInt>>, _>(
        headers()
            .map(|headers| time_ms(headers.received_at_ms))
            .collect::<Vec<_>>(),
    )
    .bind::<Array<Integer>, _>(
        headers()
            .map(|headers| count(headers.attempt))
            .collect::<Vec<_>>(),
    )
    .execute(connection)?;
    Ok(inserted)
}

fn texts<'a, 'p>(
    events: &'a [PlannedEvent<'p>],
    text: fn(&'a PlannedEvent<'p>) -> &'a str,
) -> Vec<&'a str> {
    events.iter().map(text).collect()
}

/// Inserts orders that are not there yet; the number that were not.
pub(crate) fn insert_orders(
    connection: &mut PgConnection,
    orders: &[PlannedOrder<'_>],
) -> Result<usize, DatabaseError> {
    if orders.is_empty() {
        return Ok(0);
    }
    let numbers = |value: fn(&Order) -> Option<i64>| {
        orders
            .iter()
            .map(|planned| value(planned.order))
            .collect::<Vec<Option<i64>>>()
    };
    let inserted = diesel::sql_query(
        "INSERT INTO orders (order_id, event_id, store_id, buyer_wallet_id, total_amount_minor, \
             currency) \
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6) AS new_order (order_id, event_id, store_id, \
             buyer_wallet_id, total_amount_minor, currency) \
         ORDER BY order_id \
         ON CONFLICT ON CONSTRAINT orders_pkey DO NOTHING",
    )
    .bind::<Array<Nullable<BigInt>>, _>(numbers(|order| Some(order.id.get())))
    .bind::<Array<BigInt>, _>(
        orders
            .iter()
            .map(|planned| planned.event.id.get())
            .collect::<Vec<_>>(),
    )
    .bind::<Array<Nullable<BigInt>>, _>(numbers(|order| order.store_id.map(|id| id.get())))
    .bind::<Array<Nullable<BigInt>>, _>(numbers(|order| order.customer_id.map(WalletId::get)))
    .bind::<Array<Nullable<BigInt>>, _>(numbers(|order| order.total_amount_minor))
    .bind::<Array<Nullable<Text>>, _>(
        orders
            .iter()
            .map(|planned| planned.order.currency.as_deref())
            .collect::<Vec<_>>(),
    )
    .execute(connection)?;
    Ok(inserted)
}

/// Inserts entries whose keys are not there yet; the number that were not. The trigger on the
/// table adds them up into `wallets`.
pub(crate) fn insert_entries(
    connection: &mut PgConnection,
    entries: &[PlannedEntry<'_>],
) -> Result<usize, DatabaseError> {
    if entries.is_empty() {
        return Ok(0);
    }
    let numbers =
        |value: fn(&PlannedEntry<'_>) -> i64| entries.iter().map(value).collect::<Vec<i64>>();
    let keys: Vec<&str> = entries
        .iter()
        .map(|planned| planned.entry.key.as_str())
        .collect();
    let kinds: Vec<&str> = entries
        .iter()
        .map(|planned| planned.entry.kind.code())
        .collect();
    let inserted = diesel::sql_query(
        "INSERT INTO ledger_entries (entry_key, wallet_id, order_id, event_id, kind, points) \
         SELECT entry_key, wallet_id, order_id, event_id, kind::ledger_entry_kind, points \
         FROM unnest($1, $2, $3, $4, $5, $6) AS entry (entry_key, wallet_id, order_id, event_id, \
             kind, points) \
         ORDER BY entry_key \
         ON CONFLICT ON CONSTRAINT ledger_entries_entry_key_key DO NOTHING",
    )
    .bind::<Array<Text>, _>(keys)
    .bind::<Array<BigInt>, _>(numbers(|planned| planned.entry.wallet_id.get()))
    .bind::<Array<BigInt>, _>(numbers(|planned| planned.entry.order_id.get()))
    .bind::<Array<BigInt>, _>(numbers(|planned| planned.event.id.get()))
    .bind::<Array<Text>, _>(kinds)
    .bind::<Array<BigInt>, _>(numbers(|planned| planned.entry.points.get()))
    .execute(connection)?;
    Ok(inserted)
}

/// A header's time if it can be one; a message with an odd header is credited all the same.
pub(crate) fn time_ms(at: Option<i64>) -> Option<i64> {
    at.filter(|at| (0..=TIME_MS_MAX).contains(at))
}

pub(crate) fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

impl From<InvalidId> for DatabaseError {
    fn from(error: InvalidId) -> Self {
        Self::Unavailable(format!("a stored id is not valid: {error}"))
    }
}
