//! Random orders, and how they are told.

use fastrand::Rng;

use super::{
    Body, History, Ids, Kind, Line, MINUTE, Order, PAID_AT, PRODUCTS, Price, UNKNOWN_PRODUCT,
    chance, event, one_of,
};

/// The kinds of order, as `PayNow` spells them; one that nobody knows yet, and none.
pub(super) const KINDS: [Option<&str>; 8] = [
    Some("one_time"),
    Some("subscription_initial"),
    Some("subscription_renewal"),
    Some("mixed"),
    Some("subscription_proration"),
    Some("bundle"),
    Some("One_Time"),
    None,
];

/// The name of a kind in the settings.
pub(super) fn known(kind: &'static str) -> &'static str {
    match kind {
        "bundle" => "unknown",
        "One_Time" => "one_time",
        known => known,
    }
}

/// Prices that may have changed before or after the order was paid.
pub(super) fn prices(random: &mut Rng, ids: &Ids) -> Vec<Price> {
    let mut prices = Vec::new();
    for (number, points) in PRODUCTS {
        let product = ids.product(number);
        let mut add = |valid_from, points| {
            prices.push(Price {
                product,
                valid_from,
                points,
            });
        };
        if chance(random, 80) {
            add(None, Some(points));
        } else {
            add(Some(PAID_AT + random.i64(1..9) * MINUTE), Some(points));
        }
        for later in 10..12 {
            if chance(random, 10) {
                let points = chance(random, 70).then(|| random.i64(0..2000));
                let time = one_of(
                    random,
                    &[PAID_AT + later * MINUTE, PAID_AT - 20 * MINUTE + later],
                );
                add(Some(time), points);
            }
        }
    }
    prices
}

pub(super) fn order(random: &mut Rng, ids: &mut Ids, kind: Kind) -> Order {
    let buyer = ids.at(PAID_AT);
    let friends = [ids.at(PAID_AT), ids.at(PAID_AT)];
    let tax_percent = one_of(random, &[0, 0, 0, 20, 25, 50]);
    let mut lines: Vec<Line> = Vec::new();
    for _ in 0..random.usize(1..=4) {
        let line = match lines.last() {
            Some(last) if chance(random, 25) => Line {
                id: ids.at(PAID_AT),
                ..last.clone()
            },
            Some(_) | None => line(random, ids, tax_percent, friends),
        };
        lines.push(line);
    }
    if chance(random, 30) {
        random.shuffle(&mut lines);
    }
    let mut order = Order {
        id: ids.at(PAID_AT),
        buyer,
        kind: Some("one_time"),
        status: Some("completed"),
        currency: one_of(random, &["USD", "usd", "EUR"]),
        total: lines.iter().map(|line| line.total).sum(),
        giftcards: 0,
        completed_at: Some(PAID_AT),
        tax_inclusive: random.bool(),
        lines,
    };
    if chance(random, 35) {
        pay_with_gift_cards(random, &mut order);
    }
    if kind == Kind::Wild {
        make_odd(random, ids, &mut order);
    }
    order
}

fn line(random: &mut Rng, ids: &mut Ids, tax_percent: i64, friends: [i64; 2]) -> Line {
    let (number, _) = one_of(random, &PRODUCTS);
    let quantity = one_of(random, &[1, 1, 1, 2, 3]);
    let without_tax = quantity * one_of(random, &[0, 50, 100, 100, 150, 200, 300, 999]);
    let tax = without_tax * tax_percent / 100;
    Line {
        id: ids.at(PAID_AT),
        product: ids.product(number),
        quantity,
        gift_to: chance(random, 35).then(|| one_of(random, &friends)),
        total: without_tax + tax,
        tax,
        giftcards: None,
        is_trial: without_tax == 0 && chance(random, 30),
    }
}

/// Pays a part with gift cards, shared among the lines by their totals.
fn pay_with_gift_cards(random: &mut Rng, order: &mut Order) {
    let total = order.total;
    order.giftcards = match random.u8(..4) {
        0 => total,
        1 => random.i64(0..=total),
        2 => order.lines[0].total,
        _most => total / 2,
    };
    if total > 0 && random.bool() {
        let shares = shares(order);
        for (line, share) in order.lines.iter_mut().zip(shares) {
            line.giftcards = Some(share);
        }
    }
}

/// What gift cards paid of each line: rounded down, and the rest on the first lines.
pub(crate) fn shares(order: &Order) -> Vec<i64> {
    if order.total == 0 {
        return vec![0; order.lines.len()];
    }
    if let Some(own) = order.lines.iter().map(|line| line.giftcards).collect() {
        return own;
    }
    let product = |line: &Line| order.giftcards * line.total;
    let down = |line: &Line| product(line) / order.total;
    let mut rest = order.giftcards - order.lines.iter().map(down).sum::<i64>();
    let round = |line: &Line| {
        let is_up = rest > 0 && product(line) % order.total > 0;
        rest -= i64::from(is_up);
        down(line) + i64::from(is_up)
    };
    order.lines.iter().map(round).collect()
}

fn make_odd(random: &mut Rng, ids: &Ids, order: &mut Order) {
    if chance(random, 30) {
        order.kind = one_of(random, &KINDS);
    }
    if chance(random, 10) {
        order.status = one_of(
            random,
            &[None, Some("Completed"), Some("created"), Some("canceled")],
        );
    }
    if chance(random, 15) {
        order.completed_at = None;
    }
    if chance(random, 10) {
        order.total += random.i64(-30..=300).max(order.giftcards - order.total);
    }
    if chance(random, 10) {
        order.lines[0].product = ids.product(UNKNOWN_PRODUCT);
    }
    if chance(random, 10) {
        order.lines[0].giftcards = Some(random.i64(0..=order.lines[0].total));
    }
}

/// Adds the events that tell of the order: mostly one, sometimes none, and retellings.
pub(super) fn tell(random: &mut Rng, ids: &mut Ids, history: &mut History) {
    let order = history.order.clone();
    if chance(random, 97) {
        let told = event(ids, PAID_AT, Body::Order(order.clone()));
        history.events.push(told);
    }
    if history.events.is_empty() {
        return;
    }
    if chance(random, 20) {
        let mut same = order.clone();
        random.shuffle(&mut same.lines);
        same.currency = if order.currency == "usd" {
            "USD"
        } else {
            order.currency
        };
        let told = event(ids, PAID_AT + random.i64(0..30) * MINUTE, Body::Order(same));
        history.events.push(told);
    }
    if chance(random, 20) {
        let other = changed(random, ids, &order);
        let told = event(
            ids,
            PAID_AT + random.i64(0..30) * MINUTE,
            Body::Order(other),
        );
        history.events.push(told);
    }
    if chance(random, 5) {
        let mut canceled = order;
        canceled.status = Some("canceled");
        history
            .events
            .push(event(ids, PAID_AT, Body::Order(canceled)));
    }
}

/// The order with something else that matters.
fn changed(random: &mut Rng, ids: &mut Ids, order: &Order) -> Order {
    let mut other = order.clone();
    let index = random.usize(..other.lines.len());
    let line = &mut other.lines[index];
    match random.u8(..10) {
        0 => line.quantity += 1,
        1 => line.total += 100,
        2 => line.tax += 1,
        3 => line.id = ids.at(PAID_AT),
        4 => line.gift_to = Some(ids.at(PAID_AT)),
        5 => {
            line.product = ids.product(if line.product == ids.product(40) {
                41
            } else {
                40
            });
        }
        6 => other.total += 50,
        7 => other.giftcards += 1,
        8 => other.currency = "JPY",
        _last => {
            let more = Line {
                id: ids.at(PAID_AT),
                ..line.clone()
            };
            other.lines.push(more);
        }
    }
    other
}
