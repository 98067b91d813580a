//! Random webhook envelopes, shaped like the bodies `PayNow`'s schema publishes.
//!
//! The published schema calls fields "required" that are sometimes absent, so a reader that trusts
//! it breaks in production. [`Completeness::Sparse`] makes every field that the wallet flow does
//! not need present, null or absent at random. Unknown extra fields appear in both modes, because
//! `PayNow` adds fields without notice. Nothing here reads a clock, so a seed always gives the same
//! envelope.

mod delivery;
mod money;
mod order;
mod shape;
mod shop;
mod subscription;
mod texts;

#[cfg(test)]
mod tests;

use fastrand::Rng;
use serde_json::Value;

use shape::{Builder, Table, flake};

/// How many of the optional fields an envelope has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Completeness {
    /// Every field of the published schema is there. A gift receiver may still be null, because
    /// most lines are no gift.
    Full,
    /// Each optional field is present, null or absent at random.
    Sparse,
}

/// The identifiers a test asserts on. All others in an envelope are random.
///
/// `body_id` is the `id` of the body whatever the type: the order of `ON_ORDER_COMPLETED`, the
/// refund of `ON_REFUND`, the payment of the payment and chargeback events. `order_id` is the order
/// that such a body points at, so a refund of order `o` takes `Ids { order_id: o.body_id, ..ids }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) event_id: i64,
    pub(crate) body_id: i64,
    pub(crate) store_id: i64,
    pub(crate) order_id: i64,
    pub(crate) customer_id: i64,
    pub(crate) product_id: i64,
}

impl Ids {
    /// Six different identifiers; they also differ from all that [`envelope`] invents.
    pub(crate) fn random(rng: &mut Rng) -> Self {
        Self {
            event_id: flake(rng, 0),
            body_id: flake(rng, 1),
            store_id: flake(rng, 2),
            order_id: flake(rng, 3),
            customer_id: flake(rng, 4),
            product_id: flake(rng, 5),
        }
    }
}

/// One table per event type, so the list of names below cannot drift from what can be built.
const BODIES: [(&str, Table); 19] = [
    ("ON_ORDER_COMPLETED", order::COMPLETED),
    ("ON_PAYMENT_COMPLETED", money::PAYMENT_COMPLETED),
    ("ON_PAYMENT_FAILED", money::PAYMENT_FAILED),
    ("ON_REFUND", money::REFUND),
    ("ON_CHARGEBACK", money::CHARGEBACK),
    ("ON_CHARGEBACK_CLOSED", money::CHARGEBACK_CLOSED),
    ("ON_SUBSCRIPTION_ACTIVATED", subscription::ACTIVATED),
    ("ON_SUBSCRIPTION_RENEWED", subscription::RENEWED),
    ("ON_SUBSCRIPTION_CANCELED", subscription::CANCELED),
    ("ON_TRIAL_ACTIVATED", subscription::TRIAL_ACTIVATED),
    ("ON_TRIAL_COMPLETED", subscription::TRIAL_COMPLETED),
    ("ON_TRIAL_CANCELED", subscription::TRIAL_CANCELED),
    ("ON_DELIVERY_ITEM_ADDED", delivery::ADDED),
    ("ON_DELIVERY_ITEM_ACTIVATED", delivery::ACTIVATED),
    ("ON_DELIVERY_ITEM_USED", delivery::USED),
    ("ON_DELIVERY_ITEM_RENEWED", delivery::RENEWED),
    ("ON_DELIVERY_ITEM_EXPIRED", delivery::EXPIRED),
    ("ON_DELIVERY_ITEM_REVOKED", delivery::REVOKED),
    (
        "ON_DISCORD_ACCOUNT_LINKED_TO_CHECKOUT",
        delivery::DISCORD_LINKED,
    ),
];

/// The event types whose bodies `PayNow` publishes.
pub(crate) const EVENT_TYPES: [&str; 19] = {
    let mut names = [""; 19];
    let mut index = 0;
    while index < names.len() {
        names[index] = BODIES[index].0;
        index += 1;
    }
    names
};

/// A complete envelope `{event_type, event_id, body}` for one of [`EVENT_TYPES`].
///
/// The envelope itself may carry an unknown field too.
pub(crate) fn envelope(
    event_type: &str,
    ids: &Ids,
    completeness: Completeness,
    rng: &mut Rng,
) -> Value {
    let table = body_table(event_type);
    let mut builder = Builder::new(ids, completeness, rng);
    let body = builder.object(table);
    builder.wrap(event_type, body)
}

/// The points that an order must credit, line by line, read from the envelope alone: (wallet,
/// points).
///
/// A line without a quantity is one unit. A gift goes to its receiver, everything else to the
/// buyer.
pub(crate) fn order_points(envelope: &Value, points_per_unit: i64) -> Vec<(i64, i64)> {
    let body = &envelope["body"];
    let lines = body["lines"].as_array();
    assert!(lines.is_some(), "order without lines: {envelope}");
    let buyer = parsed_id(&body["customer"]);
    assert!(buyer.is_some(), "order without customer.id: {envelope}");
    let buyer = buyer.unwrap_or_default();
    let credit = |line: &Value| {
        let wallet = parsed_id(&line["gift_to_customer"]).unwrap_or(buyer);
        let quantity = &line["quantity"];
        let units = quantity.as_i64().unwrap_or(1);
        // A quantity that is neither null nor an integer is a broken envelope and never one unit.
        assert!(quantity.is_null() || quantity.is_i64(), "quantity: {line}");
        (wallet, points_per_unit * units)
    };
    lines.into_iter().flatten().map(credit).collect()
}

fn body_table(event_type: &str) -> Table {
    let found = BODIES.iter().find(|(name, _)| *name == event_type);
    assert!(found.is_some(), "no published body for {event_type}");
    found.map(|(_, table)| *table).unwrap_or_default()
}

fn parsed_id(owner: &Value) -> Option<i64> {
    owner["id"].as_str()?.parse().ok()
}
