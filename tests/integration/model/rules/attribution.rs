//! What a refund was for.

use std::collections::BTreeSet;

use super::super::history::{Answer, PartialRefunds, Refund, Source};
use super::orders::{Posted, PostedLine};
use super::{Points, Recorded, Rules, without_zeros};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attribution {
    Everything,
    Line(i64),
    Points {
        wallet: i64,
        points: i64,
    },
    /// An amount out of what was charged.
    Share(i64),
}

pub(super) enum Decided {
    For(Attribution),
    Ask,
    Undecided,
}

/// A refund beside what is left of its order.
struct Case<'a> {
    rules: &'a Rules,
    refund: &'a Refund,
    order: &'a Posted,
    figures: BTreeSet<i64>,
    /// The lines that no refund has.
    left: Vec<&'a PostedLine>,
    /// What giving back all the rest can amount to, and the part of it that is all of the charge.
    everything: BTreeSet<i64>,
    full: BTreeSet<i64>,
}

impl Rules {
    pub(super) fn attribute(
        &self,
        order: &Posted,
        refund: &Refund,
        answer: Option<(Answer, Source)>,
    ) -> Decided {
        let case = self.case(order, refund);
        if let Some((answer, source)) = answer
            && let Some(attribution) = self.told(&case, answer, source)
        {
            return attribution;
        }
        if case.takes_nothing() || (case.gives_all_back() && !case.may_be_one_of_several()) {
            return Decided::For(Attribution::Everything);
        }
        let candidates = case.candidates();
        let is_by_line = self.settings.partial_refunds == PartialRefunds::ByLine;
        if let Some(chosen) = case.same(&candidates)
            && (is_by_line || chosen == Attribution::Everything)
        {
            return Decided::For(chosen);
        }
        if candidates.is_empty() && case.exceeds() {
            return Decided::For(Attribution::Everything);
        }
        match self.settings.partial_refunds {
            PartialRefunds::ByLine if self.settings.asks_paynow && answer.is_none() => Decided::Ask,
            PartialRefunds::Proportional => Decided::For(Attribution::Share(main_amount(refund))),
            PartialRefunds::ByLine | PartialRefunds::DeadLetter => Decided::Undecided,
        }
    }

    fn case<'a>(&'a self, order: &'a Posted, refund: &'a Refund) -> Case<'a> {
        let attributed: BTreeSet<i64> = self
            .refunds
            .iter()
            .filter_map(|one| match one.attribution {
                Attribution::Line(id) => Some(id),
                Attribution::Everything | Attribution::Points { .. } | Attribution::Share(_) => {
                    None
                }
            })
            .collect();
        let left: Vec<&PostedLine> = order
            .lines
            .iter()
            .filter(|line| !attributed.contains(&line.told.id))
            .collect();
        let taxes: i64 = left.iter().map(|line| line.told.tax).sum();
        let (total, charged) = (order.told.total, order.told.total - order.told.giftcards);
        let sums = self.amounts_back();
        let of_lines = self.lines_back(order);
        let shares = share_of(order, of_lines).map(|share| of_lines - share);
        let less = |amount: i64, back: &[i64]| -> Vec<i64> {
            let backs = sums.iter().chain(back);
            backs.map(|back| amount - back).collect()
        };
        let full: BTreeSet<i64> = less(charged, &shares).into_iter().collect();
        let with_tax = less(total, &[of_lines]).into_iter().chain(full.clone());
        let everything = with_tax
            .flat_map(|amount| [amount, amount - taxes])
            .collect();
        Case {
            rules: self,
            refund,
            order,
            figures: figures(refund),
            left,
            everything,
            full,
        }
    }

    /// What the refunds gave back by their two amounts. One that is missing is like the other.
    fn amounts_back(&self) -> [i64; 2] {
        let sum = |amount: fn(&Refund) -> i64| -> i64 {
            self.refunds.iter().map(|one| amount(&one.refund)).sum()
        };
        [
            sum(|refund| refund.buyer_amount.unwrap_or_else(|| main_amount(refund))),
            sum(main_amount),
        ]
    }

    /// What they gave back by the totals of their lines, and by their amounts where they have no line.
    fn lines_back(&self, order: &Posted) -> i64 {
        let lines = order.lines.iter();
        let total_of = |id| {
            let mut lines = lines.clone().filter(|line| line.told.id == id);
            lines.next().map(|line| line.told.total)
        };
        let amount = |one: &Recorded| match one.attribution {
            Attribution::Line(id) => total_of(id),
            Attribution::Everything | Attribution::Points { .. } | Attribution::Share(_) => None,
        };
        let amounts = self.refunds.iter();
        amounts
            .map(|one| amount(one).unwrap_or_else(|| main_amount(&one.refund)))
            .sum()
    }

    /// What follows from what `PayNow` or a person said; nothing if that says nothing.
    fn told(&self, case: &Case<'_>, answer: Answer, source: Source) -> Option<Decided> {
        let mode = self.settings.partial_refunds;
        if source == Source::PayNow && mode != PartialRefunds::ByLine {
            return None;
        }
        Some(match answer {
            Answer::Unknown => return None,
            Answer::Points { wallet, points } => {
                Decided::For(Attribution::Points { wallet, points })
            }
            Answer::Everything if source == Source::Person || case.fits_everything() => {
                Decided::For(Attribution::Everything)
            }
            Answer::Everything => Decided::Undecided,
            Answer::Line(id) => match self.free_line(case, id) {
                Some(line) => Decided::For(Attribution::Line(line)),
                None => Decided::Undecided,
            },
        })
    }

    /// The line that was named or, if another refund has it, one that gave the same.
    fn free_line(&self, case: &Case<'_>, id: i64) -> Option<i64> {
        let named = case.order.lines.iter().find(|line| line.told.id == id)?;
        let left = |line: &&&PostedLine| line.told.id == id;
        if case.left.iter().any(|line| left(&line)) {
            return Some(id);
        }
        let equal = case
            .left
            .iter()
            .filter(|line| (line.wallet, line.points) == (named.wallet, named.points));
        equal.map(|line| line.told.id).min()
    }
}

