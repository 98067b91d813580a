//! What a recorded order was, as far as a refund or a chargeback of it needs it.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::BigInt;
use paynow_shared::ids::OrderId;

use crate::database::Database;
use crate::error::DeskError;
use crate::row::row;

row! {
    #[derive(Clone, PartialEq, Eq)]
    pub struct Sale {
        pub order_id: i64,
        pub store_id: Option<i64>,
        /// The buyer's.
        pub wallet_id: Option<i64>,
        pub currency: String,
        /// In minor units, without what was paid with gift cards.
        pub charged_minor: i64,
        /// The first line's, or half of an order of one line.
        pub part_minor: i64,
    }
}

pub fn sale(database: &Database, order: OrderId) -> Result<Sale, DeskError> {
    let found: Option<Sale> = database.read(|connection| {
        sql_query(
            "SELECT order_id, store_id, buyer_wallet_id AS wallet_id, coalesce(currency, '') AS currency, \
                    charged AS charged_minor, \
                    CASE WHEN lines > 1 THEN coalesce(first_line, charged / 2) ELSE charged / 2 END \
                        AS part_minor \
             FROM orders, LATERAL ( \
                 SELECT coalesce(total_amount_minor, 0) - coalesce(giftcard_amount_minor, 0) AS charged \
             ) AS paid, LATERAL ( \
                 SELECT count(*) AS lines, \
                        (array_agg(total_amount_minor - coalesce(giftcard_amount_minor, 0) \
                                   ORDER BY line_id))[1] AS first_line \
                 FROM order_lines WHERE order_lines.order_id = orders.order_id \
             ) AS bought \
             WHERE order_id = $1",
        )
        .bind::<BigInt, _>(order.get())
        .get_result(connection)
        .optional()
    })?;
    found.ok_or_else(|| {
        DeskError::NotFound(format!(
            "there is no order {order}: a worker records it when it credits it"
        ))
    })
}
