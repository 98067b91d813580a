//! Random refunds. Each is for one line or for all the rest, and its amounts are told in one of the
//! ways that `PayNow`'s texts allow.

use fastrand::Rng;

use super::orders::shares;
use super::{
    Body, History, Ids, Kind, Line, MINUTE, Meaning, Order, PAID_AT, chance, event, one_of,
};
use crate::model::history::Refund;

/// One of the two amounts of a refund.
#[derive(Debug, Clone, Copy)]
enum Figure {
    Missing,
    Zero,
    /// What was charged for the order.
    Payment,
    /// What the lines cost.
    Cost {
        with_tax: bool,
        less_gift_cards: bool,
    },
}

/// How a shop's refunds tell their amounts: the buyer's, then the store's.
fn reading(random: &mut Rng, lines: &[Share<'_>]) -> [Figure; 2] {
    let less_gift_cards = random.bool();
    // Where gift cards paid nearly all, less is left than the tax.
    let has_tax_left = lines
        .iter()
        .all(|(line, share)| line.total == 0 || line.tax < line.total - share);
    let cost = |with_tax| Figure::Cost {
        with_tax: with_tax || !has_tax_left,
        less_gift_cards,
    };
    let (gross, net) = (cost(true), cost(false));
    let is_with_tax = random.bool() || !has_tax_left;
    one_of(
        random,
        &[
            [gross, gross],
            [gross, gross],
            [net, net],
            [gross, net],
            [cost(is_with_tax), Figure::Zero],
            [cost(is_with_tax), Figure::Missing],
            [Figure::Payment, gross],
            [Figure::Payment, net],
            [
                gross,
                Figure::Cost {
                    with_tax: is_with_tax,
                    less_gift_cards: !less_gift_cards,
                },
            ],
        ],
    )
}

/// An order line and what gift cards paid of it.
type Share<'a> = (&'a Line, i64);

fn amount(order: &Order, figure: Figure, lines: &[Share<'_>]) -> Option<i64> {
    match figure {
        Figure::Missing => None,
        Figure::Zero => Some(0),
        Figure::Payment => Some(order.total - order.giftcards),
        Figure::Cost {
            with_tax,
            less_gift_cards,
        } => {
            let cost = |(line, share): &Share<'_>| {
                let tax = if with_tax { 0 } else { line.tax };
                line.total - tax - if less_gift_cards { *share } else { 0 }
            };
            Some(lines.iter().map(cost).sum::<i64>().max(0))
        }
    }
}

/// Adds refunds, and sometimes one of them in a second event or one of another currency.
pub(super) fn happen(random: &mut Rng, ids: &mut Ids, history: &mut History) {
    let order = history.order.clone();
    // PayNow refunds payments, and here there is none.
    if history.kind == Kind::Sound && order.total == order.giftcards {
        return;
    }
    let payment_id = ids.at(PAID_AT);
    let shares = shares(&order);
    let mut left: Vec<Share<'_>> = order.lines.iter().zip(shares).collect();
    let mut reading_of_shop = reading(random, &left);
    for serial in 0..one_of(random, &[0, 1, 1, 2, 2, 3, 4]) {
        // PayNow gives back money: what was free cannot be refunded.
        let is_refundable =
            |(line, share): &Share<'_>| history.kind == Kind::Wild || line.total > *share;
        let refundable: Vec<usize> = (0..left.len())
            .filter(|index| is_refundable(&left[*index]))
            .collect();
        if refundable.is_empty() {
            break;
        }
        let id = ids.at(PAID_AT);
        let (meaning, lines) = if chance(random, 30) {
            (Meaning::Rest, std::mem::take(&mut left))
        } else {
            let line = left.remove(one_of(random, &refundable));
            (Meaning::Line(line.0.id), vec![line])
        };
        if history.kind == Kind::Wild && random.bool() {
            reading_of_shop = reading(random, &left);
        }
        let [buyer, store] = reading_of_shop;
        let mut refund = Refund {
            id,
            order_id: order.id,
            payment_id,
            currency: order.currency,
            buyer_amount: amount(&order, buyer, &lines),
            store_amount: amount(&order, store, &lines),
            status: one_of(random, &["completed", "Completed"]),
        };
        if history.kind == Kind::Wild && chance(random, 30) {
            make_odd(random, &order, &mut refund);
        }
        history.is_ambiguous |= lines.len() > 1 && fits_a_line(&refund, &order);
        history.meanings.push((id, meaning));
        tell(random, ids, history, (refund, serial));
    }
}

/// Whether an amount of the refund is one that a line has, with or without tax and gift cards.
fn fits_a_line(refund: &Refund, order: &Order) -> bool {
    let of_payment = order.total - order.giftcards;
    let mut lines = order.lines.iter().zip(shares(order));
    lines.any(|(line, share)| {
        let gross = [line.total, line.total - line.tax];
        let amounts = gross.map(|amount| {
            [
                amount,
                amount - share,
                amount - share - 1,
                amount - share + 1,
            ]
        });
        [refund.buyer_amount, refund.store_amount]
            .into_iter()
            .flatten()
            .any(|figure| figure != of_payment && amounts.as_flattened().contains(&figure))
    })
}

fn make_odd(random: &mut Rng, order: &Order, refund: &mut Refund) {
    let any = |random: &mut Rng| {
        let figures = [
            order.total,
            order.total - order.giftcards,
            order.lines[0].total,
            50,
            1,
        ];
        let figure = one_of(random, &figures);
        figure + one_of(random, &[0, 0, 0, 1, 50])
    };
    match random.u8(..4) {
        0 => refund.buyer_amount = Some(any(random)),
        1 => refund.store_amount = Some(any(random)),
        2 => refund.buyer_amount = Some(0),
        _last => {
            refund.store_amount = Some(any(random));
            refund.buyer_amount = refund.store_amount;
        }
    }
}

fn tell(random: &mut Rng, ids: &mut Ids, history: &mut History, told: (Refund, i64)) {
    let (refund, serial) = told;
    let time = PAID_AT + (20 + serial) * MINUTE;
    let body = Body::Refund(refund.clone());
    history.events.push(event(ids, time, body.clone()));
    if chance(random, 15) {
        history.events.push(event(ids, time + 5 * MINUTE, body));
    }
    let mut other = refund;
    other.id = ids.at(time);
    if chance(random, 5) {
        other.currency = "JPY";
        history.events.push(event(ids, time, Body::Refund(other)));
    } else if chance(random, 5) {
        other.status = one_of(random, &["processing", "Canceled"]);
        history.events.push(event(ids, time, Body::Refund(other)));
    }
}
