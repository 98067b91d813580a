//! The message between receiver and worker: `PayNow`'s exact bytes as the body, what we know about
//! their arrival in the headers. This file reads bodies; `decode` never panics on any bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::digest::BodyDigest;
use crate::event::{Event, EventKind, EventType, Order, OrderLine};
use crate::ids::{EventId, OrderId, OrderLineId, ProductId, StoreId, WalletId};
use crate::reason::Reason;

/// Names of the message headers.
pub mod header {
    /// When the receiver took the request, in Unix milliseconds.
    pub const RECEIVED_AT_MS: &str = "paynow-received-at-ms";
    /// The `PayNow-Timestamp` that was signed, in Unix milliseconds.
    pub const SIGNED_AT_MS: &str = "paynow-signed-at-ms";
    /// The id of the signing secret that matched.
    pub const SECRET_ID: &str = "paynow-secret-id";
    /// Which try this is, from 1.
    pub const ATTEMPT: &str = "paynow-attempt";
    /// The reason code of the last failure.
    pub const REASON: &str = "paynow-reason";
    /// The error text of the last failure, for a person.
    pub const ERROR: &str = "paynow-error";
}

/// What travels with a body: how it arrived, and why it failed last, if it did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers {
    pub received_at_ms: Option<i64>,
    pub signed_at_ms: Option<i64>,
    pub secret_id: Option<String>,
    /// From 1; 0 when the message does not say.
    pub attempt: u32,
    pub failure: Option<Failure>,
}

/// Why an event could not be applied: a code for programs, a text for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub reason: Reason,
    pub error: String,
}

/// What the receiver needs to label a message: nothing here is required to be present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The event id, or the SHA-256 of the body when the body names none.
    pub message_id: String,
    pub event_type: Option<EventType>,
}

/// Why a message is no event.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("the body is not a JSON object with event_type and event_id: {detail}")]
    NoEnvelope { detail: String },
    #[error("the body of {event_type} does not have the expected shape: {detail}")]
    WrongShape {
        event_type: EventType,
        detail: String,
    },
}

