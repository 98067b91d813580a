//! `products`: the points that a product gives.

use clap::Subcommand;
use paynow_desk::products::{self, Product};
use paynow_shared::ids::ProductId;
use paynow_shared::points::Points;

use crate::config::Config;
use crate::failure::Failure;
use crate::output::{self, Column, Format, Row, number, text};

#[derive(Debug, Subcommand)]
pub(crate) enum ProductsCommand {
    /// Sets the points of one unit of a product; 0 means that it gives none
    Set {
        /// PayNow's product id
        product: ProductId,
        /// Points of one unit
        points: Points,
    },
    /// Lists every product and its points
    List {
        #[command(flatten)]
        format: Format,
    },
}

impl Row for Product {
    const COLUMNS: &'static [Column<Self>] = &[
        text("product", |it| it.product_id.to_string()),
        number("points", |it| it.points.to_string()),
        text("set at", |it| it.updated_at.clone()),
    ];
}

pub(crate) fn run(command: &ProductsCommand, config: &Config) -> Result<(), Failure> {
    match command {
        ProductsCommand::Set { product, points } => {
            let before = products::set(&config.database()?, *product, *points)?;
            let was = before.map_or_else(|| "new".to_owned(), |points| format!("was {points}"));
            output::line(&format!("product {product} gives {points} points ({was})"))
        }
        ProductsCommand::List { format } => {
            output::list(&products::list(&config.database()?)?, *format)
        }
    }
}
