//! Reads the part of the ledger that decisions depend on: a few statements for any number of events.

use std::collections::HashMap;
use std::str::FromStr;

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text};
use paynow_shared::digest::BodyDigest;
use paynow_shared::event::Event;
use paynow_shared::ids::{EventId, OrderId, ProductId, WalletId};
use paynow_shared::points::Points;
use paynow_shared::wallet::{EntryKey, LedgerEntry};

use super::plan::{order_id_of, order_of, reference_of};
use super::statement::Statement;
use crate::database::DatabaseError;
use crate::decide::view::{LedgerView, ReversalRecord};
use crate::message::DecodedMessage;

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
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    points: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    total_amount_minor: Option<i64>,
}

#[derive(diesel::QueryableByName)]
struct ReversalRow {
    #[diesel(sql_type = BigInt)]
    order_id: i64,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    reference_id: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    amount_minor: Option<i64>,
}

/// Reads everything that the decisions about these messages depend on.
pub(crate) fn read_view(
    connection: &mut PgConnection,
    messages: &[DecodedMessage<'_>],
) -> Result<LedgerView, DatabaseError> {
    let mut keys = ViewKeys::default();
    for event in messages.iter().filter_map(|one| one.event.as_ref().ok()) {
        keys.add(event);
    }
    keys.read(connection)
}

/// Reads the points of products only: for events that the ledger should not contain.
pub(crate) fn read_prices(
    connection: &mut PgConnection,
    messages: &[DecodedMessage<'_>],
) -> Result<LedgerView, DatabaseError> {
    let events = messages.iter().filter_map(|one| one.event.as_ref().ok());
    let lines = events.filter_map(order_of).flat_map(|order| &order.lines);
    let products = lines.map(|line| line.product_id.get()).collect();
    Ok(LedgerView {
        products: prices(connection, products)?,
        ..LedgerView::default()
    })
}

/// The keys of all rows that the decisions about some events depend on.
#[derive(Default)]
pub(crate) struct ViewKeys {
    events: Vec<i64>,
    products: Vec<i64>,
    orders: Vec<i64>,
    /// Refunds, and payments that were charged back.
    references: Vec<i64>,
    lines: Vec<EntryKey>,
}

impl ViewKeys {
    pub(crate) fn add(&mut self, event: &Event) {
        self.events.push(event.id.get());
        self.orders.extend(order_id_of(event).map(OrderId::get));
        self.references.extend(reference_of(event));
        for line in order_of(event).iter().flat_map(|order| &order.lines) {
            self.products.push(line.product_id.get());
            self.lines.push(EntryKey::order_line(line.id));
        }
    }

    pub(crate) fn read(self, connection: &mut PgConnection) -> Result<LedgerView, DatabaseError> {
        let mut view = LedgerView {
            events: known_events(connection, self.events)?,
            products: prices(connection, self.products)?,
            ..LedgerView::default()
        };
        // A reversal that is recorded after this read takes the sequence number that we would use, so
        // our insert skips its row, and the view is known to be stale.
        if !self.references.is_empty() {
            read_reversals(connection, &self.orders, &self.references, &mut view)?;
        }
        read_entries(connection, &self.lines, &self.orders, &mut view)?;
        Ok(view)
    }
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
    let known_event = |row: EventRow| {
        let wrong =
            || DatabaseError::Unavailable("a stored digest has the wrong length".to_owned());
        let digest = BodyDigest::from_bytes(&row.body_sha256).ok_or_else(wrong)?;
        Ok((EventId::from_i64(row.event_id)?, digest))
    };
    rows.into_iter().map(known_event).collect()
}

fn prices(
    connection: &mut PgConnection,
    mut product_ids: Vec<i64>,
) -> Result<HashMap<ProductId, Points>, DatabaseError> {
    product_ids.sort_unstable();
    product_ids.dedup();
    let rows: Vec<ProductRow> =
        Statement::new("SELECT product_id, points FROM products WHERE product_id = ANY (?)")
            .bind::<Array<BigInt>, _>(product_ids)
            .load(connection)?;
    let price = |row: ProductRow| {
        let product = ProductId::from_i64(row.product_id)?;
        Ok((product, Points::new(row.points)))
    };
    rows.into_iter().map(price).collect()
}

fn read_reversals(
    connection: &mut PgConnection,
    order_ids: &[i64],
    references: &[i64],
    view: &mut LedgerView,
) -> Result<(), DatabaseError> {
    let rows: Vec<ReversalRow> = diesel::sql_query(
        "SELECT order_id, kind::text AS kind, reference_id, amount_minor FROM reversals \
         WHERE order_id = ANY ($1) OR reference_id = ANY ($2) ORDER BY order_id, sequence",
    )
    .bind::<Array<BigInt>, _>(order_ids)
    .bind::<Array<BigInt>, _>(references)
    .load(connection)?;
    for row in rows {
        view.add_reversal(&ReversalRecord {
            order_id: OrderId::from_i64(row.order_id)?,
            kind: known("reversals.kind", &row.kind)?,
            reference_id: row.reference_id,
            amount_minor: row.amount_minor,
        });
    }
    Ok(())
}

/// One statement, because another transaction may commit an order between two statements: an order is
/// read with its total or not at all. A UNION, because an OR over two indexes is slow.
fn read_entries(
    connection: &mut PgConnection,
    keys: &[EntryKey],
    order_ids: &[i64],
    view: &mut LedgerView,
) -> Result<(), DatabaseError> {
    let texts: Vec<&str> = keys.iter().map(EntryKey::as_str).collect();
    let rows: Vec<EntryRow> = diesel::sql_query(
        "SELECT entry_key, wallet_id, order_id, kind::text AS kind, points, total_amount_minor \
         FROM (SELECT entry_key, wallet_id, order_id, kind, points FROM ledger_entries \
                 WHERE entry_key = ANY ($1) AND order_id IS NOT NULL \
             UNION SELECT entry_key, wallet_id, order_id, kind, points FROM ledger_entries \
                 WHERE order_id = ANY ($2)) AS entry \
             LEFT JOIN orders USING (order_id)",
    )
    .bind::<Array<Text>, _>(texts)
    .bind::<Array<BigInt>, _>(order_ids)
    .load(connection)?;
    for row in rows {
        let order_id = OrderId::from_i64(row.order_id)?;
        view.add_order(order_id, row.total_amount_minor);
        view.add_entry(&LedgerEntry {
            key: EntryKey::from_stored(row.entry_key),
            wallet_id: WalletId::from_i64(row.wallet_id)?,
            order_id,
            kind: known("ledger_entries.kind", &row.kind)?,
            points: Points::new(row.points),
        });
    }
    Ok(())
}

/// An unknown label was written by a newer version. This worker must then not apply events.
fn known<T: FromStr>(column: &str, label: &str) -> Result<T, DatabaseError> {
    label.parse().map_err(|_unknown| {
        DatabaseError::Unavailable(format!(
            "{column} holds {label:?}, which this version does not know"
        ))
    })
}