/// serde quotes the text it did not expect, and that may be a person's name: it is cut out.
fn without_values(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match (text.find('"'), text.rfind('"')) {
        (Some(first), Some(last)) if first < last => {
            let (before, rest) = text.split_at(first);
            format!("{before}\"…{}", rest.split_at(last.saturating_sub(first)).1)
        }
        (Some(_), Some(_)) | (Some(_), None) | (None, Some(_)) | (None, None) => text,
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    event_type: EventType,
    event_id: EventId,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

/// Each field on its own terms, so that a missing type does not hide the id.
#[derive(Deserialize)]
struct LooseEnvelope<'a> {
    #[serde(borrow)]
    event_type: Option<&'a RawValue>,
    #[serde(borrow)]
    event_id: Option<&'a RawValue>,
}

/// Labels any signed bytes, whatever they are.
pub fn label(body: &[u8]) -> Label {
    let envelope = serde_json::from_slice::<LooseEnvelope<'_>>(body).ok();
    let field = |raw: Option<&RawValue>| raw.map(RawValue::get).map(str::to_owned);
    let (event_type, event_id) = envelope
        .map(|envelope| (field(envelope.event_type), field(envelope.event_id)))
        .unwrap_or_default();
    let event_id: Option<EventId> = event_id.and_then(|raw| serde_json::from_str(&raw).ok());
    Label {
        message_id: event_id.map_or_else(
            || BodyDigest::of(body).to_string(),
            |event_id| event_id.to_string(),
        ),
        event_type: event_type.and_then(|raw| serde_json::from_str(&raw).ok()),
    }
}

/// Reads a body as an event. Lenient: only the ids the ledger needs must be there; every other
/// field may be null or absent, and unknown fields and types are fine.
pub fn decode(body: &[u8]) -> Result<Event, DecodeError> {
    let envelope: Envelope<'_> =
        serde_json::from_slice(body).map_err(|error| DecodeError::NoEnvelope {
            detail: without_values(&error),
        })?;
    let kind = match envelope.event_type.as_str() {
        "ON_ORDER_COMPLETED" => {
            let order = decode_order(envelope.body).map_err(|error| DecodeError::WrongShape {
                event_type: envelope.event_type.clone(),
                detail: without_values(&error),
            })?;
            EventKind::OrderCompleted(order)
        }
        "ON_REFUND" | "ON_CHARGEBACK" | "ON_CHARGEBACK_CLOSED" => EventKind::NotSupported,
        _other => EventKind::Ignored,
    };
    Ok(Event {
        id: envelope.event_id,
        event_type: envelope.event_type,
        kind,
    })
}

#[derive(Deserialize)]
struct OrderBody {
    id: OrderId,
    store_id: Option<StoreId>,
    customer: Option<Buyer>,
    total_amount: Option<i64>,
    currency: Option<String>,
    lines: Vec<LineBody>,
}

/// Not needed when every line is a gift, so its id may be missing.
#[derive(Deserialize)]
struct Buyer {
    id: Option<WalletId>,
}

/// Strict: a gift without a receiver must not fall back to the buyer.
#[derive(Deserialize)]
struct GiftReceiver {
    id: WalletId,
}

#[derive(Deserialize)]
struct LineBody {
    id: OrderLineId,
    product_id: ProductId,
    quantity: Option<i64>,
    gift_to_customer: Option<GiftReceiver>,
    product: Option<ProductBody>,
}

#[derive(Deserialize)]
struct ProductBody {
    #[serde(default, deserialize_with = "texts_of_map")]
    metadata: BTreeMap<String, String>,
}

/// Keeps the texts of a metadata map. PayNow documents string values; anything else is not ours.
fn texts_of_map<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let values = Option::<BTreeMap<String, serde_json::Value>>::deserialize(from)?;
    Ok(values
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(key, value)| Some((key, value.as_str()?.to_owned())))
        .collect())
}

fn decode_order(body: Option<&RawValue>) -> Result<Order, serde_json::Error> {
    // An absent body fails on the ids it lacks, with the same words as an empty one.
    let body: OrderBody = serde_json::from_str(body.map_or("{}", RawValue::get))?;
    Ok(Order {
        id: body.id,
        store_id: body.store_id,
        customer_id: body.customer.and_then(|buyer| buyer.id),
        total_amount_minor: body.total_amount,
        currency: body.currency.filter(|code| is_currency(code)),
        lines: body.lines.into_iter().map(order_line).collect(),
    })
}

