//! `PayNow` identifiers. All are flakes: positive 64-bit integers, strings in JSON, `bigint` in
//! PostgreSQL. Each kind of id is a type, so that a line id can never be used as an order id.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// From the Unix epoch to the flake epoch, in milliseconds (`PayNow`'s documentation of ids).
const FLAKE_EPOCH_MS: i64 = 1_645_568_542_000;
/// The bits of a flake below its time: 10 for the node and 12 for the increment.
const FLAKE_TIME_SHIFT: u32 = 22;

/// The error for a text that is not a flake id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id must be a positive 64-bit decimal number")]
pub struct InvalidId;

fn parse_flake(text: &str) -> Result<i64, InvalidId> {
    // Digits only: `i64::from_str` would also take a sign.
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidId);
    }
    positive(text.parse().map_err(|_too_large| InvalidId)?)
}

fn positive(id: i64) -> Result<i64, InvalidId> {
    if id > 0 { Ok(id) } else { Err(InvalidId) }
}

/// The lowest flake of a time in Unix milliseconds: every earlier id is lower.
pub fn flake_floor(at_ms: i64) -> i64 {
    at_ms
        .saturating_sub(FLAKE_EPOCH_MS)
        .max(0)
        .saturating_mul(1 << FLAKE_TIME_SHIFT)
}

struct FlakeVisitor;

impl de::Visitor<'_> for FlakeVisitor {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a positive 64-bit decimal id")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<i64, E> {
        parse_flake(text).map_err(E::custom)
    }

    // PayNow sends ids as strings; a plain integer can only mean the same id.
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<i64, E> {
        positive(i64::try_from(number).unwrap_or(0)).map_err(E::custom)
    }
}

macro_rules! flake_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            /// The id as PostgreSQL stores it; refuses zero and negative numbers.
            pub fn from_i64(id: i64) -> Result<Self, InvalidId> {
                positive(id).map(Self)
            }

            pub fn get(self) -> i64 {
                self.0
            }

            /// When `PayNow` made the id, in Unix milliseconds. For showing an age only: an id
            /// is not proof of its time.
            pub fn created_at_ms(self) -> i64 {
                (self.0 >> FLAKE_TIME_SHIFT).saturating_add(FLAKE_EPOCH_MS)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse_flake(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_any(FlakeVisitor).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }
    )+};
}

flake_ids! {
    /// One webhook event (`event_id` of the envelope).
    EventId,
    /// One order (`body.id` of an order event).
    OrderId,
    /// One line of an order; points are credited per line.
    OrderLineId,
    /// One refund (`body.id` of a refund event).
    RefundId,
    /// One payment. A chargeback has no id of its own: its body's `id` is the payment's.
    PaymentId,
    ProductId,
    StoreId,
    /// A player's wallet: the `PayNow` customer id of whoever receives the points.
    WalletId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flake_carries_its_time() {
        // The documented example: 2024-05-06T15:16:05.739Z.
        let id: EventId = "291252569328594944".parse().unwrap();
        assert_eq!(id.created_at_ms(), 1_715_008_565_739);
        assert!(flake_floor(id.created_at_ms()) <= id.get());
        assert!(flake_floor(id.created_at_ms() + 1) > id.get());
        assert_eq!(flake_floor(0), 0);
    }

    #[test]
    fn only_positive_decimal_numbers_are_ids() {
        for text in ["", "0", "-1", "+1", "1x", " 1", "9223372036854775808", "٣"] {
            assert_eq!(text.parse::<OrderId>(), Err(InvalidId), "{text:?}");
        }
        assert_eq!(
            "9223372036854775807".parse::<OrderId>().unwrap().get(),
            i64::MAX
        );
    }

    #[test]
    fn an_id_is_read_from_a_string_or_an_integer_and_written_as_a_string() {
        for json in [r#""42""#, "42"] {
            let id: OrderId = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&id).unwrap(), r#""42""#);
        }
        for json in ["null", "-1", "0", "1.0", "true", r#""""#] {
            assert!(serde_json::from_str::<OrderId>(json).is_err(), "{json}");
        }
    }
}
