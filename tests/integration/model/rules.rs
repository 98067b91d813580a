//! The rules by which events move points, as the design states them. Written without the worker's
//! code, so that an error of the one is not an error of the other.

mod attribution;
mod chargebacks;
mod orders;

use std::collections::BTreeMap;

use super::history::{Answer, Body, Event, Price, Refund, Settings, Source, Verdict};
use attribution::{Attribution, Decided};
use chargebacks::Step;
use orders::Posted;

/// Points by wallet. A wallet with 0 points is left out when two of these are compared.
pub(crate) type Points = BTreeMap<i64, i64>;

/// A refund that is recorded.
#[derive(Debug, Clone)]
struct Recorded {
    refund: Refund,
    attribution: Attribution,
}

/// The ledger of one order as it must be.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    settings: Settings,
    prices: Vec<Price>,
    events: BTreeMap<i64, Body>,
    order: Option<Posted>,
    refunds: Vec<Recorded>,
    steps: Vec<Step>,
    taken: Points,
}

impl Rules {
    pub(crate) fn new(settings: &Settings, prices: &[Price]) -> Self {
        Self {
            settings: settings.clone(),
            prices: prices.to_vec(),
            events: BTreeMap::new(),
            order: None,
            refunds: Vec::new(),
            steps: Vec::new(),
            taken: Points::new(),
        }
    }

    /// Takes one delivery of an event. The answer is what is known of the refund from elsewhere.
    pub(crate) fn deliver(&mut self, event: &Event, answer: Option<(Answer, Source)>) -> Verdict {
        if let Some(earlier) = self.events.get(&event.id) {
            return if *earlier == event.body {
                Verdict::Repeated
            } else {
                Verdict::Refused("conflict")
            };
        }
        let verdict = match &event.body {
            Body::Order(order) => self.order_told(order, event.id),
            Body::Refund(refund) => self.refund_told(refund, answer),
            Body::Chargeback(step) => self.step_told(step, event.id),
        };
        if let Verdict::Applied(_) = verdict {
            self.events.insert(event.id, event.body.clone());
        }
        verdict
    }

    pub(crate) fn balances(&self) -> Points {
        let mut balances = self.credited();
        for (wallet, points) in &self.taken {
            *balances.entry(*wallet).or_default() -= points;
        }
        without_zeros(balances)
    }

    /// Each recorded line: its id, wallet and points.
    pub(crate) fn points_of_lines(&self) -> Vec<(i64, i64, i64)> {
        let lines = self.order.iter().flat_map(|order| &order.lines);
        lines
            .map(|line| (line.told.id, line.wallet, line.points))
            .collect()
    }

    fn refund_told(&mut self, refund: &Refund, answer: Option<(Answer, Source)>) -> Verdict {
        if !refund.status.eq_ignore_ascii_case("completed") {
            return Verdict::Refused("refund_not_completed");
        }
        let Some(order) = &self.order else {
            return Verdict::Deferred;
        };
        if !refund.currency.eq_ignore_ascii_case(order.told.currency) {
            return Verdict::Refused("currency_mismatch");
        }
        if self.refunds.iter().any(|one| one.refund.id == refund.id) {
            return Verdict::Applied("noted");
        }
        match self.attribute(order, refund, answer) {
            Decided::Undecided => Verdict::Refused("partial_refund"),
            Decided::Ask => Verdict::Asked,
            Decided::For(attribution) => {
                self.refunds.push(Recorded {
                    refund: refund.clone(),
                    attribution,
                });
                self.settle()
            }
        }
    }

    /// What all lines gave.
    fn credited(&self) -> Points {
        let mut credited = Points::new();
        for line in self.order.iter().flat_map(|order| &order.lines) {
            *credited.entry(line.wallet).or_default() += line.points;
        }
        credited
    }

    /// What refunds and chargebacks take by now.
    fn due(&self) -> Points {
        match &self.order {
            Some(_) if self.is_charged_back() => self.credited(),
            Some(order) => self.due_to(order, &self.refunds),
            None => Points::new(),
        }
    }

    /// What these refunds alone take.
    fn due_to(&self, order: &Posted, refunds: &[Recorded]) -> Points {
        let credited = self.credited();
        let everything = |one: &Recorded| one.attribution == Attribution::Everything;
        if refunds.iter().any(everything) || has_every_cost_back(order, refunds) {
            return credited;
        }
        let (mut due, mut shared, mut has_share) = (Points::new(), 0, false);
        for one in refunds {
            match one.attribution {
                Attribution::Everything => {}
                Attribution::Line(id) => {
                    for line in order.lines.iter().filter(|line| line.told.id == id) {
                        *due.entry(line.wallet).or_default() += line.points;
                    }
                }
                Attribution::Points { wallet, points } => {
                    *due.entry(wallet).or_default() += points;
                }
                Attribution::Share(amount) => {
                    shared += amount;
                    has_share = true;
                }
            }
        }
        let charged = order.told.total - order.told.giftcards;
        if has_share && shared >= charged {
            return credited;
        }
        for (wallet, points) in &credited {
            let due = due.entry(*wallet).or_default();
            if has_share {
                *due += (2 * points * shared + charged) / (2 * charged);
            }
            *due = (*due).min(*points);
        }
        due
    }

    /// Posts the difference between what is due and what is taken.
    fn settle(&mut self) -> Verdict {
        let due = without_zeros(self.due());
        let before = std::mem::replace(&mut self.taken, due);
        let wallets = || before.keys().chain(self.taken.keys());
        let of = |points: &Points, wallet: &i64| points.get(wallet).copied().unwrap_or_default();
        let more = wallets().any(|wallet| of(&self.taken, wallet) > of(&before, wallet));
        let less = wallets().any(|wallet| of(&self.taken, wallet) < of(&before, wallet));
        Verdict::Applied(match (more, less) {
            (true, _) => "reversed",
            (false, true) => "restored",
            (false, false) => "noted",
        })
    }
}

/// Each line that cost something is refunded: the free ones go with them.
fn has_every_cost_back(order: &Posted, refunds: &[Recorded]) -> bool {
    let is_back = |id: i64| {
        let line = Attribution::Line(id);
        refunds.iter().any(|one| one.attribution == line)
    };
    let mut costly = order.lines.iter().filter(|line| line.told.total != 0);
    costly.clone().any(|line| line.told.total > 0) && costly.all(|line| is_back(line.told.id))
}

pub(crate) fn without_zeros(mut points: Points) -> Points {
    points.retain(|_, points| *points != 0);
    points
}
