//! The events of one round: credits, refunds, one that is put off, and three that die.

use crate::harness::{Order, TestApp, flake};
use crate::reversals::refund;

/// Every event of an older day is a case for the housekeeping.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// The points of every product.
pub(super) const POINTS: i64 = 500;
pub(super) const KNOWN: i64 = 600_000_000_000_000_040;
/// Two entries of each order that is refunded, one of each other order.
pub(super) const ENTRIES: usize = 7;

pub(super) struct Round {
    returned: Order,
    /// Its refund comes first.
    refunded_early: Order,
    old: Order,
    /// Of a product that is not in the price list when they come.
    unknown: [Order; 2],
    pub(super) unknown_product: i64,
    malformed: String,
}

impl Round {
    pub(super) fn new() -> Self {
        let unknown_product = flake();
        let event_id = flake() - ((31 * DAY_MS) << 22);
        Self {
            returned: Order::of(KNOWN, flake()),
            refunded_early: Order::of(KNOWN, flake()),
            old: Order {
                event_id,
                ..Order::of(KNOWN, flake()).quantity(2)
            },
            unknown: [(); 2].map(|()| Order::of(unknown_product, flake())),
            unknown_product,
            malformed: format!("broken {}", flake()),
        }
    }

    /// What is posted, in this order.
    pub(super) fn bodies(&self) -> Vec<Vec<u8>> {
        let [first, second] = &self.unknown;
        vec![
            self.returned.body(),
            refund(&self.returned, flake(), 1000),
            refund(&self.refunded_early, flake(), 400),
            self.refunded_early.body(),
            self.old.body(),
            first.body(),
            second.body(),
            self.malformed.clone().into_bytes(),
        ]
    }

    #[track_caller]
    pub(super) fn expect_balances(&self, app: &TestApp) {
        let [first, second] = &self.unknown;
        let orders = [
            &self.returned,
            &self.refunded_early,
            &self.old,
            first,
            second,
        ];
        let balances = orders.map(|order| app.balance_of(order.customer_id));
        assert_eq!(balances, [0, 300, 2 * POINTS, POINTS, POINTS]);
    }
}
