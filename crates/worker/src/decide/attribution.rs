//! What a refund was for, as far as its amounts tell. Pure.
//!
//! `PayNow` refunds everything that was charged, or exactly one line, and its event names no line. Its
//! texts disagree about the two amounts of the event, so a line fits when either amount is what the line
//! cost, with or without its tax and its share of the gift cards.

#![deny(clippy::as_conversions, clippy::float_arithmetic)]

use std::collections::{BTreeMap, BTreeSet, HashSet};

use paynow_shared::event::RefundAmounts;
use paynow_shared::ids::{OrderLineId, WalletId};
use paynow_shared::points::Points;

use super::record::{Attribution, Record, RefundRecord};
use super::reversal::points_refunded;
use super::view::{LineState, OrderState};

/// So many candidates are named in an error.
const NAMED_MAX: usize = 5;

/// A refund beside the state of its order.
pub(super) struct Fit<'a> {
    order: &'a OrderState,
    refund: RefundRecord,
    /// The amounts of the refund that say something.
    figures: BTreeSet<i128>,
    /// What there is to give back of the whole order, in one of its readings.
    full: BTreeSet<i128>,
    /// The same, also without the tax, and as if no gift card had been used.
    everything: BTreeSet<i128>,
}

impl<'a> Fit<'a> {
    /// `refund` is the record to be, whatever its attribution.
    pub(super) fn new(order: &'a OrderState, refund: RefundRecord) -> Self {
        let (full, everything) = amounts_of_everything(order);
        Self {
            order,
            refund,
            figures: figures(&refund.amounts),
            full,
            everything,
        }
    }

    /// All that was charged is back: every amount says so. With gift cards the amount of one line may be
    /// the same, so its refund must be told apart like any other.
    pub(super) fn is_everything(&self) -> bool {
        self.figures.is_subset(&self.everything)
            && !self.figures.is_disjoint(&self.full)
            && self.order.giftcards() == 0
    }

    /// The amounts are also those of one line, beside others that cost something and with other points: what
    /// was charged less the tax can be the price of a line by chance.
    pub(super) fn may_be_one_of_several_lines(&self, candidates: &[Attribution]) -> bool {
        let costs = |line: &LineState| {
            let total = line.details.and_then(|details| details.amounts.total);
            total.is_some_and(|total| total > 0)
        };
        let costly = self.open_lines().filter(|(_id, line)| costs(line));
        let costly: BTreeSet<OrderLineId> = costly.map(|(id, _line)| id).collect();
        let everything = self.taken_with(Attribution::Everything);
        let mut distinct = self.distinct(candidates).into_iter();
        distinct.any(|candidate| match candidate {
            Attribution::Line(id) => {
                costly.iter().any(|other| *other != id)
                    && self.explains_all(candidate)
                    && self.taken_with(candidate) != everything
            }
            Attribution::Everything | Attribution::Points { .. } | Attribution::Proportional => {
                false
            }
        })
    }

    /// At least as much is back as was charged, in any reading.
    pub(super) fn is_more_than_everything(&self) -> bool {
        let most = self.everything.last();
        let least = self.figures.first();
        most.is_some_and(|most| least.is_some_and(|least| least >= most))
    }

    /// One of the amounts is that of everything.
    pub(super) fn may_be_everything(&self) -> bool {
        !self.figures.is_disjoint(&self.everything) || self.is_more_than_everything()
    }

    /// Nothing is left that a refund could take.
    pub(super) fn takes_nothing(&self) -> bool {
        points_refunded(self.order) == self.taken_with(Attribution::Everything)
    }

    /// Everything, and the lines that are not refunded yet, as far as they fit one of the amounts.
    pub(super) fn candidates(&self) -> Vec<Attribution> {
        let everything = !self.figures.is_disjoint(&self.everything);
        let lines = self
            .open_lines()
            .filter(|(_id, line)| !self.figures.is_disjoint(&amounts_of_line(line, self.order)));
        everything
            .then_some(Attribution::Everything)
            .into_iter()
            .chain(lines.map(|(id, _line)| Attribution::Line(id)))
            .collect()
    }

