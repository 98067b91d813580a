//! Which price was valid at which time, and who set it.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable};
use paynow_shared::ids::ProductId;
use serde::Serialize;

use super::time;
use crate::database::Database;
use crate::error::DeskError;
use crate::ids;
use crate::row::{One, row};

row! {
    /// The points of a product from a time on. Of two with the same time, the later one counts.
    #[derive(Serialize)]
    pub struct Price {
        #[serde(serialize_with = "ids::text")]
        pub product_id: i64,
        /// The shop's name of it; `None` when no import told one.
        pub name: Option<String>,
        /// `None` for a price without a beginning.
        pub valid_from: Option<String>,
        /// `None` when the product was removed.
        pub points: Option<i64>,
        /// Who set it; `None` for a price that is older than this record.
        #[serde(rename = "by")]
        pub operator: Option<String>,
        /// Who had logged in to the database.
        pub login: Option<String>,
        pub why: Option<String>,
        pub acted_at: Option<String>,
    }
}

/// Every price there ever was, of one product or of all, by product and time.
pub fn history(database: &Database, of: Option<ProductId>) -> Result<Vec<Price>, DeskError> {
    let query = format!(
        "SELECT price.product_id, product.name, {}, price.points, \
                action.operator, action.login, action.why, {} \
         FROM product_prices AS price \
             LEFT JOIN products AS product USING (product_id) \
             LEFT JOIN operator_actions AS action ON action.action_id = price.priced_by \
         WHERE price.product_id = coalesce($1, price.product_id) \
         ORDER BY price.product_id, price.valid_from, price.price_id",
        time("price.valid_from"),
        time("action.acted_at"),
    );
    let prices: Vec<Price> = database.read(|connection| {
        sql_query(query)
            .bind::<Nullable<BigInt>, _>(of.map(ProductId::get))
            .load(connection)
    })?;
    match of {
        Some(product) if prices.is_empty() => Err(DeskError::NotFound(format!(
            "product {product} never had a price"
        ))),
        Some(_) | None => Ok(prices),
    }
}

/// The price that was set last, as a refusal names it.
pub(crate) fn newest(connection: &mut PgConnection) -> QueryResult<String> {
    let row: Option<One<String>> = sql_query(
        r#"SELECT format('%s for product %s, set at %s', coalesce(points::text, 'none'), product_id,
               to_char(acted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) AS value
           FROM product_prices JOIN operator_actions ON action_id = priced_by
           ORDER BY action_id DESC LIMIT 1"#,
    )
    .get_result(connection)
    .optional()?;
    Ok(row.map_or_else(|| "none".to_owned(), |row| row.value))
}
