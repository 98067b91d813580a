//! Plays a history to the rules and to a ledger side by side, and checks three claims.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;

use super::generate::chance;
use super::history::{Answer, Body, Event, History, Kind, Source, Verdict};
use super::rules::{Points, Rules};
use super::truth::{Truth, told_by_a_person, told_by_paynow};

/// What takes events and keeps balances.
pub(crate) trait Ledger {
    /// Takes one delivery of an event. The answer is what is known of its refund from elsewhere.
    fn deliver(&mut self, event: &Event, answer: Option<(Answer, Source)>) -> Verdict;
    fn balances(&self) -> Points;
}

impl Ledger for Rules {
    fn deliver(&mut self, event: &Event, answer: Option<(Answer, Source)>) -> Verdict {
        Rules::deliver(self, event, answer)
    }

    fn balances(&self) -> Points {
        Rules::balances(self)
    }
}

/// What a history may show to be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Claim {
    /// The ledger does what the rules say.
    Exact,
    /// No wallet loses points that the truth does not take.
    Safe,
    /// In the end every balance is the truth.
    True,
}

impl Claim {
    /// Whether one event too few cannot break it.
    pub(crate) fn is_of_one_event(self) -> bool {
        self != Self::True
    }
}

/// How often each verdict was given.
#[derive(Debug, Default)]
pub(crate) struct Tally(Vec<Verdict>);

