//! Reads the part of the ledger that decisions depend on: a few statements for any number of events.

mod orders;
mod reversals;

use std::collections::HashMap;
use std::str::FromStr;

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use diesel::sql_types::{Array, BigInt, Binary, Nullable};
use paynow_shared::digest::BodyDigest;
use paynow_shared::event::Event;
use paynow_shared::ids::{EventId, OrderId, PaymentId, ProductId, RefundId};
use paynow_shared::points::Points;
use paynow_shared::wallet::EntryKey;

use super::plan::{charged_back_by, order_id_of, order_of, refund_of};
use super::statement::Statement;
use crate::database::DatabaseError;
use crate::decide::prices::Prices;
use crate::decide::view::LedgerView;
use crate::message::DecodedMessage;

#[derive(diesel::QueryableByName)]
struct EventRow {
    #[diesel(sql_type = BigInt)]
    event_id: i64,
    #[diesel(sql_type = Binary)]
    body_sha256: Vec<u8>,
}

#[derive(diesel::QueryableByName)]
struct PriceRow {
    #[diesel(sql_type = BigInt)]
    product_id: i64,
    /// `None` for a price without a beginning.
    #[diesel(sql_type = Nullable<BigInt>)]
    valid_from_us: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    points: Option<i64>,
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
    refunds: Vec<(RefundId, OrderId)>,
    lines: Vec<EntryKey>,
}

impl ViewKeys {
    pub(crate) fn add(&mut self, event: &Event) {
        self.events.push(event.id.get());
        self.orders.extend(order_id_of(event).map(OrderId::get));
        self.refunds
            .extend(refund_of(event).zip(order_id_of(event)));
        self.references.extend(refund_of(event).map(RefundId::get));
        self.references
            .extend(charged_back_by(event).map(PaymentId::get));
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
            reversals::read(connection, &self.orders, &self.references, &mut view)?;
        }
        if !self.refunds.is_empty() {
            view.told = reversals::told(connection, &self.refunds)?;
        }
        orders::read(connection, &self.lines, &self.orders, &mut view)?;
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
) -> Result<HashMap<ProductId, Prices>, DatabaseError> {
    product_ids.sort_unstable();
    product_ids.dedup();
    let rows: Vec<PriceRow> = Statement::new(
        "SELECT product_id, points, CASE WHEN valid_from > '-infinity' \
             THEN (extract(epoch FROM valid_from) * 1000000)::bigint END AS valid_from_us \
         FROM product_prices WHERE product_id = ANY (?) \
         ORDER BY product_id, valid_from, price_id",
    )
    .bind::<Array<BigInt>, _>(product_ids)
    .load(connection)?;
    let mut products: HashMap<ProductId, Prices> = HashMap::new();
    for row in rows {
        let prices = products
            .entry(ProductId::from_i64(row.product_id)?)
            .or_default();
        let valid_from_us = row.valid_from_us.unwrap_or(i64::MIN);
        prices.add(valid_from_us, row.points.map(Points::new));
    }
    Ok(products)
}

/// An unknown label was written by a newer version. This worker must then not apply events.
fn known<T: FromStr>(column: &str, label: &str) -> Result<T, DatabaseError> {
    label.parse().map_err(|_unknown| {
        DatabaseError::Unavailable(format!(
            "{column} holds {label:?}, which this version does not know"
        ))
    })
}
