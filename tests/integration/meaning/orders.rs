//! Orders: which kinds give points, and what an order may not be when it is told again.

use super::row::Arrival::{AtOnce, OneByOne, Retold};
use super::row::rows;
use super::{COINS, check, shop};

/// Kinds of orders, with the settings as they are.
const KINDS: &str = r#"
h                            | 0: coins 0 (trial) | order: credited 0
h, then the paid order       | 0: coins 0 (trial) | order type="subscription_initial": credited 0; order id=another lines/0/id=another lines/0/trial_id=null type="subscription_renewal" total_amount=500 lines/0/total_amount=500: credited 500
h, no total                  | 0: coins 0 (trial) | order lines/0/total_amount=absent: credited 0
h, beside a paid line        | 500: coins 500, coins 0 (trial) | order: credited 500
h, a trial that costs        | 100: coins 100 (trial) | order: credited 500
h, refunded                  | 0: coins 0 (trial) | order: credited 0; refund 0 0: noted 0
h, free, but no trial        | 0: coins 0 | order: credited 500
i                            | 1: coins 1 | order type="subscription_proration": order_type 0
i, in large letters          | 1: coins 1 | order type="SUBSCRIPTION_PRORATION": order_type 0
i, a new type                | 500: coins 500 | order type="exchange": order_type 0
i, one_time                  | 500: coins 500 | order type="one_time": credited 500
i, subscription_initial      | 500: coins 500 | order type="subscription_initial": credited 500
i, subscription_renewal      | 500: coins 500 | order type="Subscription_Renewal": credited 500
i, mixed                     | 500: coins 500 | order type="mixed": credited 500
i, absent                    | 500: coins 500 | order type=absent: credited 500
i, null                      | 500: coins 500 | order type=null: credited 500
i, then as a kind that gives | 500: coins 500 | order type="subscription_proration": order_type 0; order type="subscription_renewal": credited 500
j, created                   | 500: coins 500 | order status="created": order_not_completed 0
j, pending                   | 500: coins 500 | order status="Pending": order_not_completed 0
j, canceled                  | 500: coins 500 | order status="canceled": order_not_completed 0
j, a new word                | 500: coins 500 | order status="on_hold": order_not_completed 0
j, Completed                 | 500: coins 500 | order status="Completed": credited 500
j, COMPLETED                 | 500: coins 500 | order status="COMPLETED": credited 500
j, absent                    | 500: coins 500 | order status=absent: credited 500
j, null                      | 500: coins 500 | order status=null: credited 500
j, pending and then it is    | 500: coins 500 | order status="pending": order_not_completed 0; order: credited 500
an unknown product           | 500: mystery 500 | order: unknown_product 0
an unknown product in a cart | 1000: coins 500, mystery 500 | order: unknown_product 0
"#;

/// Orders that another event tells again.
const RETOLD: &str = r#"
l, another quantity    | 500: coins 500 | order: credited 500; order lines/0/quantity=3: conflict 500
l, no quantity         | 1000: 2 coins 1000 | order: credited 1000; order lines/0/quantity=absent: conflict 1000
l, another line        | 500: coins 500 | order: credited 500; order lines/0/id=another: conflict 500
l, a line less         | 1000: coins 500, coins 500 | order: credited 1000; order lines/1=absent: conflict 1000
l, another product     | 500: coins 500 | order: credited 500; order lines/0/product_id="600000000000000041": conflict 500
l, another total       | 500: coins 500 | order: credited 500; order total_amount=50: conflict 500
l, a line's total      | 500: coins 500 | order: credited 500; order lines/0/total_amount=50: conflict 500
l, a line's tax        | 500: coins 500 (tax 80) | order: credited 500; order lines/0/tax_amount=0: conflict 500
l, other gift cards    | 500: coins 500 | order: credited 500; order giftcard_usage_amount=500: conflict 500
l, another wallet      | 500: coins 500 | order: credited 500; order customer/id=another: conflict 500
l, a gift              | 500: coins 500 | order: credited 500; order lines/0/gift_to_customer={"id":"600000000000000099"}: conflict 500
l, another currency    | 500: coins 500 | order: credited 500; order currency="JPY": conflict 500
l, equal               | 500: coins 500 | order: credited 500; order: already_credited 500
l, the same currency   | 500: coins 500 | order: credited 500; order currency="usd": already_credited 500
l, another name        | 500: coins 500 | order: credited 500; order customer/name="Player": already_credited 500
l, without an e-mail   | 500: coins 500 | order: credited 500; order billing_email=absent: already_credited 500
l, one quantity        | 500: coins 500 | order: credited 500; order lines/0/quantity=absent: already_credited 500
l, after its refund    | 500: coins 500 | order: credited 500; refund 500 500: reversed 0; order: already_credited 0; order total_amount=50: conflict 0
"#;

#[test]
fn each_kind_of_order_gives_points_or_none_or_waits_for_a_person() {
    check(&mut shop(&[]), &rows(KINDS, &[OneByOne, Retold, AtOnce]));
}

#[test]
fn an_order_that_is_told_again_with_what_matters_changed_is_a_conflict() {
    check(&mut shop(&[]), &rows(RETOLD, &[OneByOne, AtOnce]));
}

#[test]
fn an_order_is_priced_by_the_time_at_which_it_was_completed() {
    let mut app = shop(&[]);
    app.set_product(COINS, 700);
    let table = r#"
before the change                 | 500: coins 500 | order: credited 500
after the change                  | 500: coins 500 | order completed_at="2100-01-01T00:00:00Z": credited 700
told again after the change       | 500: coins 500 | order: credited 500; order completed_at="2100-01-01T00:00:00Z": already_credited 500
no time, so that of the event     | 500: coins 500 | order completed_at=absent: credited 700
no time that can be read          | 500: coins 500 | order completed_at="soon": credited 700
"#;
    check(&mut app, &rows(table, &[OneByOne, AtOnce]));
}
