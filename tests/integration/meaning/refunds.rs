//! Refunds by line, which is the default.

use super::row::Arrival::{AtOnce, Backwards, OneByOne, Retold};
use super::row::rows;
use super::{check, shop};

/// All that was charged is back, in whichever of the two figures and with or without the tax.
const EVERYTHING: &str = "
a                                   | 1200: 2 coins 1200 (tax 200) | order: credited 1000; refund 1200 1000: reversed 0
a, the figures swapped              | 1200: 2 coins 1200 (tax 200) | order: credited 1000; refund 1000 1200: reversed 0
a, the figures alike                | 1200: 2 coins 1200 (tax 200) | order: credited 1000; refund 1200 1200: reversed 0
a, only what the buyer got          | 1200: 2 coins 1200 (tax 200) | order: credited 1000; refund 1200 -: reversed 0
a, only what the store paid         | 1200: 2 coins 1200 (tax 200) | order: credited 1000; refund - 1000: reversed 0
a, the line's total without its tax | 1200: 2 coins 1000 (tax 200) | order: credited 1000; refund 1200 1000: reversed 0
a, the tax of the line is not known | 1200: 2 coins 1200           | order lines/0/tax_amount=absent: credited 1000; refund 1200 1000: reversed 0
a, two lines with tax               | 1200: coins 600 (tax 100), coins 600 (tax 100) | order: credited 1000; refund 1200 1000: reversed 0
a, a cart whose taxes are not known | 1200: coins 500, coins 700   | order: credited 1000; refund 1200 1000: reversed 0
b                                   | 1000: coins 1000 | order: credited 500; refund 1000 0: reversed 0
b, the other figure is 0            | 1000: coins 1000 | order: credited 500; refund 0 1000: reversed 0
b, one figure is missing            | 1000: coins 1000 | order: credited 500; refund 1000 -: reversed 0
b, the other figure is missing      | 1000: coins 1000 | order: credited 500; refund - 1000: reversed 0
b, a figure is null                 | 1000: coins 1000 | order: credited 500; refund 1000 - store_refund_amount=null: reversed 0
b, both figures are 0               | 1000: coins 1000 | order: credited 500; refund 0 0: partial_refund 500
b, both figures are missing         | 1000: coins 1000 | order: credited 500; refund - -: malformed 500
b, the figures are below 0          | 1000: coins 1000 | order: credited 500; refund -1000 -1000: malformed 500
c                                   | 1000 (gift card 600): 2 coins 1000 | order: credited 1000; refund 400 400: reversed 0
c, the line knows its gift card     | 1000 (gift card 600): 2 coins 1000 (gift card 600) | order: credited 1000; refund 400 400: reversed 0
c, the total is told as refunded    | 1000 (gift card 600): 2 coins 1000 | order: credited 1000; refund 1000 400: reversed 0
c, the store's figure is 0          | 1000 (gift card 600): 2 coins 1000 | order: credited 1000; refund 400 0: reversed 0
c, gift cards paid it all           | 1000 (gift card 1000): 2 coins 1000 | order: credited 1000; refund 0 0: reversed 0
c, and the half of it               | 1000 (gift card 600): 2 coins 1000 | order: credited 1000; refund 200 200: partial_refund 1000
c, with tax                         | 1200 (gift card 600): 2 coins 1200 (tax 200) | order: credited 1000; refund 600 400: reversed 0
a, or what one line costs           | 1200: coins 200 (tax 200), rank 1000 | order: credited 500; refund 1200 1000: partial_refund 500
more than the total                 | 1000: coins 1000 | order: credited 500; refund 1500 1500: reversed 0
a fee beside the line               | 1050: coins 1000 | order: credited 500; refund 1050 1050: reversed 0
a fee that is not refunded          | 1050: coins 1000 | order: credited 500; refund 1000 1000: reversed 0
a discount on the whole order       | 800: coins 1000 | order: credited 500; refund 800 800: reversed 0
an order whose total is not known   | 1000: coins 1000 | order total_amount=absent: credited 500; refund 1000 1000: reversed 0
a free order                        | 0: coins 0 | order: credited 500; refund 0 0: reversed 0
a free bonus beside a paid line     | 1000: coins 1000, coins 0 | order: credited 1000; refund 1000 1000: reversed 0
a cart for two                      | 1000: coins 400, coins 600 (for a friend) | order: credited 500/500; refund 1000 1000: reversed 0/0
";

