//! What a body is about: its order, its wallets, and the points it would give. Pure.

use std::collections::{BTreeSet, HashMap};

use paynow_shared::event::{EventKind, Order};
use paynow_shared::ids::ProductId;
use paynow_shared::points::Points;
use paynow_shared::wire::decode;
use serde_json::Value;

/// The price list.
pub(super) type Products = HashMap<ProductId, Points>;

/// What can be said of a body that could not be applied; read more leniently than the worker does,
/// because this is for finding things.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct About {
    pub(super) order: Option<i64>,
    pub(super) wallets: BTreeSet<i64>,
    /// The points it would give as prices are now; `None` when that cannot be told.
    pub(super) stake: Option<Points>,
}

impl About {
    pub(super) fn read(body: &[u8], products: &Products) -> Self {
        let document: Value = serde_json::from_slice(body).unwrap_or_default();
        let about = document.get("body").unwrap_or(&Value::Null);
        let is_order = document
            .get("event_type")
            .and_then(Value::as_str)
            .is_some_and(|event_type| event_type.starts_with("ON_ORDER_"));
        let own_id = about.get("id").filter(|_id| is_order);
        let named = [own_id, about.get("order_id"), about.pointer("/order/id")];
        Self {
            order: named.into_iter().flatten().find_map(id),
            wallets: wallets(about),
            stake: stake(body, products),
        }
    }
}

/// The buyer and whoever receives a gift.
fn wallets(body: &Value) -> BTreeSet<i64> {
    let order = body.get("order").unwrap_or(&Value::Null);
    let lines = [body, order]
        .into_iter()
        .filter_map(|one| one.get("lines").and_then(Value::as_array))
        .flatten();
    let receivers = lines.filter_map(|line| line.pointer("/gift_to_customer/id"));
    [body, order]
        .into_iter()
        .filter_map(|one| one.pointer("/customer/id"))
        .chain(receivers)
        .filter_map(id)
        .collect()
}

/// An id is a string, or a plain integer.
fn id(value: &Value) -> Option<i64> {
    value
        .as_str()
        .map_or_else(|| value.as_i64(), |text| text.parse().ok())
}

fn stake(body: &[u8], products: &Products) -> Option<Points> {
    let event = decode(body).ok()?;
    if let EventKind::OrderCompleted(order) = &event.kind {
        return points_of(order, products);
    }
    // What a refund or a chargeback is worth is in the ledger, not in its body.
    matches!(event.kind, EventKind::Ignored).then_some(Points::ZERO)
}

fn points_of(order: &Order, products: &Products) -> Option<Points> {
    order.lines.iter().try_fold(Points::ZERO, |sum, line| {
        let price = products.get(&line.product_id)?;
        // A quantity that makes no sense is no reason to show a debt.
        let quantity = line.quantity.unwrap_or(1).max(0);
        sum.checked_add(price.checked_times(quantity)?)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn about(event: &Value) -> About {
        let products = [(40, 500), (41, i64::MAX)]
            .map(|(product, points)| (ProductId::from_i64(product).unwrap(), Points::new(points)));
        About::read(event.to_string().as_bytes(), &products.into())
    }

    fn order(lines: Value) -> Value {
        let body = json!({"id": "10", "customer": {"id": "20"}, "lines": lines});
        json!({"event_type": "ON_ORDER_COMPLETED", "event_id": "1", "body": body})
    }

    #[test]
    fn an_order_is_about_its_buyer_its_receivers_and_its_points() {
        let lines = json!([
            {"id": "1", "product_id": "40", "quantity": 2},
            {"id": "2", "product_id": "40", "gift_to_customer": {"id": 21}},
        ]);
        let expected = About {
            order: Some(10),
            wallets: [20, 21].into(),
            stake: Some(Points::new(1500)),
        };
        assert_eq!(about(&order(lines)), expected);
    }

    #[test]
    fn points_that_cannot_be_told_are_unknown() {
        let unknown_product = json!([{"id": "1", "product_id": "49"}]);
        let too_many = json!([{"id": "1", "product_id": "41", "quantity": 2}]);
        let no_product = json!([{"id": "1"}]);
        for lines in [unknown_product, too_many, no_product] {
            assert_eq!(about(&order(lines.clone())).stake, None, "{lines}");
        }
        assert_eq!(About::read(b"not JSON", &Products::new()), About::default());
    }

    #[test]
    fn a_refund_names_its_order_and_what_moves_no_points_has_none_at_stake() {
        let refund = json!({"event_type": "ON_REFUND", "event_id": "1", "body":
            {"id": "5", "order_id": "10", "customer": {"id": "20"}}});
        let read = about(&refund);
        assert_eq!((read.order, read.stake), (Some(10), None));
        assert_eq!(read.wallets, [20].into());
        let other = json!({"event_type": "ON_NEW_THING", "event_id": "1", "body": {"id": "5"}});
        assert_eq!(about(&other).order, None);
        assert_eq!(about(&other).stake, Some(Points::ZERO));
    }
}