    /// The candidates without lines that are equal to an earlier one: which of these it was makes no
    /// difference, and thousands of them cost no more than one.
    fn distinct(&self, candidates: &[Attribution]) -> Vec<Attribution> {
        let mut seen = HashSet::new();
        let is_new = |candidate: &Attribution| {
            let Attribution::Line(id) = candidate else {
                return true;
            };
            let line = self.order.lines.get(id).copied().unwrap_or_default();
            let amounts = line.details.map(|details| details.amounts);
            let amounts = amounts.map(|amounts| (amounts.total, amounts.tax, amounts.giftcard));
            let credit = line.credit.filter(|(_to, points)| *points != Points::ZERO);
            seen.insert((credit, amounts))
        };
        candidates.iter().copied().filter(is_new).collect()
    }

    /// The only candidate, or the first of several that take the same points from the same wallets.
    pub(super) fn agreed(&self, candidates: &[Attribution]) -> Option<Attribution> {
        let candidates = self.distinct(candidates);
        let (first, others) = candidates.split_first()?;
        let taken = self.taken_with(*first);
        let agree = others.iter().all(|other| self.taken_with(*other) == taken);
        // With gift cards an amount may be that of another line by chance, so one candidate must explain both.
        let is_explained =
            self.order.giftcards() == 0 || candidates.iter().any(|it| self.explains_all(*it));
        (agree && is_explained).then_some(*first)
    }

    /// Each amount of the refund is one of the candidate's, or the whole payment.
    fn explains_all(&self, candidate: Attribution) -> bool {
        let own = match candidate {
            Attribution::Everything => self.everything.clone(),
            Attribution::Line(id) => {
                let line = self.order.lines.get(&id);
                line.map_or_else(BTreeSet::new, |line| amounts_of_line(line, self.order))
            }
            Attribution::Points { .. } | Attribution::Proportional => BTreeSet::new(),
        };
        let total = self.order.total_amount_minor.map(i128::from);
        let charged = total.map(|total| total.saturating_sub(self.order.giftcards()));
        self.figures.iter().all(|figure| {
            own.contains(figure) || total == Some(*figure) || charged == Some(*figure)
        })
    }

    /// A line that gave the same points to the same wallet and that no refund names.
    pub(super) fn equal_open_line(&self, named: OrderLineId) -> Option<OrderLineId> {
        let credit = self.order.lines.get(&named)?.credit;
        let mut equal = self
            .open_lines()
            .filter(|(_id, line)| line.credit == credit);
        equal.next().map(|(id, _line)| id)
    }

    /// What nobody can tell from the amounts, for a person.
    pub(super) fn explain(&self, candidates: &[Attribution]) -> String {
        let named = candidates.iter().filter_map(|candidate| match candidate {
            Attribution::Line(id) => Some(format!("line {id}")),
            Attribution::Everything => Some("everything".to_owned()),
            Attribution::Points { .. } | Attribution::Proportional => None,
        });
        let named: Vec<String> = named.take(NAMED_MAX).collect();
        match named.as_slice() {
            [] => {
                "the refund's amounts fit no line of the order, nor all that was charged".to_owned()
            }
            [one] => format!("only one of the refund's amounts fits: {one}"),
            _several => format!("the refund's amounts fit {}", named.join(" or ")),
        }
    }

    fn taken_with(&self, attribution: Attribution) -> BTreeMap<WalletId, Points> {
        let mut after = self.order.clone();
        after.add(&Record::Refund(RefundRecord {
            attribution,
            ..self.refund
        }));
        points_refunded(&after)
    }

    fn open_lines(&self) -> impl Iterator<Item = (OrderLineId, &LineState)> {
        let lines = self.order.lines.iter();
        lines
            .filter(|(id, _line)| !self.order.is_refunded(**id))
            .map(|(id, line)| (*id, line))
    }
}

/// An amount of zero says nothing beside another one: the store pays nothing of some refunds.
fn figures(amounts: &RefundAmounts) -> BTreeSet<i128> {
    let both = [amounts.buyer, amounts.store].into_iter().flatten();
    let figures: BTreeSet<i128> = both.filter(|amount| *amount != 0).map(i128::from).collect();
    if figures.is_empty() {
        BTreeSet::from([0])
    } else {
        figures
    }
}

