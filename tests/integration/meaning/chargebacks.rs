//! Chargebacks: opened, closed, and opened again.

use super::row::Arrival::{AtOnce, Backwards, OneByOne, Retold};
use super::row::rows;
use super::{check, shop};

const ROWS: &str = r#"
f                                  | 1000: coins 1000 | order: credited 500; opened T1: reversed 0; won T1: restored 500; opened T2: reversed 0; lost T2: noted 0
f, opened again twice, then won    | 1000: coins 1000 | order: credited 500; opened T1: reversed 0; won T1: restored 500; opened T2: reversed 0; won T2: restored 500; opened T3: reversed 0; won T3: restored 500
f, opened again twice, then lost   | 1000: coins 1000 | order: credited 500; opened T1: reversed 0; won T1: restored 500; opened T2: reversed 0; won T2: restored 500; opened T3: reversed 0; lost T3: noted 0
f, closed before it was opened     | 1000: coins 1000 | order: credited 500; won T1: noted 500; opened T1: noted 500; opened T2: reversed 0; won T2: restored 500
f, lost before it was opened       | 1000: coins 1000 | order: credited 500; lost T1: reversed 0; opened T1: noted 0
f, opened again before it was won  | 1000: coins 1000 | order: credited 500; opened T1: reversed 0; opened T2: noted 0; won T1: noted 0; won T2: restored 500
f, the newest step comes first     | 1000: coins 1000 | order: credited 500; lost T2: reversed 0; opened T1: noted 0; won T1: noted 0; opened T2: noted 0
f, an old opening after a win      | 1000: coins 1000 | order: credited 500; won T2: noted 500; opened T1: noted 500
f, only closings, first won        | 1000: coins 1000 | order: credited 500; won T1: noted 500; lost T2: reversed 0
f, only closings, at last won      | 1000: coins 1000 | order: credited 500; lost T1: reversed 0; won T2: restored 500
won, then lost at the same time    | 1000: coins 1000 | order: credited 500; opened T1: reversed 0; won T1: restored 500; lost T1: conflict 500
lost, then won at the same time    | 1000: coins 1000 | order: credited 500; opened T1: reversed 0; lost T1: noted 0; won T1: conflict 0
no times                           | 1000: coins 1000 | order: credited 500; opened -: reversed 0; won -: restored 500
no times, won and lost             | 1000: coins 1000 | order: credited 500; opened -: reversed 0; won -: restored 500; lost -: conflict 500
no time of the closing             | 1000: coins 1000 | order: credited 500; opened T1: reversed 0; won -: restored 500
no time of the opening             | 1000: coins 1000 | order: credited 500; opened -: reversed 0; won T1: restored 500
no time that can be read           | 1000: coins 1000 | order: credited 500; opened T1 chargeback_at="yesterday": reversed 0; won T1: restored 500
n, won                             | 1000: coins 1000 | order: credited 500; opened T1 chargeback_status="won": noted 500
n, lost                            | 1000: coins 1000 | order: credited 500; opened T1 chargeback_status="lost": reversed 0
n, Won                             | 1000: coins 1000 | order: credited 500; opened T1 chargeback_status="Won": noted 500
n, won, and then closed            | 1000: coins 1000 | order: credited 500; opened T1 chargeback_status="won": noted 500; won T1: noted 500
n, opened and then told as won     | 1000: coins 1000 | order: credited 500; opened T1: reversed 0; opened T1 chargeback_status="won": restored 500
n, pending                         | 1000: coins 1000 | order: credited 500; opened T1 chargeback_status="PENDING": reversed 0
n, absent                          | 1000: coins 1000 | order: credited 500; opened T1 chargeback_status=absent: reversed 0
a closing in large letters         | 1000: coins 1000 | order: credited 500; opened T1: reversed 0; won T1 chargeback_status="WON": restored 500
a closing with a large letter      | 1000: coins 1000 | order: credited 500; opened T1: reversed 0; lost T1 chargeback_status="Lost": noted 0
a closing that tells no result     | 1000: coins 1000 | order: credited 500; opened T1: reversed 0; won T1 chargeback_status="pending": malformed 0
two payments of one order          | 1000: coins 1000 | order: credited 500; opened T1: reversed 0; opened T1 id=another: noted 0; won T1: noted 0; won T1 id=another: restored 500
one payment of two orders          | 1000: coins 1000 | order: credited 500; opened T1: reversed 0; opened T2 order_id=another: conflict 0
a cart for two                     | 1000: coins 400, coins 600 (for a friend) | order: credited 500/500; opened T1: reversed 0/0; won T1: restored 500/500; opened T2: reversed 0/0; lost T2: noted 0/0
after all was refunded             | 1000: coins 1000 | order: credited 500; refund 1000 1000: reversed 0; opened T1: noted 0; won T1: noted 0
after a line was refunded          | 1000: coins 400, 2 coins 600 | order: credited 1500; refund 400 400: reversed 1000; opened T1: reversed 0; won T1: restored 1000; opened T2: reversed 0; lost T2: noted 0
a line is refunded meanwhile       | 1000: coins 400, 2 coins 600 | order: credited 1500; opened T1: reversed 0; refund 400 400: noted 0; won T1: restored 1000
an order that gave nothing         | 900: rank 900 | order: credited 0; opened T1: noted 0; won T1: noted 0
"#;

#[test]
fn the_newest_step_of_a_chargeback_counts_in_whatever_order_they_come() {
    check(
        &mut shop(&[]),
        &rows(ROWS, &[OneByOne, Retold, AtOnce, Backwards]),
    );
}
