//! What a trial must have come to, against what the ledger and the queues say. No promise is checked
//! with the product's own code.

use std::collections::{BTreeMap, BTreeSet};

use strum::{Display, EnumIter};

use crate::load::{Fate, Sort};

/// What became of what was told, and what operators did.
#[derive(Debug, Default, Clone)]
pub(crate) struct Expected {
    /// By the SHA-256 of the body.
    pub(crate) accepted: BTreeMap<String, (Sort, Fate)>,
    /// The least and the most that each wallet may have.
    pub(crate) bounds: BTreeMap<i64, (i64, i64)>,
    /// The points that orders gave, by wallet.
    pub(crate) credited: BTreeMap<i64, i64>,
    /// The points of each order line.
    pub(crate) lines: BTreeMap<i64, i64>,
    /// The reasons for which an event may be dead in the end though nothing is wrong with it.
    pub(crate) reasons: BTreeSet<&'static str>,
}

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Letter {
    pub(crate) digest: String,
    pub(crate) state: String,
    pub(crate) reason: String,
}

/// What the database and the broker have in the end.
#[derive(Debug, Default, Clone)]
pub(crate) struct Snapshot {
    /// The outcome of each recorded event, by the SHA-256 of its body.
    pub(crate) events: BTreeMap<String, String>,
    pub(crate) letters: Vec<Letter>,
    pub(crate) balances: BTreeMap<i64, i64>,
    /// The sum of each wallet's entries.
    pub(crate) sums: BTreeMap<i64, i64>,
    /// The sum of each wallet's entries for order lines.
    pub(crate) credited: BTreeMap<i64, i64>,
    pub(crate) lines: BTreeMap<i64, i64>,
    /// Messages that are left in each queue when all programs have ended.
    pub(crate) queues: BTreeMap<String, u32>,
}

/// The promises that can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Display, EnumIter)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Promise {
    /// An accepted event is credited, ignored or dead.
    NothingLost,
    /// It is so once.
    NothingDoubled,
    /// An outage makes no dead letter.
    NothingGivenUp,
    /// Balances are what truly happened, and the sum of their entries.
    BalancesRight,
    /// What was not accepted is not in the ledger, and a forged post is not accepted.
    NothingInvented,
    /// Each event ends where it must.
    RightEnd,
    /// After the last fault everything goes on.
    NothingStalled,
    /// Nothing waits longer than its rung.
    NothingWaits,
    /// Programs end only when they are asked to, with exit code 0.
    RightExits,
    /// `paynowctl check` is content.
    CheckClean,
}

/// A promise that was broken, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) promise: Promise,
    pub(crate) what: String,
}

pub(crate) fn broken(promise: Promise, what: impl Into<String>) -> Broken {
    Broken {
        promise,
        what: what.into(),
    }
}

/// Every promise that the snapshot breaks.
pub(crate) fn verdict(expected: &Expected, found: &Snapshot) -> Vec<Broken> {
    let mut all = events(expected, found);
    all.extend(invented_events(expected, found));
    all.extend(lines(expected, found));
    all.extend(credits(expected, found));
    all.extend(balances(expected, found));
    let left = found.queues.iter().filter(|(_, messages)| **messages > 0);
    all.extend(left.map(|(queue, messages)| {
        let what = format!("{queue}: {messages} messages are left");
        broken(Promise::NothingWaits, what)
    }));
    all
}

/// Each accepted event is recorded or dead, once, and where it must be.
fn events(expected: &Expected, found: &Snapshot) -> Vec<Broken> {
    let mut all = Vec::new();
    let letters: BTreeMap<&str, &Letter> = found
        .letters
        .iter()
        .map(|letter| (letter.digest.as_str(), letter))
        .collect();
    for (digest, (sort, fate)) in &expected.accepted {
        let outcome = found.events.get(digest).map(String::as_str);
        let letter = letters.get(digest.as_str()).copied();
        let dead = letter.filter(|letter| ["open", "discarded"].contains(&letter.state.as_str()));
        let mut add = |promise, what: &str| {
            all.push(broken(
                promise,
                format!("{sort} {digest}: {what} ({fate:?}, {outcome:?}, {letter:?})"),
            ));
        };
        match (outcome, dead) {
            (None, None) => add(Promise::NothingLost, "neither in the ledger nor dead"),
            (Some(_), Some(_)) => add(Promise::NothingDoubled, "in the ledger and dead"),
            (Some(outcome), None) if !may_be_recorded(*fate, outcome) => {
                add(Promise::RightEnd, "in the ledger with another outcome");
            }
            (None, Some(letter)) if !may_be_dead(expected, *fate, &letter.reason) => {
                add(Promise::RightEnd, "dead for a wrong reason");
            }
            (Some(_), None) | (None, Some(_)) => {}
        }
    }
    all
}