impl Case<'_> {
    /// All that was charged is back.
    fn gives_all_back(&self) -> bool {
        self.figures.is_subset(&self.everything)
            && !self.figures.is_disjoint(&self.full)
            && self.order.told.giftcards == 0
    }

    /// The amounts are also those of a line beside others that cost something, with other points.
    fn may_be_one_of_several(&self) -> bool {
        self.left.iter().any(|line| {
            let it = Attribution::Line(line.told.id);
            let is_other_cost =
                |other: &&PostedLine| other.told.id != line.told.id && other.told.total > 0;
            !self.figures.is_disjoint(&self.amounts_of(line))
                && self.explains(it)
                && self.takes(it) != self.takes(Attribution::Everything)
                && self.left.iter().copied().any(|other| is_other_cost(&other))
        })
    }

    /// At least as much is back as was charged, in any reading.
    fn exceeds(&self) -> bool {
        let most = self.everything.last().copied().unwrap_or_default();
        self.figures.iter().all(|figure| *figure >= most)
    }

    fn fits_everything(&self) -> bool {
        self.exceeds() || !self.figures.is_disjoint(&self.everything)
    }

    fn candidates(&self) -> Vec<Attribution> {
        let mut candidates = Vec::new();
        if !self.figures.is_disjoint(&self.everything) {
            candidates.push(Attribution::Everything);
        }
        let mut lines: Vec<&&PostedLine> = self
            .left
            .iter()
            .filter(|line| !self.figures.is_disjoint(&self.amounts_of(line)))
            .collect();
        lines.sort_unstable_by_key(|line| line.told.id);
        candidates.extend(lines.iter().map(|line| Attribution::Line(line.told.id)));
        candidates
    }

    /// The first candidate, if all of them take the same.
    fn same(&self, candidates: &[Attribution]) -> Option<Attribution> {
        let first = candidates.first()?;
        let takes = self.takes(*first);
        let is_same = candidates.iter().all(|one| self.takes(*one) == takes);
        // With gift cards an amount of one line may be that of another by chance.
        let is_explained =
            self.order.told.giftcards == 0 || candidates.iter().any(|one| self.explains(*one));
        (is_same && is_explained).then_some(*first)
    }

    /// Whether each figure is an amount of this candidate or of the whole payment.
    fn explains(&self, candidate: Attribution) -> bool {
        let told = &self.order.told;
        let mut amounts = BTreeSet::from([told.total, told.total - told.giftcards]);
        if candidate == Attribution::Everything {
            amounts.extend(&self.everything);
        }
        for line in &self.left {
            if candidate == Attribution::Line(line.told.id) {
                amounts.extend(self.amounts_of(line));
            }
        }
        self.figures.is_subset(&amounts)
    }

    /// What all refunds take with this one.
    fn takes(&self, candidate: Attribution) -> Points {
        let mut refunds = self.rules.refunds.clone();
        refunds.push(Recorded {
            refund: self.refund.clone(),
            attribution: candidate,
        });
        without_zeros(self.rules.due_to(self.order, &refunds))
    }

    /// There is nothing left to take.
    fn takes_nothing(&self) -> bool {
        let now = self.rules.due_to(self.order, &self.rules.refunds);
        without_zeros(now) == self.takes(Attribution::Everything)
    }

    /// What giving back one line can amount to.
    fn amounts_of(&self, line: &PostedLine) -> BTreeSet<i64> {
        let told = &line.told;
        let shares = match told.giftcards {
            Some(own) => vec![0, own],
            None => [vec![0], share_of(self.order, told.total).to_vec()].concat(),
        };
        let less_share = |share| [told.total - share, told.total - told.tax - share];
        shares.into_iter().flat_map(less_share).collect()
    }
}

/// What gift cards paid of an amount, rounded down and up.
fn share_of(order: &Posted, amount: i64) -> [i64; 2] {
    let (product, total) = (order.told.giftcards * amount, order.told.total.max(1));
    [product / total, (product + total - 1) / total]
}

/// The amount that shares are computed from: what the store pays, unless that is nothing.
fn main_amount(refund: &Refund) -> i64 {
    let store = refund.store_amount.filter(|amount| *amount != 0);
    store.or(refund.buyer_amount).unwrap_or(0)
}

/// The amounts that a refund tells: 0 only if there is no other.
fn figures(refund: &Refund) -> BTreeSet<i64> {
    let told = [refund.buyer_amount, refund.store_amount];
    let mut figures: BTreeSet<i64> = told.into_iter().flatten().collect();
    figures.remove(&0);
    if figures.is_empty() {
        figures.insert(0);
    }
    figures
}
