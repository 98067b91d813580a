//! What a product gives. `paynow_operator` keeps the price list: the worker only reads it.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable, Text};
use paynow_shared::ids::ProductId;
use paynow_shared::points::Points;
use serde_json::{Value, json};

use crate::config::Config;
use crate::database::{DatabaseError, open_as_operator, read, time_text};
use crate::failure::Failure;
use crate::output::{self, Column, Format};

#[derive(QueryableByName)]
struct Before {
    #[diesel(sql_type = Nullable<BigInt>)]
    points: Option<i64>,
}

#[derive(QueryableByName)]
struct Product {
    #[diesel(sql_type = BigInt)]
    product_id: i64,
    #[diesel(sql_type = BigInt)]
    points: i64,
    #[diesel(sql_type = Text)]
    updated_at: String,
}

pub(crate) fn set(product: ProductId, points: Points, config: &Config) -> Result<(), Failure> {
    let mut connection = open_as_operator(&config.database_url()?)?;
    // Both parts of the statement see the table as it was before.
    let before: Before = sql_query(
        "WITH written AS ( \
             INSERT INTO products (product_id, points) VALUES ($1, $2) \
             ON CONFLICT ON CONSTRAINT products_pkey \
                 DO UPDATE SET points = excluded.points, updated_at = now()) \
         SELECT (SELECT points FROM products WHERE product_id = $1) AS points",
    )
    .bind::<BigInt, _>(product.get())
    .bind::<BigInt, _>(points.get())
    .get_result(&mut connection)
    .map_err(DatabaseError::from)?;
    let was = before
        .points
        .map_or_else(|| "new".to_owned(), |points| format!("was {points}"));
    output::line(&format!("product {product} gives {points} points ({was})"))
}

pub(crate) fn list(format: Format, config: &Config) -> Result<(), Failure> {
    let query = format!(
        "SELECT product_id, points, {} AS updated_at FROM products ORDER BY product_id",
        time_text("updated_at")
    );
    let products: Vec<Product> = read(&config.database_url()?, |connection| {
        sql_query(query).load(connection)
    })?;
    if format.json {
        return output::json(&products.iter().map(row).collect());
    }
    output::table(
        &[
            Column::Text("product"),
            Column::Number("points"),
            Column::Text("set at"),
        ],
        products.into_iter().map(|product| {
            vec![
                product.product_id.to_string(),
                product.points.to_string(),
                product.updated_at,
            ]
        }),
    )
}

fn row(product: &Product) -> Value {
    json!({
        "product_id": product.product_id.to_string(),
        "points": product.points,
        "updated_at": product.updated_at,
    })
}