fn may_be_recorded(fate: Fate, outcome: &str) -> bool {
    let is_credit = ["credited", "already_credited"].contains(&outcome);
    match fate {
        Fate::Settled { is_credited, .. } => outcome != "ignored" && (is_credit || !is_credited),
        Fate::Ignored => outcome == "ignored",
        Fate::Dead(_) => false,
    }
}

fn may_be_dead(expected: &Expected, fate: Fate, reason: &str) -> bool {
    match fate {
        Fate::Settled { is_credited, .. } => !is_credited && expected.reasons.contains(reason),
        Fate::Ignored => false,
        Fate::Dead(right) => reason == right,
    }
}

/// What nobody accepted must not be there.
fn invented_events(expected: &Expected, found: &Snapshot) -> Vec<Broken> {
    let letters = found.letters.iter().map(|letter| &letter.digest);
    let digests: BTreeSet<&String> = found.events.keys().chain(letters).collect();
    digests
        .into_iter()
        .filter(|digest| !expected.accepted.contains_key(*digest))
        .map(|digest| {
            let what = format!("{digest} was never accepted, and is recorded or dead");
            broken(Promise::NothingInvented, what)
        })
        .collect()
}

fn lines(expected: &Expected, found: &Snapshot) -> Vec<Broken> {
    let ids: BTreeSet<&i64> = expected.lines.keys().chain(found.lines.keys()).collect();
    let mut all = Vec::new();
    for line in ids {
        let (right, is) = (expected.lines.get(line), found.lines.get(line));
        let promise = match (right, is) {
            (Some(right), Some(is)) if right == is => continue,
            (Some(_), Some(_)) => Promise::BalancesRight,
            (Some(_), None) => Promise::NothingLost,
            (None, _) => Promise::NothingInvented,
        };
        all.push(broken(
            promise,
            format!("order line {line}: {is:?}, not {right:?}"),
        ));
    }
    all
}

/// What orders gave to each wallet.
fn credits(expected: &Expected, found: &Snapshot) -> Vec<Broken> {
    let wallets: BTreeSet<&i64> = expected
        .credited
        .keys()
        .chain(found.credited.keys())
        .collect();
    let mut all = Vec::new();
    for wallet in wallets {
        let of = |points: &BTreeMap<i64, i64>| points.get(wallet).copied().unwrap_or_default();
        let (right, is) = (of(&expected.credited), of(&found.credited));
        let promise = match is.cmp(&right) {
            std::cmp::Ordering::Equal => continue,
            std::cmp::Ordering::Less => Promise::NothingLost,
            std::cmp::Ordering::Greater => Promise::NothingDoubled,
        };
        all.push(broken(
            promise,
            format!("wallet {wallet}: credited {is}, not {right}"),
        ));
    }
    all
}

fn balances(expected: &Expected, found: &Snapshot) -> Vec<Broken> {
    let of_entries = found.sums.keys();
    let wallets: BTreeSet<&i64> = expected
        .bounds
        .keys()
        .chain(found.balances.keys())
        .chain(of_entries)
        .collect();
    let mut all = Vec::new();
    for wallet in wallets {
        let of = |points: &BTreeMap<i64, i64>| points.get(wallet).copied().unwrap_or_default();
        let (balance, sum) = (of(&found.balances), of(&found.sums));
        let (least, most) = expected.bounds.get(wallet).copied().unwrap_or_default();
        if balance != sum || balance < least || balance > most {
            let what = format!(
                "wallet {wallet}: balance {balance}, entries {sum}, right is {least} to {most}"
            );
            all.push(broken(Promise::BalancesRight, what));
        }
    }
    all
}
