//! The bodies of the events that change points, with only the fields that the ledger needs.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike};
use serde::de::{self, IgnoredAny};
use serde::{Deserialize, Deserializer};

use super::object::Object;
use crate::event::{
    Chargeback, ChargebackState, LineAmounts, Order, OrderLine, Refund, RefundAmounts,
};
use crate::ids::{OrderId, OrderLineId, PaymentId, ProductId, RefundId, StoreId, WalletId};

#[derive(Deserialize)]
struct OrderBody {
    id: OrderId,
    store_id: Option<StoreId>,
    customer: Option<Object<Buyer>>,
    #[serde(default)]
    status: Word,
    #[serde(default, rename = "type")]
    order_type: Word,
    #[serde(default)]
    completed_at: Time,
    total_amount: Option<i64>,
    giftcard_usage_amount: Option<i64>,
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
    total_amount: Option<i64>,
    tax_amount: Option<i64>,
    giftcard_usage_amount: Option<i64>,
    trial_id: Option<IgnoredAny>,
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
        status: body.status.0,
        order_type: body.order_type.0,
        completed_at_us: body.completed_at.0,
        total_amount_minor: body.total_amount,
        giftcard_amount_minor: body.giftcard_usage_amount,
        currency: currency(body.currency),
        lines: body.lines.into_iter().map(order_line).collect(),
    })
}

#[derive(Deserialize)]
struct RefundBody {
    id: RefundId,
    order_id: OrderId,
    payment_id: Option<PaymentId>,
    store_id: Option<StoreId>,
    #[serde(default)]
    status: Word,
    currency: Option<String>,
    amount: Option<i64>,
    store_refund_amount: Option<i64>,
}

pub(super) fn refund(body: &str) -> Result<Refund, serde_json::Error> {
    let Object(body): Object<RefundBody> = serde_json::from_str(body)?;
    Ok(Refund {
        id: body.id,
        order_id: body.order_id,
        payment_id: body.payment_id,
        store_id: body.store_id,
        status: body.status.0,
        currency: currency(body.currency),
        amounts: RefundAmounts {
            buyer: body.amount,
            store: body.store_refund_amount,
        },
    })
}

/// `status` is the payment's; `chargeback_status` is the chargeback's.
#[derive(Deserialize)]
struct ChargebackBody {
    id: PaymentId,
    order_id: OrderId,
    store_id: Option<StoreId>,
    #[serde(default)]
    chargeback_at: Time,
    #[serde(default)]
    chargeback_status: Word,
}

/// An opened chargeback, unless the body says that it is closed already.
pub(super) fn chargeback(body: &str) -> Result<Chargeback, serde_json::Error> {
    let Object(body): Object<ChargebackBody> = serde_json::from_str(body)?;
    Ok(Chargeback {
        payment_id: body.id,
        order_id: body.order_id,
        store_id: body.store_id,
        state: match body.chargeback_status.0.as_deref() {
            Some("won") => ChargebackState::Won,
            Some("lost") => ChargebackState::Lost,
            None | Some(_) => ChargebackState::Opened,
        },
        at_us: body.chargeback_at.0,
    })
}

/// A closed chargeback must say how it ended.
pub(super) fn chargeback_closed(body: &str) -> Result<Chargeback, serde_json::Error> {
    let chargeback = chargeback(body)?;
    match chargeback.state {
        ChargebackState::Won | ChargebackState::Lost => Ok(chargeback),
        ChargebackState::Opened => Err(de::Error::custom(
            "chargeback_status is neither `won` nor `lost`",
        )),
    }
}

/// One of `PayNow`'s words, in lower case: its documentation and its API spell them differently.
#[derive(Default)]
struct Word(Option<String>);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        Ok(Self(text.map(|text| text.trim().to_ascii_lowercase())))
    }
}

/// A time in Unix microseconds. A text that is no time in RFC 3339, or of the year 0, is like a missing one.
#[derive(Default)]
struct Time(Option<i64>);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        let time = text.and_then(|text| DateTime::parse_from_rfc3339(&text).ok());
        let time = time.map(|time| time.to_utc());
        let time = time.filter(|time| (1..=9999).contains(&time.year()));
        Ok(Self(time.map(|time| time.timestamp_micros())))
    }
}

/// Three letters (ISO 4217), in upper case. Any other text is like a missing currency.
fn currency(code: Option<String>) -> Option<String> {
    let code = code?.to_ascii_uppercase();
    let is_currency = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_currency.then_some(code)
}

fn order_line(Object(line): Object<LineBody>) -> OrderLine {
    OrderLine {
        id: line.id,
        product_id: line.product_id,
        quantity: line.quantity,
        gift_to: line.gift_to_customer.map(|Object(receiver)| receiver.id),
        amounts: LineAmounts {
            total: line.total_amount,
            tax: line.tax_amount,
            giftcard: line.giftcard_usage_amount,
        },
        is_of_trial: line.trial_id.is_some(),
        product_metadata: line
            .product
            .map(|Object(product)| product.metadata)
            .unwrap_or_default(),
    }
}
