//! The other values of the settings.

use super::row::Arrival::{AtOnce, Backwards, OneByOne};
use super::row::rows;
use super::{check, shop};

/// Refunds by the share of the price, and points for what a person would decide by default.
const GENEROUS: [(&str, &str); 5] = [
    ("PARTIAL_REFUNDS", "proportional"),
    (
        "ORDER_TYPES",
        "subscription_proration=credit,unknown=ignore,mixed=dead_letter",
    ),
    ("TRIALS", "credit"),
    ("UNKNOWN_PRODUCTS", "zero"),
    ("POINTS_METADATA_KEY", "points"),
];

const GENEROUS_ROWS: &str = r#"
d, by its share                    | 1000: coins 100, rank 900 | order: credited 500; refund 900 900: reversed 50
e, by its share                    | 1000: coins 100, rank 900 | order: credited 500; refund 100 100: reversed 450
d, then e                          | 1000: coins 100, rank 900 | order: credited 500; refund 900 900: reversed 50; refund 100 100: reversed 0
thirds, rounded half up            | 1000: coins 1000 | order: credited 500; refund 333 333: reversed 333; refund 333 333: reversed 167; refund 333 333: reversed 0
a                                  | 1200: 2 coins 1200 (tax 200) | order: credited 1000; refund 1200 1000: reversed 0
b                                  | 1000: coins 1000 | order: credited 500; refund 1000 0: reversed 0
c                                  | 1000 (gift card 600): 2 coins 1000 | order: credited 1000; refund 400 400: reversed 0
c, the half                        | 1000 (gift card 600): 2 coins 1000 | order: credited 1000; refund 200 200: reversed 500
c, the half, the store's figure 0  | 1000 (gift card 600): 2 coins 1000 | order: credited 1000; refund 200 0: reversed 500
c, the half, only the buyer's      | 1000 (gift card 600): 2 coins 1000 | order: credited 1000; refund 200 -: reversed 500
by what the store paid             | 1200: 2 coins 1200 (tax 200) | order: credited 1000; refund 600 500: reversed 583
equal amounts of unequal points    | 1000: coins 500, rank 500 | order: credited 500; refund 500 500: reversed 250
a cart for two                     | 1000: coins 500, coins 500 (for a friend) | order: credited 500/500; refund 500 500: reversed 250/250
a share, then a chargeback won     | 1000: coins 1000 | order: credited 500; refund 100 100: reversed 450; opened T1: reversed 0; won T1: restored 450
h                                  | 0: coins 0 (trial) | order: credited 500
i                                  | 1: coins 1 | order type="subscription_proration": credited 500
i, a new type is ignored           | 500: coins 500 | order type="exchange": ignored 0
i, mixed                           | 500: coins 500 | order type="mixed": order_type 0
i, one_time is as by default       | 500: coins 500 | order: credited 500
an ignored order, refunded         | 500: coins 500 | order type="exchange": ignored 0; refund 500 500: noted 0
an ignored order, told again       | 500: coins 500 | order type="exchange": ignored 0; order type="exchange": ignored 0; order total_amount=50: conflict 0
an ignored order, charged back     | 500: coins 500 | order type="exchange": ignored 0; opened T1: noted 0; won T1: noted 0
an unknown product                 | 500: mystery 500 | order: credited 0
an unknown product in a cart       | 1000: coins 500, mystery 500 | order: credited 500
a product that its metadata knows  | 500: mystery 500 | order lines/0/product={"metadata":{"points":"7"}}: credited 7
metadata that cannot be read       | 500: mystery 500 | order lines/0/product={"metadata":{"points":"many"}}: unknown_product 0
"#;

/// All that is not plain goes to a person.
const CAREFUL: [(&str, &str); 3] = [
    ("PARTIAL_REFUNDS", "dead_letter"),
    (
        "ORDER_TYPES",
        "subscription_renewal=ignore,subscription_proration=ignore,subscription_initial=dead_letter",
    ),
    ("TRIALS", "dead_letter"),
];

const CAREFUL_ROWS: &str = r#"
a                                  | 1200: 2 coins 1200 (tax 200) | order: credited 1000; refund 1200 1000: reversed 0
b                                  | 1000: coins 1000 | order: credited 500; refund 1000 0: reversed 0
c                                  | 1000 (gift card 600): 2 coins 1000 | order: credited 1000; refund 400 400: reversed 0
d                                  | 1000: coins 100, rank 900 | order: credited 500; refund 900 900: partial_refund 500
e                                  | 1000: coins 100, rank 900 | order: credited 500; refund 100 100: partial_refund 500
a line, then all                   | 1000: coins 100, rank 900 | order: credited 500; refund 100 100: partial_refund 500; refund 1000 1000: reversed 0
no product gave points             | 900: rank 900 | order: credited 0; refund 100 100: noted 0
h                                  | 0: coins 0 (trial) | order: order_type 0
h, beside a paid line              | 500: coins 500, coins 0 (trial) | order: order_type 0
h, a trial that costs              | 100: coins 100 (trial) | order: credited 500
i                                  | 1: coins 1 | order type="subscription_proration": ignored 0
i, subscription_renewal            | 500: coins 500 | order type="subscription_renewal": ignored 0
i, subscription_initial            | 500: coins 500 | order type="subscription_initial": order_type 0
i, a new type                      | 500: coins 500 | order type="exchange": order_type 0
i, mixed                           | 500: coins 500 | order type="mixed": credited 500
"#;

#[test]
fn a_shop_may_take_shares_and_give_points_for_more() {
    let rows = rows(GENEROUS_ROWS, &[OneByOne, AtOnce, Backwards]);
    check(&mut shop(&GENEROUS), &rows);
}

#[test]
fn a_shop_may_have_more_decided_by_a_person() {
    let rows = rows(CAREFUL_ROWS, &[OneByOne, AtOnce, Backwards]);
    check(&mut shop(&CAREFUL), &rows);
}