/// One line is back, or it cannot be told which.
const LINES: &str = "
d                                 | 1000: coins 100, rank 900 | order: credited 500; refund 900 900: noted 500
d, the store's figure is 0        | 1000: coins 100, rank 900 | order: credited 500; refund 900 0: noted 500
d, only the store's figure        | 1000: coins 100, rank 900 | order: credited 500; refund - 900: noted 500
e                                 | 1000: coins 100, rank 900 | order: credited 500; refund 100 100: reversed 0
e, the buyer's figure is 0        | 1000: coins 100, rank 900 | order: credited 500; refund 0 100: reversed 0
d, then e                         | 1000: coins 100, rank 900 | order: credited 500; refund 900 900: noted 500; refund 100 100: reversed 0
e, then d                         | 1000: coins 100, rank 900 | order: credited 500; refund 100 100: reversed 0; refund 900 900: noted 0
d, then all                       | 1000: coins 100, rank 900 | order: credited 500; refund 900 900: noted 500; refund 1000 1000: reversed 0
d, with tax                       | 1200: coins 120 (tax 20), rank 1080 (tax 180) | order: credited 500; refund 1080 900: noted 500
e, with tax                       | 1200: coins 120 (tax 20), rank 1080 (tax 180) | order: credited 500; refund 120 100: reversed 0
e, without the tax                | 1200: coins 120 (tax 20), rank 1080 (tax 180) | order: credited 500; refund 100 100: reversed 0
d, with a gift card               | 1000 (gift card 500): coins 400, rank 600 | order: credited 500; refund 300 300: noted 500
e, with a gift card               | 1000 (gift card 500): coins 400, rank 600 | order: credited 500; refund 200 200: reversed 0
e, the line's whole total         | 1000 (gift card 500): coins 400, rank 600 | order: credited 500; refund 400 200: reversed 0
e, the gift card's share rounded  | 1000 (gift card 333): coins 400, rank 600 | order: credited 500; refund 267 267: reversed 0
e, and rounded the other way      | 1000 (gift card 333): coins 400, rank 600 | order: credited 500; refund 266 266: reversed 0
e, then d, with a gift card       | 1000 (gift card 500): coins 400, rank 600 | order: credited 500; refund 200 200: reversed 0; refund 300 300: noted 0
a line for a friend               | 1000: coins 400, coins 600 (for a friend) | order: credited 500/500; refund 600 600: reversed 500/0
two lines for two, one after one  | 1000: coins 400, coins 600 (for a friend) | order: credited 500/500; refund 400 400: reversed 0/500; refund 600 600: reversed 0/0
equal lines                       | 1000: coins 500, coins 500 | order: credited 1000; refund 500 500: reversed 500
equal lines, one after one        | 1000: coins 500, coins 500 | order: credited 1000; refund 500 500: reversed 500; refund 500 500: reversed 0
equal lines, and one refund more  | 1000: coins 500, coins 500 | order: credited 1000; refund 500 500: reversed 500; refund 500 500: reversed 0; refund 500 500: noted 0
equal lines with tax              | 1200: coins 600 (tax 100), coins 600 (tax 100) | order: credited 1000; refund 600 500: reversed 500; refund 600 500: reversed 0
equal amounts for two wallets     | 1000: coins 500, coins 500 (for a friend) | order: credited 500/500; refund 500 500: partial_refund 500/500
equal amounts of unequal points   | 1000: coins 500, rank 500 | order: credited 500; refund 500 500: partial_refund 500
equal amounts of unequal quantity | 1000: coins 500, 2 coins 500 | order: credited 1500; refund 500 500: partial_refund 1500
figures of two lines              | 1000: coins 400, rank 600 | order: credited 500; refund 400 600: partial_refund 500
figures of no line                | 1000: coins 400, rank 600 | order: credited 500; refund 250 250: partial_refund 500
a part of the only line           | 1000: coins 1000 | order: credited 500; refund 250 250: partial_refund 500
a part that waits, then all       | 1000: coins 1000 | order: credited 500; refund 250 250: partial_refund 500; refund 1000 1000: reversed 0
no product gave points            | 900: rank 900 | order: credited 0; refund 123 123: noted 0
a line beside a free bonus        | 1000: coins 100, coins 0, rank 900 | order: credited 1000; refund 100 100: reversed 500
a free bonus goes with the last    | 1000: coins 100, coins 0, rank 900 | order: credited 1000; refund 100 100: reversed 500; refund 900 900: reversed 0
a refund told without a figure    | 1000: coins 100, rank 900 | order: credited 500; refund 100 100: reversed 0; again store_refund_amount=absent: noted 0
a refund told of another order    | 1000: coins 100, rank 900 | order: credited 500; refund 100 100: reversed 0; again order_id=another: conflict 0
a refund told with another amount | 1000: coins 100, rank 900 | order: credited 500; refund 100 100: reversed 0; again amount=900 store_refund_amount=900: conflict 0
";

