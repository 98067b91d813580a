//! `products set` and `products remove`.

use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use paynow_desk::products::{self, NewPrice, PriceSet, Unusual};
use paynow_shared::ids::ProductId;
use paynow_shared::points::Points;
use serde_json::json;

use crate::arguments::{NoteOptions, moment, some_text};
use crate::config::Config;
use crate::failure::Failure;
use crate::output::{self, Format};

const SET_EXAMPLES: &str = "\
A price is money: say who you are and why. It is valid from now on, the first one of a product from ever.
An order is priced by the time at which it was completed, so --valid-from corrects a price of the past for
the orders of that time that are not credited yet; entries that exist are not changed.

Examples:
  paynowctl products set 600000000000000040 500 --by anna --why 'new product'
  paynowctl products set 600000000000000040 500 --valid-from 2026-11-24T08:00:00Z \\
      --by anna --why 'was set to 50 by mistake' --yes";

#[derive(Debug, Args)]
#[command(after_help = SET_EXAMPLES)]
pub(crate) struct SetOptions {
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
    /// From when the price is valid: 2026-11-24T08:00:00Z, a date, today, yesterday, or 30m, 2h, 3d ago; now
    /// if not given
    #[arg(long, value_name = "TIME", value_parser = moment)]
    valid_from: Option<DateTime<Utc>>,
    /// Set also a price of ten times the old one or more, of a tenth or less, or of more than a million points
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveOptions {
    /// PayNow's product id
    product: ProductId,
    #[command(flatten)]
    note: NoteOptions,
    #[command(flatten)]
    format: Format,
}

pub(super) fn unusual(is_accepted: bool) -> Unusual {
    if is_accepted {
        Unusual::Accept
    } else {
        Unusual::Refuse
    }
}

pub(super) fn set(options: &SetOptions, config: &Config) -> Result<(), Failure> {
    let database = config.database()?;
    let time = options.valid_from;
    let price = NewPrice {
        product: options.product,
        points: options.points,
        valid_from: time.map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
    };
    let (by, why) = (options.by.as_deref(), options.why.as_deref());
    let set = products::set(&database, &price, by, why, unusual(options.yes))?;
    if options.format.json {
        output::json(&json!({
            "product_id": price.product.to_string(),
            "points": price.points.get(),
            "points_before": set.points_before,
            "is_changed": set.is_changed,
            "starts_at": set.starts_at,
            "ends_at": set.ends_at,
        }))?;
    } else {
        output::line(&result(&price, &set))?;
    }
    if set.is_changed && (by.is_none() || why.is_none()) {
        output::error(
            "paynowctl: a price is money: give --by and --why, so that its record tells more than \
             the database login",
        );
    }
    Ok(())
}

/// The first words are the same for every price, because scripts read them.
fn result(price: &NewPrice, set: &PriceSet) -> String {
    let (product, points) = (price.product, price.points);
    let change = match set.points_before {
        None => "new".to_owned(),
        Some(before) if before == points.get() => "as before".to_owned(),
        Some(before) => format!("{before} -> {points}"),
    };
    let result = format!("product {product} gives {points} points ({change})");
    match (&set.starts_at, &set.ends_at) {
        (Some(start), Some(end)) => format!("{result} from {start} to {end}"),
        (Some(start), None) if price.valid_from.is_some() => format!("{result} from {start} on"),
        (None, Some(end)) => format!("{result} to {end}"),
        (Some(_) | None, None) => result,
    }
}

pub(super) fn remove(options: &RemoveOptions, config: &Config) -> Result<(), Failure> {
    let (product, note) = (options.product, options.note.note());
    let before = products::remove(&config.database()?, product, &note)?;
    if options.format.json {
        return output::json(&json!({
            "product_id": product.to_string(),
            "points": null,
            "points_before": before,
            "is_changed": true,
        }));
    }
    output::line(&format!(
        "product {product} is removed (gave {before} points); recorded for {}",
        note.by
    ))
}
