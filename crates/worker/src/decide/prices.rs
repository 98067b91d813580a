//! The points of a product over time. Pure.

use paynow_shared::points::Points;

/// The prices of one product, oldest first. A price is valid until the next one begins.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Prices(Vec<Price>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Price {
    /// In Unix microseconds.
    valid_from_us: i64,
    /// `None` when the product was removed.
    points: Option<Points>,
}

impl Prices {
    /// Adds the next price, which begins later than the others, or at the same time and replaces the last.
    pub fn add(&mut self, valid_from_us: i64, points: Option<Points>) {
        self.0.push(Price {
            valid_from_us,
            points,
        });
    }

    /// The points of one unit at a time, in Unix microseconds. If there was no price at that time, the next
    /// one counts: an order that waited for its product's price gets it.
    pub fn at(&self, time_us: i64) -> Option<Points> {
        let begun = self
            .0
            .partition_point(|price| price.valid_from_us <= time_us);
        let (before, after) = self.0.split_at_checked(begun)?;
        let current = before.last().and_then(|price| price.points);
        current.or_else(|| after.iter().find_map(|price| price.points))
    }
}

impl From<Points> for Prices {
    /// One price for all time.
    fn from(points: Points) -> Self {
        let mut prices = Self::default();
        prices.add(i64::MIN, Some(points));
        prices
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_gets_the_price_of_its_time_or_else_the_next_one() {
        let mut prices = Prices::default();
        assert_eq!(prices.at(0), None);
        for (from, points) in [
            (100, Some(1)),
            (200, Some(2)),
            (200, Some(3)),
            (300, None),
            (400, Some(4)),
            (500, None),
        ] {
            prices.add(from, points.map(Points::new));
        }
        for (time, points) in [
            (0, Some(1)),
            (100, Some(1)),
            (199, Some(1)),
            (200, Some(3)),
            (350, Some(4)),
            (400, Some(4)),
            (500, None),
        ] {
            assert_eq!(prices.at(time), points.map(Points::new), "at {time}");
        }
    }
}
