//! The bodies of the events that change points, with only the fields that the ledger needs.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::object::Object;
use crate::event::{Chargeback, ChargebackState, Order, OrderLine, Refund};
use crate::ids::{OrderId, OrderLineId, PaymentId, ProductId, RefundId, StoreId, WalletId};

#[derive(Deserialize)]
struct OrderBody {
    id: OrderId,
    store_id: Option<StoreId>,
    customer: Option<Object<Buyer>>,
    total_amount: Option<i64>,
    currency: Option<String>,
    lines: Vec<Object<LineBody>>,
}

/// The id may be missing: when every line is a gift, the buyer gets no points.
#[derive(Deserialize)]
struct Buyer {
    id: Option<WalletId>,
}

/// The id is required: a gift without a receiver must not be credited to the buyer.
#[derive(Deserialize)]
struct GiftReceiver {
    id: WalletId,
}

#[derive(Deserialize)]
struct LineBody {
    id: OrderLineId,
    product_id: ProductId,
    quantity: Option<i64>,
    gift_to_customer: Option<Object<GiftReceiver>>,
    product: Option<Object<ProductBody>>,
}

#[derive(Deserialize)]
struct ProductBody {
    #[serde(default, deserialize_with = "texts_of_map")]
    metadata: BTreeMap<String, String>,
}

/// The string values of a metadata map; `PayNow` documents no other type, and others are ignored.
fn texts_of_map<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let values = Option::<BTreeMap<String, serde_json::Value>>::deserialize(from)?;
    Ok(values
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(key, value)| Some((key, value.as_str()?.to_owned())))
        .collect())
}

pub(super) fn order(body: &str) -> Result<Order, serde_json::Error> {
    let Object(body): Object<OrderBody> = serde_json::from_str(body)?;
    Ok(Order {
        id: body.id,
        store_id: body.store_id,
        customer_id: body.customer.and_then(|Object(buyer)| buyer.id),
        total_amount_minor: body.total_amount,
        currency: body.currency.filter(|code| is_currency(code)),
        lines: body.lines.into_iter().map(order_line).collect(),
    })
}

#[derive(Deserialize)]
struct RefundBody {
    id: RefundId,
    order_id: OrderId,
    store_id: Option<StoreId>,
    status: Option<String>,
    store_refund_amount: Option<i64>,
    amount: Option<i64>,
}

pub(super) fn refund(body: &str) -> Result<Refund, serde_json::Error> {
    let Object(body): Object<RefundBody> = serde_json::from_str(body)?;
    Ok(Refund {
        id: body.id,
        order_id: body.order_id,
        store_id: body.store_id,
        status: body.status,
        amount_minor: body.store_refund_amount.or(body.amount),
    })
}

#[derive(Deserialize)]
struct ChargebackBody {
    id: PaymentId,
    order_id: OrderId,
    store_id: Option<StoreId>,
}

pub(super) fn chargeback(body: &str) -> Result<Chargeback, serde_json::Error> {
    let Object(body): Object<ChargebackBody> = serde_json::from_str(body)?;
    Ok(Chargeback {
        payment_id: body.id,
        order_id: body.order_id,
        store_id: body.store_id,
        state: ChargebackState::Opened,
    })
}

/// `chargeback_status` says how the chargeback ended; `status` is the payment's.
#[derive(Deserialize)]
struct ChargebackClosedBody {
    chargeback_status: ClosedStatus,
}

#[derive(Deserialize)]
enum ClosedStatus {
    #[serde(alias = "won", alias = "WON")]
    Won,
    #[serde(alias = "lost", alias = "LOST")]
    Lost,
}

pub(super) fn chargeback_closed(body: &str) -> Result<Chargeback, serde_json::Error> {
    let Object(closed): Object<ChargebackClosedBody> = serde_json::from_str(body)?;
    let state = match closed.chargeback_status {
        ClosedStatus::Won => ChargebackState::Won,
        ClosedStatus::Lost => ChargebackState::Lost,
    };
    Ok(Chargeback {
        state,
        ..chargeback(body)?
    })
}

/// Three letters (ISO 4217). A currency is stored and shown to people; no decision depends on it.
fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn order_line(Object(line): Object<LineBody>) -> OrderLine {
    OrderLine {
        id: line.id,
        product_id: line.product_id,
        quantity: line.quantity,
        gift_to: line.gift_to_customer.map(|Object(receiver)| receiver.id),
        product_metadata: line
            .product
            .map(|Object(product)| product.metadata)
            .unwrap_or_default(),
    }
}