/// What a refund event must say.
const EVENTS: &str = r#"
k                               | 1000: coins 1000 | order: credited 500; refund 1000 1000 currency="JPY": currency_mismatch 500
k, a part                       | 1000: coins 100, rank 900 | order: credited 500; refund 100 100 currency="EUR": currency_mismatch 500
k, in small letters             | 1000: coins 1000 | order: credited 500; refund 1000 1000 currency="usd": reversed 0
k, the order in small letters   | 1000: coins 1000 | order currency="usd": credited 500; refund 1000 1000: reversed 0
k, the refund names none        | 1000: coins 1000 | order: credited 500; refund 1000 1000 currency=absent: reversed 0
k, the order names none         | 1000: coins 1000 | order currency=absent: credited 500; refund 1000 1000 currency="JPY": reversed 0
k, and then in the right one    | 1000: coins 1000 | order: credited 500; refund 1000 1000 currency="JPY": currency_mismatch 500; again currency="USD": reversed 0
m                               | 1000: coins 1000 | order: credited 500; refund 1000 1000 status="Completed": reversed 0
m, in large letters             | 1000: coins 1000 | order: credited 500; refund 1000 1000 status="COMPLETED": reversed 0
m, with a space                 | 1000: coins 1000 | order: credited 500; refund 1000 1000 status="completed\u0020": reversed 0
m, absent                       | 1000: coins 1000 | order: credited 500; refund 1000 1000 status=absent: reversed 0
m, null                         | 1000: coins 1000 | order: credited 500; refund 1000 1000 status=null: reversed 0
m, created                      | 1000: coins 1000 | order: credited 500; refund 1000 1000 status="created": refund_not_completed 500
m, Approved                     | 1000: coins 1000 | order: credited 500; refund 1000 1000 status="Approved": refund_not_completed 500
m, PROCESSING                   | 1000: coins 1000 | order: credited 500; refund 1000 1000 status="PROCESSING": refund_not_completed 500
m, canceled                     | 1000: coins 1000 | order: credited 500; refund 1000 1000 status="canceled": refund_not_completed 500
m, Failed                       | 1000: coins 1000 | order: credited 500; refund 1000 1000 status="Failed": refund_not_completed 500
m, a new word                   | 1000: coins 1000 | order: credited 500; refund 1000 1000 status="undone": refund_not_completed 500
m, not completed and then is    | 1000: coins 1000 | order: credited 500; refund 1000 1000 status="processing": refund_not_completed 500; again status="completed": reversed 0
"#;

#[test]
fn a_refund_takes_the_points_of_what_it_gave_back_or_waits_for_a_person() {
    let arrivals = [OneByOne, Retold, AtOnce, Backwards];
    let tables = [EVERYTHING, LINES, EVENTS];
    let rows: Vec<_> = tables
        .iter()
        .flat_map(|table| rows(table, &arrivals))
        .collect();
    check(&mut shop(&[]), &rows);
}
