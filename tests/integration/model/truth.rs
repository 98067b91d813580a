//! What really happened, in points.

use std::collections::BTreeSet;

use super::generate::shares;
use super::history::{Answer, History, Line, Meaning};
use super::rules::{Points, Rules, without_zeros};

/// What the order gave, and what its refunds truly took back.
pub(crate) struct Truth {
    pub(crate) credited: Points,
    /// What was given for the refunded lines.
    refunded: Points,
    /// The same with the lines that nothing was charged for, once all that was charged is back: these
    /// may be taken or left.
    refunded_at_most: Points,
}

impl Truth {
    pub(crate) fn of(history: &History, credited: &Rules) -> Self {
        let lines = credited.points_of_lines();
        let sum = |is_counted: &dyn Fn(i64) -> bool| {
            let mut points = Points::new();
            for (line, wallet, of_line) in &lines {
                if is_counted(*line) {
                    *points.entry(*wallet).or_default() += of_line;
                }
            }
            without_zeros(points)
        };
        let refunded = refunded_lines(history);
        let is_all = is_all_back(history, &refunded);
        Self {
            credited: sum(&|_| true),
            refunded: sum(&|line| refunded.contains(&line)),
            refunded_at_most: sum(&|line| is_all || refunded.contains(&line)),
        }
    }

    /// The most and the least that a wallet may have.
    pub(crate) fn bounds(&self, wallet: i64, is_charged_back: bool) -> (i64, i64) {
        let of = |points: &Points| points.get(&wallet).copied().unwrap_or_default();
        let credited = of(&self.credited);
        if is_charged_back {
            return (0, 0);
        }
        (
            credited - of(&self.refunded),
            credited - of(&self.refunded_at_most),
        )
    }
}

fn refunded_lines(history: &History) -> BTreeSet<i64> {
    let mut refunded = BTreeSet::new();
    for (_, meaning) in &history.meanings {
        match meaning {
            Meaning::Rest => return history.order.lines.iter().map(|line| line.id).collect(),
            Meaning::Line(line) => refunded.insert(*line),
        };
    }
    refunded
}

/// Whether every line that something was charged for is refunded.
fn is_all_back(history: &History, refunded: &BTreeSet<i64>) -> bool {
    let mut lines = history.order.lines.iter().zip(shares(&history.order));
    let is_back = |line: &Line, share| refunded.contains(&line.id) || line.total <= share;
    !refunded.is_empty() && lines.all(|(line, share)| is_back(line, share))
}

/// What a person who knows the truth can say about a refund, if anything.
pub(crate) fn told_by_a_person(history: &History, refund: i64, credited: &Rules) -> Option<Answer> {
    let (_, meaning) = history.meanings.iter().find(|(id, _)| *id == refund)?;
    let Meaning::Rest = meaning else {
        return told_by_paynow(history, refund);
    };
    let gone: BTreeSet<i64> = history
        .meanings
        .iter()
        .filter_map(|(_, meaning)| match meaning {
            Meaning::Line(line) => Some(*line),
            Meaning::Rest => None,
        })
        .collect();
    let left: Vec<_> = credited
        .points_of_lines()
        .into_iter()
        .filter(|(line, _, _)| !gone.contains(line))
        .collect();
    if let [(line, _, _)] = left[..] {
        return Some(Answer::Line(line));
    }
    let wallets: BTreeSet<i64> = left.iter().map(|(_, wallet, _)| *wallet).collect();
    let wallet = *wallets.first()?;
    let points = left.iter().map(|(_, _, points)| points).sum();
    Some(if wallets.len() == 1 {
        Answer::Points { wallet, points }
    } else {
        Answer::Everything
    })
}

/// What `PayNow` says about a refund.
pub(crate) fn told_by_paynow(history: &History, refund: i64) -> Option<Answer> {
    let meaning = history.meanings.iter().find(|(id, _)| *id == refund)?;
    Some(match meaning.1 {
        Meaning::Line(line) => Answer::Line(line),
        Meaning::Rest => Answer::Everything,
    })
}
