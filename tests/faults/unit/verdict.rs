//! Defects that are planted in a sound end must be caught.

use std::collections::{BTreeMap, BTreeSet};

use crate::judge::verdict::{Expected, Letter, Promise, Snapshot, verdict};
use crate::load::{Fate, Sort};

const WALLET: i64 = 7;
const LINE: i64 = 70;

/// An order that was credited, an event of another type, a malformed one, and a refund that nobody
/// can decide.
fn sound() -> (Expected, Snapshot) {
    let settled = |is_credited| Fate::Settled {
        event: 1,
        is_credited,
    };
    let expected = Expected {
        accepted: BTreeMap::from([
            ("order".to_owned(), (Sort::Order, settled(true))),
            ("refund".to_owned(), (Sort::Refund, settled(false))),
            ("other".to_owned(), (Sort::OtherType, Fate::Ignored)),
            (
                "broken".to_owned(),
                (Sort::Malformed, Fate::Dead("malformed")),
            ),
        ]),
        bounds: BTreeMap::from([(WALLET, (500, 500))]),
        credited: BTreeMap::from([(WALLET, 500)]),
        lines: BTreeMap::from([(LINE, 500)]),
        reasons: BTreeSet::from(["partial_refund"]),
    };
    let found = Snapshot {
        events: BTreeMap::from([
            ("order".to_owned(), "credited".to_owned()),
            ("other".to_owned(), "ignored".to_owned()),
        ]),
        letters: vec![
            letter("broken", "malformed"),
            letter("refund", "partial_refund"),
        ],
        balances: BTreeMap::from([(WALLET, 500)]),
        sums: BTreeMap::from([(WALLET, 500)]),
        credited: BTreeMap::from([(WALLET, 500)]),
        lines: BTreeMap::from([(LINE, 500)]),
        queues: BTreeMap::from([("paynow.credits".to_owned(), 0)]),
    };
    (expected, found)
}

fn letter(digest: &str, reason: &str) -> Letter {
    Letter {
        digest: digest.to_owned(),
        state: "open".to_owned(),
        reason: reason.to_owned(),
    }
}

/// The promises that are broken once something was changed.
#[track_caller]
fn caught<T>(plant: impl FnOnce(&mut Expected, &mut Snapshot) -> T, promises: &[Promise]) {
    let (mut expected, mut found) = sound();
    plant(&mut expected, &mut found);
    let broken: BTreeSet<Promise> = verdict(&expected, &found)
        .into_iter()
        .map(|one| one.promise)
        .collect();
    assert_eq!(broken, promises.iter().copied().collect());
}

#[test]
fn a_sound_end_breaks_nothing() {
    caught(|_, _| {}, &[]);
    // A letter that a person discarded is still a dead event.
    caught(
        |_, found| found.letters[1].state = "discarded".to_owned(),
        &[],
    );
}

#[test]
fn a_lost_event_is_caught() {
    let lost = [Promise::NothingLost];
    caught(|_, found| found.events.remove("other"), &lost);
    caught(|_, found| found.letters.remove(0), &lost);
    // Replayed and never seen again, or resolved without being in the ledger.
    for state in ["replayed", "resolved"] {
        caught(|_, found| found.letters[1].state = state.to_owned(), &lost);
    }
}

#[test]
fn an_order_that_gave_nothing_is_caught() {
    let plant = |_: &mut Expected, found: &mut Snapshot| {
        found.lines.clear();
        found.credited.clear();
    };
    caught(plant, &[Promise::NothingLost]);
    let plant = |_: &mut Expected, found: &mut Snapshot| {
        found.events.remove("order");
        found.letters.push(letter("order", "partial_refund"));
    };
    caught(plant, &[Promise::RightEnd]);
}

#[test]
fn a_doubled_event_is_caught() {
    let plant = |_: &mut Expected, found: &mut Snapshot| {
        let outcome = "credited".to_owned();
        found.events.insert("refund".to_owned(), outcome);
    };
    caught(plant, &[Promise::NothingDoubled]);
    let plant = |_: &mut Expected, found: &mut Snapshot| {
        for points in [&mut found.credited, &mut found.balances, &mut found.sums] {
            points.insert(WALLET, 1000);
        }
    };
    caught(plant, &[Promise::NothingDoubled, Promise::BalancesRight]);
}

#[test]
fn a_wrong_balance_is_caught() {
    let wrong = [Promise::BalancesRight];
    caught(|_, found| found.balances.insert(WALLET, 499), &wrong);
    caught(|_, found| found.balances.remove(&WALLET), &wrong);
    caught(|_, found| found.sums.insert(WALLET, 501), &wrong);
    caught(|_, found| found.lines.insert(LINE, 300), &wrong);
    caught(
        |expected, _| expected.bounds.insert(WALLET, (0, 499)),
        &wrong,
    );
    caught(|_, found| found.sums.insert(8, -1), &wrong);
}

#[test]
fn a_credit_of_an_event_that_was_not_accepted_is_caught() {
    let invented = [Promise::NothingInvented];
    caught(|expected, _| expected.accepted.remove("order"), &invented);
    caught(|expected, _| expected.accepted.remove("broken"), &invented);
    caught(|_, found| found.lines.insert(71, 5), &invented);
}

#[test]
fn an_event_that_ends_in_the_wrong_place_is_caught() {
    let wrong = [Promise::RightEnd];
    for (digest, outcome) in [
        ("order", "ignored"),
        ("order", "noted"),
        ("other", "credited"),
    ] {
        let plant = |_: &mut Expected, found: &mut Snapshot| {
            found.events.insert(digest.to_owned(), outcome.to_owned());
        };
        caught(plant, &wrong);
    }
    for (letter, reason) in [(0, "conflict"), (1, "wallet_locked")] {
        caught(
            |_, found| found.letters[letter].reason = reason.to_owned(),
            &wrong,
        );
    }
}

#[test]
fn what_is_left_in_a_queue_is_caught() {
    let plant = |_: &mut Expected, found: &mut Snapshot| {
        found.queues.insert("paynow.credits.retry.8s".to_owned(), 1);
    };
    caught(plant, &[Promise::NothingWaits]);
}
