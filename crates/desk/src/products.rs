//! The points that a product gives. An operator keeps the price list, and each change of it is an operator
//! action; the worker only reads it.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable, Text};
use paynow_shared::ids::ProductId;
use paynow_shared::points::Points;
use serde::Serialize;

use crate::content::Prices;
use crate::database::{Database, times};
use crate::error::DeskError;
use crate::ids;
use crate::row::{One, row};

row! {
    #[derive(Serialize)]
    pub struct Product {
        #[serde(serialize_with = "ids::text")]
        pub product_id: i64,
        pub points: i64,
        pub updated_at: String,
    }
}

/// Sets the points of one unit; returns the points it gave before, `None` for a new product. Without a
/// name, the database login is recorded as who did it.
pub fn set(
    database: &Database,
    product: ProductId,
    points: Points,
    by: Option<&str>,
    why: Option<&str>,
) -> Result<Option<i64>, DeskError> {
    let before: One<Option<i64>> = sql_query("SELECT set_price($1, $2, $3, $4) AS value")
        .bind::<BigInt, _>(product.get())
        .bind::<BigInt, _>(points.get())
        .bind::<Nullable<Text>, _>(by)
        .bind::<Nullable<Text>, _>(why)
        .get_result(&mut database.open_as_operator()?)?;
    Ok(before.value)
}

/// All products, by id.
pub fn list(database: &Database) -> Result<Vec<Product>, DeskError> {
    Ok(database.read(products)?)
}

pub(crate) fn prices(connection: &mut PgConnection) -> QueryResult<Prices> {
    // No order can name a product whose number is no id.
    let price = |row: Product| {
        let product = ProductId::from_i64(row.product_id).ok()?;
        Some((product, Points::new(row.points)))
    };
    Ok(products(connection)?
        .into_iter()
        .filter_map(price)
        .collect())
}

fn products(connection: &mut PgConnection) -> QueryResult<Vec<Product>> {
    sql_query(format!(
        "SELECT product_id, points, {} FROM products ORDER BY product_id",
        times(&["updated_at"])
    ))
    .load(connection)
}
