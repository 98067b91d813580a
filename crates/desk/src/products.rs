//! The points that a product gives. An operator keeps the price list, and each change of it is an operator
//! action; the worker only reads it.

mod caution;
mod history;
mod import;
mod paynow;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable, Text};
use paynow_shared::ids::ProductId;
use paynow_shared::points::Points;
use serde::Serialize;

pub use self::caution::Unusual;
pub(crate) use self::history::newest as newest_price;
pub use self::history::{Price, history};
pub use self::import::{Change, Difference, Extent, Listed, import};
pub use self::paynow::of_store;
use crate::actions::Note;
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
        /// The shop's name of it; `None` when no import told one.
        pub name: Option<String>,
        pub points: i64,
        pub updated_at: String,
    }

    /// What became of a price that was set.
    pub struct PriceSet {
        /// `false` when it was so already.
        pub is_changed: bool,
        /// What the product gave at that time; `None` for a new product.
        pub points_before: Option<i64>,
        /// `None` for the first price of a product, which has no beginning.
        pub starts_at: Option<String>,
        /// When a later price follows, `None` when none does.
        pub ends_at: Option<String>,
    }
}

/// A price that somebody wants.
#[derive(Debug, Clone)]
pub struct NewPrice {
    pub product: ProductId,
    /// Of one unit.
    pub points: Points,
    /// RFC 3339; `None` for now.
    pub valid_from: Option<String>,
}

/// Sets the points of one unit. Without a name, the database login is recorded as who did it.
pub fn set(
    database: &Database,
    price: &NewPrice,
    by: Option<&str>,
    why: Option<&str>,
    unusual: Unusual,
) -> Result<PriceSet, DeskError> {
    let query = format!(
        "SELECT is_changed, points_before, {}, {} \
         FROM set_price($1, $2, $3::timestamptz, $4, $5)",
        time("starts_at"),
        time("ends_at"),
    );
    database.open_as_operator()?.transaction(|connection| {
        let set: PriceSet = sql_query(query)
            .bind::<BigInt, _>(price.product.get())
            .bind::<BigInt, _>(price.points.get())
            .bind::<Nullable<Text>, _>(price.valid_from.as_deref())
            .bind::<Nullable<Text>, _>(by)
            .bind::<Nullable<Text>, _>(why)
            .get_result(connection)
            .map_err(|error| caution::explained(error, price))?;
        if set.is_changed {
            unusual.accept(price.product, set.points_before, price.points.get())?;
        }
        Ok(set)
    })
}

/// Removes a product; returns the points that it gave.
pub fn remove(database: &Database, product: ProductId, note: &Note) -> Result<i64, DeskError> {
    let before: One<Option<i64>> = sql_query("SELECT remove_price($1, $2, $3) AS value")
        .bind::<BigInt, _>(product.get())
        .bind::<Text, _>(&note.by)
        .bind::<Text, _>(&note.why)
        .get_result(&mut database.open_as_operator()?)?;
    before.value.ok_or_else(|| {
        DeskError::NotFound(format!("product {product} has no price: nothing was done"))
    })
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
        "SELECT product_id, name, points, {} FROM products ORDER BY product_id",
        times(&["updated_at"])
    ))
    .load(connection)
}

/// SQL that selects a time which may be infinite, and is null then.
fn time(column: &str) -> String {
    let (value, name) = match column.rsplit_once('.') {
        Some((_table, name)) => (column, name),
        None => (column, column),
    };
    format!(
        r#"CASE WHEN isfinite({value})
           THEN to_char({value} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') END AS {name}"#
    )
}
