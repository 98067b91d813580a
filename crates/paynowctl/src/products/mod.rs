//! `products`: the points that a product gives.

mod change;
mod csv;
mod file;
mod import;

use clap::{Args, Subcommand};
use paynow_desk::products::{self, Price, Product};
use paynow_shared::ids::ProductId;

use self::change::{RemoveOptions, SetOptions};
use self::import::ImportOptions;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::{self, Column, Format, Row, number, or_dash, text};

#[derive(Debug, Subcommand)]
pub(crate) enum ProductsCommand {
    /// Sets the points of one unit of a product; 0 means that it gives none. A change is recorded
    Set(SetOptions),
    /// Removes a product: orders that are completed from now on do not know it
    Remove(RemoveOptions),
    /// Sets prices and names from a file or from PayNow; a dry run without --apply
    Import(ImportOptions),
    /// Prints every product, its points and its name, as `products import` reads them
    Export(ExportOptions),
    /// Lists every product and its points
    List(ListOptions),
}

#[derive(Debug, Args)]
pub(crate) struct ExportOptions {
    /// Print CSV instead of JSON
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    #[command(flatten)]
    format: Format,
}

const LIST_EXAMPLES: &str = "\
An order is priced by the time at which it was completed: of the prices of its product, the newest that
was valid then counts. Of two that are valid from the same time, the one that was set later counts.

Examples:
  paynowctl products list
  paynowctl products list --history --product 600000000000000040";

#[derive(Debug, Args)]
#[command(after_help = LIST_EXAMPLES)]
pub(crate) struct ListOptions {
    /// List every price there ever was, with who set it and why
    #[arg(long)]
    history: bool,
    /// Only the prices of this product
    #[arg(long, value_name = "PRODUCT", requires = "history")]
    product: Option<ProductId>,
    #[command(flatten)]
    format: Format,
}

impl Row for Product {
    const COLUMNS: &'static [Column<Self>] = &[
        text("product", |it| it.product_id.to_string()),
        number("points", |it| it.points.to_string()),
        text("set at", |it| it.updated_at.clone()),
        text("name", |it| or_dash(it.name.as_ref())),
    ];
}

impl Row for Price {
    const COLUMNS: &'static [Column<Self>] = &[
        text("product", |it| it.product_id.to_string()),
        text("valid from", |it| {
            it.valid_from.clone().unwrap_or_else(|| "ever".to_owned())
        }),
        number("points", |it| {
            it.points
                .map_or_else(|| "removed".to_owned(), |it| it.to_string())
        }),
        text("by", |it| or_dash(it.operator.as_ref())),
        text("why", |it| or_dash(it.why.as_ref())),
        text("set at", |it| or_dash(it.acted_at.as_ref())),
        text("name", |it| or_dash(it.name.as_ref())),
    ];
}

pub(crate) fn run(command: &ProductsCommand, config: &Config) -> Result<(), Failure> {
    match command {
        ProductsCommand::Set(options) => change::set(options, config),
        ProductsCommand::Remove(options) => change::remove(options, config),
        ProductsCommand::Import(options) => import::run(options, config),
        ProductsCommand::Export(options) => export(options, config),
        ProductsCommand::List(options) => list(options, config),
    }
}

fn export(options: &ExportOptions, config: &Config) -> Result<(), Failure> {
    let products = products::list(&config.database()?)?;
    let entries: Vec<file::Entry> = products.into_iter().map(file::Entry::from).collect();
    if !options.csv {
        return output::json(&entries);
    }
    file::csv_lines(&entries)
        .iter()
        .try_for_each(|line| output::line(line))
}

fn list(options: &ListOptions, config: &Config) -> Result<(), Failure> {
    let database = config.database()?;
    if options.history {
        output::list(
            &products::history(&database, options.product)?,
            options.format,
        )
    } else {
        output::list(&products::list(&database)?, options.format)
    }
}
