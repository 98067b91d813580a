//! Orders with their lines and entries.

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use paynow_shared::event::LineAmounts;
use paynow_shared::ids::{OrderId, OrderLineId, ProductId, WalletId};
use paynow_shared::points::Points;
use paynow_shared::wallet::{EntryKey, LedgerEntry};

use super::known;
use crate::database::DatabaseError;
use crate::decide::view::{LedgerView, LineDetails};

/// One statement, because another transaction may commit an order between two statements: an order is
/// read whole or not at all. A UNION, because an OR over two indexes is slow. Each row has the columns of
/// an entry, of a line, or of an order, and the others are null.
const ORDERS: &str = "\
    WITH entry AS (
        SELECT entry_key, wallet_id, order_id, kind, points FROM ledger_entries
            WHERE entry_key = ANY ($1) AND order_id IS NOT NULL
        UNION SELECT entry_key, wallet_id, order_id, kind, points FROM ledger_entries
            WHERE order_id = ANY ($2))
    SELECT order_id, entry_key, wallet_id, kind::text AS kind, points, NULL::bigint AS line_id,
        NULL::bigint AS product_id, NULL::bigint AS quantity, NULL::bigint AS total_amount_minor,
        NULL::bigint AS tax_amount_minor, NULL::bigint AS giftcard_amount_minor,
        NULL::text AS currency
        FROM entry
    UNION ALL SELECT order_id, NULL, NULL, NULL, NULL, line_id, product_id, quantity,
        total_amount_minor, tax_amount_minor, giftcard_amount_minor, NULL
        FROM order_lines WHERE order_id = ANY ($2)
    UNION ALL SELECT order_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        total_amount_minor, NULL, giftcard_amount_minor, currency
        FROM orders WHERE order_id = ANY ($2)";

#[derive(diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    order_id: i64,
    #[diesel(sql_type = Nullable<Text>)]
    entry_key: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    wallet_id: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    kind: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    points: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    line_id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    product_id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    quantity: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    total_amount_minor: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    tax_amount_minor: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    giftcard_amount_minor: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    currency: Option<String>,
}

/// Reads the orders, and the entries that have the keys, of whatever order.
pub(super) fn read(
    connection: &mut PgConnection,
    keys: &[EntryKey],
    order_ids: &[i64],
    view: &mut LedgerView,
) -> Result<(), DatabaseError> {
    let texts: Vec<&str> = keys.iter().map(EntryKey::as_str).collect();
    let rows: Vec<Row> = diesel::sql_query(ORDERS)
        .bind::<Array<Text>, _>(texts)
        .bind::<Array<BigInt>, _>(order_ids)
        .load(connection)?;
    for row in rows {
        let order_id = OrderId::from_i64(row.order_id)?;
        if let (Some(key), Some(wallet_id), Some(kind), Some(points)) =
            (row.entry_key, row.wallet_id, row.kind, row.points)
        {
            view.add_entry(&LedgerEntry {
                key: EntryKey::from_stored(key),
                wallet_id: WalletId::from_i64(wallet_id)?,
                order_id,
                kind: known("ledger_entries.kind", &kind)?,
                points: Points::new(points),
            });
            continue;
        }
        let order = view.orders.entry(order_id).or_default();
        if let (Some(line_id), Some(product_id), Some(quantity)) =
            (row.line_id, row.product_id, row.quantity)
        {
            let line = order.lines.entry(OrderLineId::from_i64(line_id)?);
            line.or_default().details = Some(LineDetails {
                product_id: ProductId::from_i64(product_id)?,
                quantity,
                amounts: LineAmounts {
                    total: row.total_amount_minor,
                    tax: row.tax_amount_minor,
                    giftcard: row.giftcard_amount_minor,
                },
            });
        } else {
            order.total_amount_minor = row.total_amount_minor;
            order.giftcard_amount_minor = row.giftcard_amount_minor;
            // The version before recorded it as PayNow spelled it.
            order.currency = row.currency.map(|code| code.to_ascii_uppercase());
        }
    }
    Ok(())
}
