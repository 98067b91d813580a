//! Points: whole numbers with checked arithmetic only. The caller must handle an overflow.

#![deny(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::float_arithmetic
)]

use std::fmt;
use std::str::FromStr;

/// An amount of points; negative when it takes points away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Points(i64);

/// The error for a text that is not the points of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("points must be a whole number from 0 to 9223372036854775807")]
pub struct InvalidPoints;

impl Points {
    pub const ZERO: Self = Self(0);

    pub fn new(points: i64) -> Self {
        Self(points)
    }

    pub fn get(self) -> i64 {
        self.0
    }

    /// The same amount with the opposite sign. Saturates for `i64::MIN`, which no ledger amount
    /// reaches.
    pub fn negated(self) -> Self {
        Self(self.0.saturating_neg())
    }

    /// `None` when the sum does not fit into 64 bits.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// `None` when the product does not fit into 64 bits.
    pub fn checked_times(self, quantity: i64) -> Option<Self> {
        self.0.checked_mul(quantity).map(Self)
    }
}

impl FromStr for Points {
    type Err = InvalidPoints;

    /// Reads the points of a product: digits only, so never negative.
    fn from_str(text: &str) -> Result<Self, InvalidPoints> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidPoints);
        }
        text.parse().map(Self).map_err(|_overflow| InvalidPoints)
    }
}

impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_points_of_a_product_are_digits_only() {
        assert_eq!("500".parse(), Ok(Points(500)));
        for text in ["", "-1", "+1", "5.0", "1e3", " 5", "9223372036854775808"] {
            assert_eq!(text.parse::<Points>(), Err(InvalidPoints), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn sums_and_products_are_exact_or_refused(a: i64, b: i64) {
            let exact_sum = i64::try_from(i128::from(a).saturating_add(i128::from(b))).ok();
            prop_assert_eq!(Points(a).checked_add(Points(b)).map(Points::get), exact_sum);
            let exact_product = i64::try_from(i128::from(a).saturating_mul(i128::from(b))).ok();
            prop_assert_eq!(Points(a).checked_times(b).map(Points::get), exact_product);
        }

        #[test]
        fn the_same_amount_there_and_back_is_nothing(points in (i64::MIN + 1)..) {
            let points = Points(points);
            prop_assert_eq!(points.checked_add(points.negated()), Some(Points::ZERO));
        }

        #[test]
        fn a_price_reads_back_as_it_is_written(points in 0i64..) {
            prop_assert_eq!(Points(points).to_string().parse(), Ok(Points(points)));
        }

        #[test]
        fn no_text_makes_the_parser_panic_or_yield_a_negative_price(text: String) {
            if let Ok(points) = text.parse::<Points>() {
                prop_assert!(points >= Points::ZERO);
            }
        }
    }
}
