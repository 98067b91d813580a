//! What a body concerns: its order, its wallets, and the points it would give. Pure.

use std::collections::{BTreeSet, HashMap};

use paynow_shared::event::{EventKind, Order};
use paynow_shared::ids::ProductId;
use paynow_shared::points::Points;
use paynow_shared::wire::decode;
use serde::Serialize;
use serde_json::Value;

use crate::ids;

/// The points of one unit of each product.
pub(crate) type Prices = HashMap<ProductId, Points>;

/// What a body that could not be applied concerns. It is read more leniently than the worker reads,
/// because operators search by it.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Content {
    #[serde(serialize_with = "ids::optional")]
    pub order_id: Option<i64>,
    /// The buyer and the receivers of gifts.
    #[serde(serialize_with = "ids::list")]
    pub wallet_ids: BTreeSet<i64>,
    /// The points it would give at the prices of now; `None` when they are unknown.
    pub points_at_stake: Option<i64>,
}

impl Content {
    pub(crate) fn read(body: &[u8], prices: &Prices) -> Self {
        let document: Value = serde_json::from_slice(body).unwrap_or_default();
        let body_of_event = document.get("body").unwrap_or(&Value::Null);
        let is_order = document
            .get("event_type")
            .and_then(Value::as_str)
            .is_some_and(|event_type| event_type.starts_with("ON_ORDER_"));
        let order_ids = [
            body_of_event.get("id").filter(|_id| is_order),
            body_of_event.get("order_id"),
            body_of_event.pointer("/order/id"),
        ];
        Self {
            order_id: order_ids.into_iter().flatten().find_map(id),
            wallet_ids: wallet_ids(body_of_event),
            points_at_stake: points_at_stake(body, prices).map(Points::get),
        }
    }
}

impl Content {
    /// Of a letter whose points were credited or given up.
    pub(crate) fn with_nothing_at_stake(self) -> Self {
        Self {
            points_at_stake: Some(0),
            ..self
        }
    }
}

fn wallet_ids(body: &Value) -> BTreeSet<i64> {
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

fn points_at_stake(body: &[u8], prices: &Prices) -> Option<Points> {
    let event = decode(body).ok()?;
    if let EventKind::OrderCompleted(order) = &event.kind {
        return points_of(order, prices);
    }
    // The points of a refund or a chargeback are in the ledger, not in its body.
    matches!(event.kind, EventKind::Ignored).then_some(Points::ZERO)
}

fn points_of(order: &Order, prices: &Prices) -> Option<Points> {
    order.lines.iter().try_fold(Points::ZERO, |sum, line| {
        let price = prices.get(&line.product_id)?;
        // A negative quantity must not show as a debt.
        let quantity = line.quantity.unwrap_or(1).max(0);
        sum.checked_add(price.checked_times(quantity)?)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn content(event: &Value) -> Content {
        let prices = [(40, 500), (41, i64::MAX)]
            .map(|(product, points)| (ProductId::from_i64(product).unwrap(), Points::new(points)));
        Content::read(event.to_string().as_bytes(), &prices.into())
    }

    fn order(lines: Value) -> Value {
        let body = json!({"id": "10", "customer": {"id": "20"}, "lines": lines});
        json!({"event_type": "ON_ORDER_COMPLETED", "event_id": "1", "body": body})
    }

    #[test]
    fn an_order_concerns_its_buyer_its_receivers_and_its_points() {
        let lines = json!([
            {"id": "1", "product_id": "40", "quantity": 2},
            {"id": "2", "product_id": "40", "gift_to_customer": {"id": 21}},
        ]);
        let expected = Content {
            order_id: Some(10),
            wallet_ids: [20, 21].into(),
            points_at_stake: Some(1500),
        };
        assert_eq!(content(&order(lines)), expected);
    }

    #[test]
    fn points_without_a_price_are_unknown() {
        let unknown_product = json!([{"id": "1", "product_id": "49"}]);
        let too_many = json!([{"id": "1", "product_id": "41", "quantity": 2}]);
        let no_product = json!([{"id": "1"}]);
        for lines in [unknown_product, too_many, no_product] {
            assert_eq!(
                content(&order(lines.clone())).points_at_stake,
                None,
                "{lines}"
            );
        }
        assert_eq!(
            Content::read(b"not JSON", &Prices::new()),
            Content::default()
        );
    }

    #[test]
    fn a_refund_names_its_order_and_an_ignored_event_has_no_points_at_stake() {
        let refund = json!({"event_type": "ON_REFUND", "event_id": "1", "body":
            {"id": "5", "order_id": "10", "customer": {"id": "20"}}});
        let read = content(&refund);
        assert_eq!((read.order_id, read.points_at_stake), (Some(10), None));
        assert_eq!(read.wallet_ids, [20].into());
        let other = json!({"event_type": "ON_NEW_THING", "event_id": "1", "body": {"id": "5"}});
        assert_eq!(content(&other).order_id, None);
        assert_eq!(content(&other).points_at_stake, Some(0));
    }
}
