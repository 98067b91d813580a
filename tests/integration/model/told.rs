//! A history of which all is told, and what it must come to.

use super::history::{Answer, Body, Event, History};
use super::rules::Rules;
use super::truth::{Truth, told_by_a_person};

/// A history beside the rules' record of its order.
pub(crate) struct Told {
    pub(crate) history: History,
    pub(crate) rules: Rules,
}

impl Told {
    pub(crate) fn new(history: History) -> Self {
        let mut rules = Rules::new(&history.settings, &history.prices);
        for event in history
            .events
            .iter()
            .filter(|event| is_true(event, &history))
        {
            if let Body::Order(_) = event.body {
                rules.deliver(event, None);
            }
        }
        Self { history, rules }
    }

    /// What a person who knows the truth says about the refund that one of its events tells of.
    pub(crate) fn answer_to(&self, event: i64) -> Option<Answer> {
        let events = self.history.events.iter();
        let refund = events
            .filter(|one| one.id == event)
            .find_map(|one| match &one.body {
                Body::Refund(refund) => Some(refund.id),
                Body::Order(_) | Body::Chargeback(_) => None,
            })?;
        told_by_a_person(&self.history, refund, &self.rules)
    }

    /// The least and the most that each of its wallets may have.
    pub(crate) fn bounds(&self) -> impl Iterator<Item = (i64, (i64, i64))> {
        let truth = Truth::of(&self.history, &self.rules);
        let wallets: Vec<i64> = truth.credited.keys().copied().collect();
        let (is_charged_back, is_ambiguous) =
            (self.history.is_charged_back, self.history.is_ambiguous);
        wallets.into_iter().map(move |wallet| {
            let (most, least) = truth.bounds(wallet, is_charged_back);
            (wallet, (least, if is_ambiguous { i64::MAX } else { most }))
        })
    }
}

/// Whether an event does not contradict what really happened.
pub(crate) fn is_true(event: &Event, history: &History) -> bool {
    match &event.body {
        Body::Order(order) => *order == history.order,
        Body::Refund(_) | Body::Chargeback(_) => true,
    }
}

/// The arguments of `paynowctl refund attribute` with which a person gives an answer.
pub(crate) fn decision(event: i64, answer: Answer) -> Vec<String> {
    let mut arguments = ["refund", "attribute"].map(str::to_owned).to_vec();
    arguments.push(event.to_string());
    let mut option =
        |name: &str, value: i64| arguments.extend([name.to_owned(), value.to_string()]);
    match answer {
        Answer::Line(line) => option("--line", line),
        Answer::Points { wallet, points } => {
            option("--points", points);
            option("--wallet", wallet);
        }
        Answer::Everything | Answer::Unknown => arguments.push("--everything".to_owned()),
    }
    arguments
}