/// What can still be given back of the whole order: in full, and also without the tax. It is open whether
/// `PayNow`'s total is before or after the gift cards, and which of a refund's amounts counts.
fn amounts_of_everything(order: &OrderState) -> (BTreeSet<i128>, BTreeSet<i128>) {
    let Some(total) = order.total_amount_minor.map(i128::from) else {
        return (BTreeSet::new(), BTreeSet::new());
    };
    let charged = total.saturating_sub(order.giftcards());
    let back = lines_back(order);
    let of_giftcards = giftcard_shares(back, order).into_iter();
    let back_charged = of_giftcards.map(|share| back.saturating_sub(share));
    let left_of = |charged: i128, back: BTreeSet<i128>| -> BTreeSet<i128> {
        let back = back.into_iter().chain(amounts_back(order));
        back.map(|back| charged.saturating_sub(back)).collect()
    };
    let full = left_of(charged, back_charged.collect());
    let with_tax: BTreeSet<i128> = left_of(total, BTreeSet::from([back]))
        .union(&full)
        .copied()
        .collect();
    let tax: i128 = order
        .lines
        .iter()
        .filter(|(id, _line)| !order.is_refunded(**id))
        .filter_map(|(_id, line)| line.details?.amounts.tax)
        .map(i128::from)
        .sum();
    let without_tax = with_tax.iter().map(|amount| amount.saturating_sub(tax));
    let everything = without_tax.chain(with_tax.iter().copied()).collect();
    (full, everything)
}

/// What the refunds before gave back, by what the buyer got and by what the store paid.
fn amounts_back(order: &OrderState) -> [i128; 2] {
    let sum = |amount: &dyn Fn(&RefundRecord) -> Option<i64>| -> i128 {
        let refunds = order.refunds.values();
        refunds
            .map(|refund| i128::from(amount(refund).unwrap_or(refund.amount_minor)))
            .sum()
    };
    [
        sum(&|refund| refund.amounts.buyer),
        sum(&|refund| refund.amounts.store.filter(|amount| *amount != 0)),
    ]
}

/// What the refunds before gave back, by the totals of their lines.
fn lines_back(order: &OrderState) -> i128 {
    let of_line = |refund: &RefundRecord| match refund.attribution {
        Attribution::Line(id) => order.lines.get(&id)?.details?.amounts.total,
        Attribution::Everything | Attribution::Points { .. } | Attribution::Proportional => None,
    };
    let refunds = order.refunds.values();
    refunds
        .map(|refund| i128::from(of_line(refund).unwrap_or(refund.amount_minor)))
        .sum()
}

/// What a refund of a line may give back. Empty when the line's amounts are not known.
fn amounts_of_line(line: &LineState, order: &OrderState) -> BTreeSet<i128> {
    let amounts = line.details.map(|details| details.amounts);
    let amounts = amounts.unwrap_or_default();
    let Some(total) = amounts.total.map(i128::from) else {
        return BTreeSet::new();
    };
    let mut shares = vec![0];
    match amounts.giftcard.map(i128::from) {
        Some(own) => shares.push(own),
        None => shares.extend(giftcard_shares(total, order)),
    }
    let tax = amounts.tax.map_or(0, i128::from);
    let without = |share: i128| {
        let with_tax = total.saturating_sub(share);
        [with_tax, with_tax.saturating_sub(tax)]
    };
    shares.into_iter().flat_map(without).collect()
}

/// `PayNow`'s events tell only how much of the order was paid with gift cards. The share of some lines, in
/// proportion to their total, is rounded down or up.
fn giftcard_shares(of_lines: i128, order: &OrderState) -> [i128; 2] {
    let total = order.total_amount_minor.map_or(0, i128::from);
    let product = order.giftcards().saturating_mul(of_lines);
    let share = product.div_euclid(total.max(1));
    let is_exact = share.saturating_mul(total) == product;
    [share, share.saturating_add(i128::from(!is_exact))]
}