/// Three letters (ISO 4217): the field is shown to people and stored, and decides nothing.
fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn order_line(line: LineBody) -> OrderLine {
    OrderLine {
        id: line.id,
        product_id: line.product_id,
        quantity: line.quantity,
        gift_to: line.gift_to_customer.map(|receiver| receiver.id),
        product_metadata: line
            .product
            .map(|product| product.metadata)
            .unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn order(body: &str) -> String {
        format!(r#"{{"event_type":"ON_ORDER_COMPLETED","event_id":"1","body":{body}}}"#)
    }

    #[test]
    fn an_order_needs_only_its_ids() {
        let sparse = order(r#"{"id":"2","lines":[{"id":"3","product_id":"4"}]}"#);
        let nulls = order(
            r#"{"id":"2","store_id":null,"customer":null,"total_amount":null,"currency":null,
                "lines":[{"id":"3","product_id":"4","quantity":null,"gift_to_customer":null,
                          "product":{"metadata":null},"unknown":[1]}]}"#,
        );
        let decoded = decode(sparse.as_bytes()).unwrap();
        assert_eq!(decode(nulls.as_bytes()).unwrap(), decoded);
        let EventKind::OrderCompleted(order) = decoded.kind else {
            panic!("not an order")
        };
        assert_eq!(order.lines.first().unwrap().quantity, None);
    }

    #[test]
    fn a_missing_id_is_a_wrong_shape_and_says_which() {
        for (body, names) in [
            (r#"{"lines":[]}"#, "`id`"),
            (r#"{"id":"2"}"#, "`lines`"),
            (r#"{"id":"2","lines":[{"product_id":"4"}]}"#, "`id`"),
            (r#"{"id":"2","lines":[{"id":"3"}]}"#, "`product_id`"),
            (
                r#"{"id":"2","lines":[{"id":"3","product_id":"4","gift_to_customer":{}}]}"#,
                "`id`",
            ),
        ] {
            let error = decode(order(body).as_bytes()).unwrap_err().to_string();
            assert!(
                error.contains("ON_ORDER_COMPLETED") && error.contains(names),
                "{error}"
            );
        }
    }

    #[test]
    fn an_error_never_quotes_the_body() {
        let error = decode(order(r#"{"id":"2","customer":"Jane \"J\" Doe"}"#).as_bytes());
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("invalid type") && !error.contains("Jane"),
            "{error}"
        );
    }

    #[test]
    fn other_types_are_ignored_whatever_their_body() {
        for body in ["null", "{}", "[1]", r#"{"id":5}"#] {
            let text = format!(r#"{{"event_type":"ON_NEW_THING","event_id":"1","body":{body}}}"#);
            assert_eq!(decode(text.as_bytes()).unwrap().kind, EventKind::Ignored);
        }
        let bare = br#"{"event_type":"ON_NEW_THING","event_id":"1"}"#;
        assert_eq!(decode(bare).unwrap().kind, EventKind::Ignored);
    }

    #[test]
    fn only_texts_of_the_metadata_count() {
        let text = order(
            r#"{"id":"2","lines":[{"id":"3","product_id":"4",
                "product":{"metadata":{"points":"500","tier":7}}}]}"#,
        );
        let EventKind::OrderCompleted(order) = decode(text.as_bytes()).unwrap().kind else {
            panic!("not an order")
        };
        let metadata = &order.lines.first().unwrap().product_metadata;
        assert_eq!(metadata.get("points").map(String::as_str), Some("500"));
        assert_eq!(metadata.len(), 1);
    }

    #[test]
    fn a_label_is_the_event_id_or_else_the_digest() {
        let label_of = |body: &str| label(body.as_bytes());
        assert_eq!(label_of(&order("{}")).message_id, "1");
        assert_eq!(
            label_of(r#"{"event_id":"7","event_type":null}"#).message_id,
            "7"
        );
        for body in [
            "",
            "{",
            "[]",
            r#"{"event_id":"evt_1"}"#,
            r#"{"event_type":"A"}"#,
        ] {
            assert_eq!(
                label_of(body).message_id,
                BodyDigest::of(body.as_bytes()).to_string()
            );
        }
        assert_eq!(label_of(r#"{"event_type":"a.b"}"#).event_type, None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_decode_or_label_panic(body: Vec<u8>) {
            let _ = decode(&body);
            prop_assert!(!label(&body).message_id.is_empty());
        }

        #[test]
        fn no_damage_to_a_real_order_makes_decode_panic(at in 0usize..400, byte: u8) {
            let mut body = order(
                r#"{"id":"2","customer":{"id":"9"},"total_amount":100,"lines":[{"id":"3",
                    "product_id":"4","quantity":2,"product":{"metadata":{"points":"5"}}}]}"#,
            ).into_bytes();
            if let Some(place) = body.get_mut(at) {
                *place = byte;
            }
            let _ = decode(&body);
        }

        #[test]
        fn what_decodes_carries_the_id_of_its_label(id in 1i64.., kind in "[A-Z_]{1,20}") {
            let body = format!(r#"{{"event_type":"{kind}","event_id":"{id}","body":{{}}}}"#);
            if let Ok(event) = decode(body.as_bytes()) {
                prop_assert_eq!(event.id.to_string(), label(body.as_bytes()).message_id);
            }
        }
    }
}
