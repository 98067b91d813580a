//! `products`: the points that a product gives.

use clap::Subcommand;
use paynow_desk::products::{self, Product};
use paynow_shared::ids::ProductId;
use paynow_shared::points::Points;

use crate::arguments::some_text;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::{self, Column, Format, Row, number, text};

#[derive(Debug, Subcommand)]
pub(crate) enum ProductsCommand {
    /// Sets the points of one unit of a product; 0 means that it gives none. A change is recorded
    Set {
        /// PayNow's product id
        product: ProductId,
        /// Points of one unit
        points: Points,
        /// Who you are; the name of the database login if not given
        #[arg(long, value_name = "NAME", value_parser = some_text)]
        by: Option<String>,
        /// Why you do it
        #[arg(long, value_name = "TEXT", value_parser = some_text)]
        why: Option<String>,
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
        ProductsCommand::Set {
            product,
            points,
            by,
            why,
        } => {
            let database = config.database()?;
            let (by, why) = (by.as_deref(), why.as_deref());
            let before = products::set(&database, *product, *points, by, why)?;
            let was = before.map_or_else(|| "new".to_owned(), |points| format!("was {points}"));
            output::line(&format!("product {product} gives {points} points ({was})"))
        }
        ProductsCommand::List { format } => {
            output::list(&products::list(&config.database()?)?, *format)
        }
    }
}