impl Tally {
    pub(crate) fn add_to(self, counts: &mut BTreeMap<Verdict, u32>) {
        for verdict in self.0 {
            *counts.entry(verdict).or_default() += 1;
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Broken {
    pub(crate) claim: Claim,
    pub(crate) what: String,
}

pub(crate) struct Play<'a> {
    history: &'a History,
    random: Rng,
    rules: Rules,
    ledger: &'a mut dyn Ledger,
    answers: BTreeMap<i64, (Answer, Source)>,
    /// Events that are to come again: deferred, refused or not answered by `PayNow`.
    waiting: BTreeSet<usize>,
    tally: Tally,
}

impl<'a> Play<'a> {
    pub(crate) fn new(history: &'a History, seed: u64, ledger: &'a mut dyn Ledger) -> Self {
        Self {
            history,
            random: Rng::with_seed(seed),
            rules: Rules::new(&history.settings, &history.prices),
            ledger,
            answers: BTreeMap::new(),
            waiting: BTreeSet::new(),
            tally: Tally::default(),
        }
    }

    pub(crate) fn run(mut self) -> Result<Tally, Broken> {
        for index in &self.history.arrivals {
            self.deliver(*index)?;
            if chance(&mut self.random, 15)
                && let Some(again) = self.waiting.first()
            {
                self.deliver(*again)?;
            }
        }
        self.replay()?;
        self.let_people_decide()?;
        self.check_truth()?;
        Ok(self.tally)
    }

    /// Delivers one event, with `PayNow`'s answer where it has to be asked.
    fn deliver(&mut self, index: usize) -> Result<(), Broken> {
        let event = &self.history.events[index];
        let known = refund_of(event).and_then(|refund| self.answers.get(&refund).copied());
        let mut verdict = self.deliver_with(event, known)?;
        if verdict == Verdict::Asked && chance(&mut self.random, 80) {
            let told = refund_of(event).and_then(|refund| told_by_paynow(self.history, refund));
            let told = told.filter(|_| chance(&mut self.random, 90));
            let answer = (told.unwrap_or(Answer::Unknown), Source::PayNow);
            verdict = self.deliver_with(event, Some(answer))?;
        }
        match verdict {
            Verdict::Applied(_) | Verdict::Repeated => self.waiting.remove(&index),
            Verdict::Deferred | Verdict::Asked | Verdict::Refused(_) => self.waiting.insert(index),
        };
        if verdict == Verdict::Refused("partial_refund") && chance(&mut self.random, 15) {
            self.decide(index)?;
        }
        Ok(())
    }

    fn deliver_with(
        &mut self,
        event: &Event,
        answer: Option<(Answer, Source)>,
    ) -> Result<Verdict, Broken> {
        let expected = self.rules.deliver(event, answer);
        let actual = self.ledger.deliver(event, answer);
        let (right, balances) = (self.rules.balances(), self.ledger.balances());
        if (expected, &right) != (actual, &balances) {
            return Err(Broken {
                claim: Claim::Exact,
                what: format!(
                    "{event:?} with {answer:?}: {actual:?} {balances:?} instead of {expected:?} {right:?}"
                ),
            });
        }
        self.tally.0.push(actual);
        self.check_safety(event, &balances)?;
        Ok(actual)
    }

    fn check_safety(&self, event: &Event, balances: &Points) -> Result<(), Broken> {
        if self.history.kind != Kind::Sound {
            return Ok(());
        }
        let truth = Truth::of(self.history, &self.rules);
        let has_chargeback = self
            .history
            .events
            .iter()
            .any(|event| matches!(event.body, Body::Chargeback(_)));
        for wallet in truth.credited.keys() {
            let (_, mut least) = truth.bounds(*wallet, false);
            if has_chargeback {
                least = 0;
            }
            let balance = balances.get(wallet).copied().unwrap_or_default();
            if balance < least {
                return Err(Broken {
                    claim: Claim::Safe,
                    what: format!("{event:?} left {balances:?}, but {wallet} has at least {least}"),
                });
            }
        }
        Ok(())
    }

    /// Delivers what waits until nothing changes.
    fn replay(&mut self) -> Result<(), Broken> {
        loop {
            let before = self.waiting.len();
            let mut waiting: Vec<usize> = self.waiting.iter().copied().collect();
            self.random.shuffle(&mut waiting);
            for index in waiting {
                self.deliver(index)?;
            }
            if self.waiting.len() == before {
                return Ok(());
            }
        }
    }

    /// A person who knows the truth decides one refused refund after the other.
    fn let_people_decide(&mut self) -> Result<(), Broken> {
        let mut undecided: Vec<usize> = self.waiting.iter().copied().collect();
        self.random.shuffle(&mut undecided);
        for index in undecided {
            if self.waiting.contains(&index) {
                self.decide(index)?;
                self.replay()?;
            }
        }
        Ok(())
    }

    fn decide(&mut self, index: usize) -> Result<(), Broken> {
        let event = &self.history.events[index];
        let Some(refund) = refund_of(event) else {
            return Ok(());
        };
        let Some(answer) = told_by_a_person(self.history, refund, &self.rules) else {
            return Ok(());
        };
        self.answers.insert(refund, (answer, Source::Person));
        match self.deliver_with(event, Some((answer, Source::Person)))? {
            Verdict::Applied(_) | Verdict::Repeated => self.waiting.remove(&index),
            Verdict::Deferred | Verdict::Asked | Verdict::Refused(_) => false,
        };
        Ok(())
    }

    fn check_truth(&self) -> Result<(), Broken> {
        if self.history.kind != Kind::Sound || self.history.is_ambiguous {
            return Ok(());
        }
        let truth = Truth::of(self.history, &self.rules);
        let balances = self.ledger.balances();
        for wallet in truth.credited.keys() {
            let (most, least) = truth.bounds(*wallet, self.history.is_charged_back);
            let balance = balances.get(wallet).copied().unwrap_or_default();
            if balance < least || balance > most {
                return Err(Broken {
                    claim: Claim::True,
                    what: format!("{wallet} ends with {balance}, but {least} to {most} is right"),
                });
            }
        }
        Ok(())
    }
}

fn refund_of(event: &Event) -> Option<i64> {
    match &event.body {
        Body::Refund(refund) => Some(refund.id),
        Body::Order(_) | Body::Chargeback(_) => None,
    }
}
