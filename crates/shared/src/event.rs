//! A decoded event: a closed list of kinds, with only the fields that points depend on.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

use crate::ids::{
    EventId, OrderId, OrderLineId, PaymentId, ProductId, RefundId, StoreId, WalletId,
};

/// The longest event type recorded; `PayNow`'s longest is 55 characters.
const EVENT_TYPE_LENGTH_MAX: usize = 100;

/// The types of `PayNow`'s events: those that move points, then those that never do.
pub const KNOWN_TYPES: [&str; 20] = [
    "ON_ORDER_COMPLETED",
    "ON_REFUND",
    "ON_CHARGEBACK",
    "ON_CHARGEBACK_CLOSED",
    "ON_PAYMENT_COMPLETED",
    "ON_PAYMENT_FAILED",
    "ON_SUBSCRIPTION_ACTIVATED",
    "ON_SUBSCRIPTION_RENEWED",
    "ON_SUBSCRIPTION_CANCELED",
    "ON_SUBSCRIPTION_EXPIRED",
    "ON_TRIAL_ACTIVATED",
    "ON_TRIAL_COMPLETED",
    "ON_TRIAL_CANCELED",
    "ON_DELIVERY_ITEM_ADDED",
    "ON_DELIVERY_ITEM_ACTIVATED",
    "ON_DELIVERY_ITEM_USED",
    "ON_DELIVERY_ITEM_REVOKED",
    "ON_DELIVERY_ITEM_RENEWED",
    "ON_DELIVERY_ITEM_EXPIRED",
    "ON_DISCORD_ACCOUNT_LINKED_TO_CHECKOUT",
];

/// The type of an event as `PayNow` spells it, whether this version knows the type or not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventType(String);

/// The error for a text that cannot be an event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event type is 1 to 100 letters, digits and underscores")]
pub struct InvalidEventType;

impl EventType {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EventType {
    type Err = InvalidEventType;

    /// These characters are safe in a routing key, a log field and the database.
    fn from_str(text: &str) -> Result<Self, InvalidEventType> {
        let is_safe = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if is_safe && (1..=EVENT_TYPE_LENGTH_MAX).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidEventType)
        }
    }
}

impl<'de> Deserialize<'de> for EventType {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One decoded webhook event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub id: EventId,
    pub event_type: EventType,
    pub kind: EventKind,
}

/// What the event means for the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    OrderCompleted(Order),
    Refunded(Refund),
    Chargeback(Chargeback),
    /// Every other type: the event is recorded and changes no points.
    Ignored,
}

/// An order that `PayNow` reports as completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub id: OrderId,
    pub store_id: Option<StoreId>,
    pub customer_id: Option<WalletId>,
    /// `PayNow`'s word, in lower case.
    pub status: Option<String>,
    /// `PayNow`'s word, in lower case.
    pub order_type: Option<String>,
    /// In Unix microseconds; `None` when `PayNow` sent no time that can be read.
    pub completed_at_us: Option<i64>,
    /// In minor units of `currency`.
    pub total_amount_minor: Option<i64>,
    /// How much of the total was paid with gift cards, in minor units.
    pub giftcard_amount_minor: Option<i64>,
    /// Three letters, in upper case.
    pub currency: Option<String>,
    pub lines: Vec<OrderLine>,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderLine {
    pub id: OrderLineId,
    pub product_id: ProductId,
    /// How many units were bought; `None` when `PayNow` sent no quantity.
    pub quantity: Option<i64>,
    pub gift_to: Option<WalletId>,
    pub amounts: LineAmounts,
    /// The line begins a trial, or belongs to one.
    pub is_of_trial: bool,
    /// The product's metadata, signed with the event.
    pub product_metadata: BTreeMap<String, String>,
}

impl OrderLine {
    /// `PayNow`'s schema requires a quantity and still allows null; one unit is then assumed.
    pub fn quantity_or_one(&self) -> i64 {
        self.quantity.unwrap_or(1)
    }
}

/// What a line cost, in minor units; `None` when `PayNow` sent no number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineAmounts {
    /// With the tax.
    pub total: Option<i64>,
    pub tax: Option<i64>,
    /// How much of the total was paid with gift cards.
    pub giftcard: Option<i64>,
}

/// A refund. `PayNow` does not say which line of the order it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    pub id: RefundId,
    pub order_id: OrderId,
    pub payment_id: Option<PaymentId>,
    pub store_id: Option<StoreId>,
    /// `PayNow`'s word, in lower case. `None` when it sent no status: the event is sent for completed
    /// refunds.
    pub status: Option<String>,
    /// Three letters, in upper case.
    pub currency: Option<String>,
    pub amounts: RefundAmounts,
}

/// What a refund gave back, in minor units. `PayNow`'s texts disagree about what the two mean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RefundAmounts {
    /// `amount`: probably what the buyer got back, or the whole payment.
    pub buyer: Option<i64>,
    /// `store_refund_amount`: probably what the store pays of it.
    pub store: Option<i64>,
}

/// A step of a chargeback: the payer's bank demands the money back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chargeback {
    pub payment_id: PaymentId,
    pub order_id: OrderId,
    pub store_id: Option<StoreId>,
    pub state: ChargebackState,
    /// `chargeback_at`, in Unix microseconds: the same chargeback can be opened again later.
    pub at_us: Option<i64>,
}

/// The state of a chargeback. At the same time, `Won` and `Lost` are newer than `Opened`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChargebackState {
    Opened,
    Won,
    Lost,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_type_is_safe_to_print_store_and_route() {
        assert!("ON_ORDER_COMPLETED".parse::<EventType>().is_ok());
        let long = "A".repeat(EVENT_TYPE_LENGTH_MAX + 1);
        for text in ["", "a.b", "a\0b", "a#", "ON ORDER", long.as_str()] {
            assert_eq!(text.parse::<EventType>(), Err(InvalidEventType), "{text:?}");
        }
    }
}
