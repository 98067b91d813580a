//! The shop's choices, from its settings.

use std::str::FromStr;

use paynow_shared::ids::StoreId;
use strum::{EnumIter, EnumString, IntoStaticStr};

/// The shop's choices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// `PAYNOW_STORE_ID`: events of another store are refused.
    pub store_id: Option<StoreId>,
    /// `PARTIAL_REFUNDS`: what a refund of a part of the order does.
    pub partial_refunds: PartialRefunds,
    /// Whether PayNow's API can be asked which line a refund was for.
    pub asks_paynow: bool,
    /// `POINTS_METADATA_KEY`: the metadata key with the points of a product that has no price.
    pub points_metadata_key: Option<String>,
    /// `UNKNOWN_PRODUCTS`: what a product without a price does.
    pub unknown_products: UnknownProducts,
    /// `ORDER_TYPES`: what orders of each type give.
    pub order_types: OrderTypes,
    /// `TRIALS`: what the line of a trial gives.
    pub trials: Trials,
}

/// What a refund of a part of the order does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum PartialRefunds {
    /// It takes the points of the line that it was for.
    #[default]
    ByLine,
    /// It takes points in proportion to the order's total.
    Proportional,
    /// It becomes a dead letter, for a person to decide.
    DeadLetter,
}

/// What a product without a price does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum UnknownProducts {
    /// Its whole order becomes a dead letter.
    #[default]
    DeadLetter,
    /// It gives no points.
    Zero,
}

/// What an order, or a line, of some kind does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Treatment {
    Credit,
    /// It gives no points.
    Ignore,
    /// It becomes a dead letter, for a person to decide.
    DeadLetter,
}

/// What the line of a trial does: by default nothing, until a paid order comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trials(pub Treatment);

impl FromStr for Trials {
    type Err = strum::ParseError;

    fn from_str(text: &str) -> Result<Self, strum::ParseError> {
        text.parse().map(Self)
    }
}

impl Default for Trials {
    fn default() -> Self {
        Self(Treatment::Ignore)
    }
}

/// PayNow's types of orders.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "snake_case")]
pub enum OrderType {
    OneTime,
    SubscriptionInitial,
    SubscriptionRenewal,
    /// The charge, often a few cents, for a change of a subscription within its period.
    SubscriptionProration,
    /// One-time products and subscriptions together.
    Mixed,
    /// A type that this version does not know.
    Unknown,
}

impl OrderType {
    /// Reads PayNow's word. An order without one is from before there were types.
    pub fn of(word: Option<&str>) -> Self {
        word.map_or(Self::OneTime, |word| word.parse().unwrap_or(Self::Unknown))
    }

    pub fn code(self) -> &'static str {
        self.into()
    }

    fn default_treatment(self) -> Treatment {
        match self {
            Self::OneTime | Self::SubscriptionInitial | Self::SubscriptionRenewal | Self::Mixed => {
                Treatment::Credit
            }
            Self::SubscriptionProration | Self::Unknown => Treatment::DeadLetter,
        }
    }
}

/// What orders of each type do. As a text: `subscription_proration=ignore,unknown=credit`, where a type
/// that is not named keeps its default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderTypes(Vec<(OrderType, Treatment)>);

impl OrderTypes {
    pub fn treatment(&self, order_type: OrderType) -> Treatment {
        let named = self.0.iter().find(|(named, _)| *named == order_type);
        named.map_or_else(
            || order_type.default_treatment(),
            |(_, treatment)| *treatment,
        )
    }
}

impl FromStr for OrderTypes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut named: Vec<(OrderType, Treatment)> = Vec::new();
        for part in text.split(',').map(str::trim) {
            let pair = part.split_once('=').and_then(|(order_type, treatment)| {
                let order_type = order_type.trim().parse().ok()?;
                Some((order_type, treatment.trim().parse().ok()?))
            });
            let (order_type, treatment) = pair.ok_or_else(|| {
                format!(
                    "{part:?} is not a pair like mixed=credit, of one_time, subscription_initial, \
                     subscription_renewal, subscription_proration, mixed or unknown, and credit, \
                     ignore or dead_letter"
                )
            })?;
            if named.iter().any(|(earlier, _)| *earlier == order_type) {
                return Err(format!("{} is there twice", order_type.code()));
            }
            named.push((order_type, treatment));
        }
        Ok(Self(named))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_that_is_not_named_keeps_its_default() {
        let types: OrderTypes = "unknown=credit, one_time = ignore".parse().unwrap();
        assert_eq!(types.treatment(OrderType::Unknown), Treatment::Credit);
        assert_eq!(types.treatment(OrderType::OneTime), Treatment::Ignore);
        let proration = types.treatment(OrderType::SubscriptionProration);
        assert_eq!(proration, Treatment::DeadLetter);
        assert_eq!(types.treatment(OrderType::Mixed), Treatment::Credit);
    }

    #[test]
    fn an_unknown_or_repeated_type_is_refused() {
        for text in [
            "",
            "renewal=credit",
            "mixed",
            "mixed=maybe",
            "mixed=credit,",
        ] {
            let error = text.parse::<OrderTypes>().unwrap_err();
            assert!(error.contains("is not a pair"), "{text:?}: {error}");
        }
        let twice = "mixed=credit,mixed=ignore".parse::<OrderTypes>();
        assert_eq!(twice.unwrap_err(), "mixed is there twice");
    }
}
