//! The points of one line of an order. Pure.

#![deny(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::float_arithmetic
)]

use paynow_shared::event::OrderLine;
use paynow_shared::points::Points;
use paynow_shared::reason::Reason;
use paynow_shared::wire::Failure;

use super::decision::overflow;
use super::policy::{Policy, Treatment, UnknownProducts};
use super::view::LedgerView;

pub(super) fn points_of(
    line: &OrderLine,
    at_us: i64,
    view: &LedgerView,
    policy: &Policy,
) -> Result<Points, Failure> {
    // The paid order that follows a trial has an amount, and may name the trial too.
    let is_trial = line.is_of_trial && line.amounts.total.unwrap_or_default() == 0;
    match policy.trials.0 {
        Treatment::Ignore if is_trial => return Ok(Points::ZERO),
        Treatment::DeadLetter if is_trial => {
            let error = format!(
                "line {} is a trial, for a person to decide (TRIALS)",
                line.id
            );
            return Err(Failure::new(Reason::OrderType, error));
        }
        Treatment::Credit | Treatment::Ignore | Treatment::DeadLetter => {}
    }
    let prices = view.products.get(&line.product_id);
    let price = match prices.and_then(|prices| prices.at(at_us)) {
        Some(price) => price,
        None => points_in_metadata(line, policy)?,
    };
    price
        .checked_times(line.quantity_or_one())
        .ok_or_else(|| overflow("the points of a line"))
}

/// For a product without a price.
fn points_in_metadata(line: &OrderLine, policy: &Policy) -> Result<Points, Failure> {
    let unknown = |error: String| Failure::new(Reason::UnknownProduct, error);
    let product = line.product_id;
    let key = policy.points_metadata_key.as_ref();
    let text = key.and_then(|key| line.product_metadata.get(key));
    match (key, text, policy.unknown_products) {
        (Some(key), Some(text), _) => text
            .parse()
            .map_err(|error| unknown(format!("metadata {key:?} of product {product}: {error}"))),
        (None | Some(_), None | Some(_), UnknownProducts::Zero) => Ok(Points::ZERO),
        (None, None | Some(_), UnknownProducts::DeadLetter) => {
            let error = format!("product {product} has no points in products");
            Err(unknown(error))
        }
        (Some(key), None, UnknownProducts::DeadLetter) => {
            let error =
                format!("product {product} has no points in products and no metadata {key:?}");
            Err(unknown(error))
        }
    }
}
