//! Changes of a price that are rarely meant: a person confirms them.

use diesel::result::{DatabaseErrorInformation, Error};
use paynow_shared::ids::ProductId;

use super::NewPrice;
use crate::error::DeskError;

/// No shop that we know gives more for one unit.
const USUAL_POINTS_MAX: i64 = 1_000_000;
const TENFOLD: i64 = 10;

/// What to do with a price that is rarely meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusual {
    Refuse,
    Accept,
}

impl Unusual {
    pub(super) fn accept(
        self,
        product: ProductId,
        before: Option<i64>,
        points: i64,
    ) -> Result<(), DeskError> {
        match (self, caution(before, points)) {
            (Self::Accept, _) | (Self::Refuse, None) => Ok(()),
            (Self::Refuse, Some(caution)) => Err(DeskError::Refused(format!(
                "product {product} would give {points} points{}, {caution}: nothing was done; \
                 --yes sets it",
                before.map_or_else(String::new, |before| format!(" instead of {before}")),
            ))),
        }
    }
}

/// What is unusual about a change, if anything is.
pub(super) fn caution(before: Option<i64>, points: i64) -> Option<&'static str> {
    let before = before.filter(|before| *before > 0);
    if points > USUAL_POINTS_MAX {
        Some("more than a million a unit")
    } else if before.is_some_and(|before| points / TENFOLD >= before) {
        Some("ten times as many or more")
    } else if before.is_some_and(|before| before / TENFOLD >= points) {
        Some("a tenth or less")
    } else {
        None
    }
}

/// The refusal of a time in the future as a sentence; any other error as it is.
pub(super) fn explained(error: Error, price: &NewPrice) -> DeskError {
    let begins_later = |info: &dyn DatabaseErrorInformation| {
        info.constraint_name() == Some("product_prices_begun")
    };
    if let (Error::DatabaseError(_kind, info), Some(time)) = (&error, &price.valid_from)
        && begins_later(info.as_ref())
    {
        return DeskError::Refused(format!(
            "{time} is in the future: a price begins now or earlier; nothing was done"
        ));
    }
    error.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenfold_change_and_a_large_price_are_unusual() {
        for (before, points) in [
            (Some(500), 5_000),
            (Some(500), 50),
            (Some(500), 0),
            (Some(5), 0),
            (Some(1), i64::MAX),
            (None, 1_000_001),
            (Some(1_000_000), 1_000_001),
        ] {
            assert!(caution(before, points).is_some(), "{before:?} {points}");
        }
        for (before, points) in [
            (Some(500), 4_999),
            (Some(500), 51),
            (Some(500), 500),
            (None, 1_000_000),
            (Some(0), 1_000_000),
            (None, 0),
            (Some(0), 0),
        ] {
            assert_eq!(caution(before, points), None, "{before:?} {points}");
        }
    }
}
