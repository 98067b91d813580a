//! Refunds and chargebacks: a table of cases for each rule, and every order of arrival compared with
//! a simple model.

use std::collections::{BTreeMap, VecDeque};

use paynow_shared::event::EventKind;
use paynow_shared::wire::{Headers, decode};
use proptest::prelude::*;

use super::*;
use crate::decide::{PartialRefunds, candidates};
use crate::disposition::Disposition;
use crate::ledger::plan::plan;
use crate::message::{DecodedMessage, Message, Proof};

const ORDER: i64 = 10;
const BUYER: i64 = 20;
const FRIEND: i64 = 21;
/// Product `40 + n` gives `n` points.
const PRODUCTS: i64 = 40;

fn order(total: i64, lines: &[(i64, i64)]) -> String {
    let lines: Vec<String> = (100..)
        .zip(lines)
        .map(|(line, (wallet, points))| {
            format!(
                r#"{{"id":"{line}","product_id":"{}","gift_to_customer":{{"id":"{wallet}"}}}}"#,
                PRODUCTS + points
            )
        })
        .collect();
    format!(
        r#""event_type":"ON_ORDER_COMPLETED","body":{{"id":"{ORDER}","total_amount":{total},
            "lines":[{}]}}"#,
        lines.join(",")
    )
}

fn refund(id: i64, amount: i64) -> String {
    format!(
        r#""event_type":"ON_REFUND","body":{{"id":"{id}","order_id":"{ORDER}",
            "status":"completed","amount":{amount},"store_refund_amount":{amount}}}"#
    )
}

fn opened(payment: i64) -> String {
    format!(
        r#""event_type":"ON_CHARGEBACK","body":{{"id":"{payment}","order_id":"{ORDER}",
            "status":"completed","chargeback_status":"pending"}}"#
    )
}

fn closed(payment: i64, how: &str) -> String {
    format!(
        r#""event_type":"ON_CHARGEBACK_CLOSED","body":{{"id":"{payment}","order_id":"{ORDER}",
            "status":"completed","chargeback_status":"{how}"}}"#
    )
}

/// A ledger in memory: the view that outlives batches, and the balances its entries add up to.
struct Ledger {
    view: LedgerView,
    balances: BTreeMap<i64, i64>,
    events: i64,
    policy: Policy,
}

impl Ledger {
    fn new(policy: Policy) -> Self {
        let mut view = LedgerView::default();
        for points in 0..=1000 {
            let product = (PRODUCTS + points).to_string().parse().unwrap();
            view.products.insert(product, Points::new(points).into());
        }
        Self {
            view,
            balances: BTreeMap::new(),
            events: 0,
            policy,
        }
    }

    /// Applies one event under a new event id.
    fn apply(&mut self, event: &str) -> Disposition {
        self.events += 1;
        let body = format!(r#"{{"event_id":"{}",{event}}}"#, self.events);
        let message = Message {
            headers: Headers::default(),
            redeliveries: 0,
            body: body.into_bytes(),
        };
        let decoded = [DecodedMessage::decode(&message, Proof::NotRequired)];
        let mut plan = plan(&decoded, &mut self.view, &self.policy);
        for planned in &plan.entries {
            let balance = self
                .balances
                .entry(planned.entry.wallet_id.get())
                .or_default();
            *balance += planned.entry.points.get();
        }
        plan.dispositions.pop().unwrap()
    }

    /// Applies all events. Deferred events are applied again later, as by the retry ladder.
    fn apply_all(&mut self, events: Vec<String>) {
        let mut waiting: VecDeque<String> = events.into();
        let mut tries = 0;
        while let Some(next) = waiting.pop_front() {
            tries += 1;
            assert!(tries < 1000, "an event is deferred for ever");
            match self.apply(&next) {
                Disposition::Ack => {}
                Disposition::RetryLater(_) => waiting.push_back(next),
                Disposition::AskPayNow(_, failure) | Disposition::DeadLetter(failure) => {
                    panic!("{failure:?}: {next}")
                }
            }
        }
    }

    fn balance(&self, wallet: i64) -> i64 {
        self.balances.get(&wallet).copied().unwrap_or(0)
    }
}

fn proportional() -> Policy {
    Policy {
        partial_refunds: PartialRefunds::Proportional,
        ..Policy::default()
    }
}

fn reason(disposition: Disposition) -> String {
    match disposition {
        Disposition::Ack => "ack".to_owned(),
        Disposition::RetryLater(failure) => format!("later: {}", failure.reason),
        Disposition::AskPayNow(_, failure) => format!("ask: {}", failure.reason),
        Disposition::DeadLetter(failure) => failure.reason.to_string(),
    }
}

#[test]
fn what_came_back_is_taken_back() {
    let half = refund(50, 500);
    let rows: [(&str, Vec<String>, i64); 13] = [
        ("all of it", vec![refund(50, 1000)], 0),
        ("more than the total", vec![refund(50, 1001)], 0),
        ("half of it", vec![half.clone()], 50),
        (
            "the same refund twice",
            vec![half.clone(), half.clone()],
            50,
        ),
        ("in two halves", vec![half.clone(), refund(51, 500)], 0),
        ("a third, rounded half up", vec![refund(50, 335)], 66),
        ("nothing", vec![refund(50, 0)], 100),
        ("a chargeback", vec![opened(60)], 0),
        ("and it is won", vec![opened(60), closed(60, "won")], 100),
        ("or lost", vec![opened(60), closed(60, "lost")], 0),
        (
            "won before it is opened",
            vec![closed(60, "won"), opened(60)],
            100,
        ),
        (
            "lost before it is opened",
            vec![closed(60, "lost"), opened(60)],
            0,
        ),
        (
            "refund, then a won chargeback",
            vec![half, opened(60), closed(60, "won")],
            50,
        ),
    ];
    for (name, events, left) in rows {
        let mut ledger = Ledger::new(proportional());
        ledger.apply_all(vec![order(1000, &[(BUYER, 100)])]);
        ledger.apply_all(events);
        assert_eq!(ledger.balance(BUYER), left, "{name}");
    }
}

#[test]
fn each_player_gives_back_their_own_part() {
    let mut ledger = Ledger::new(proportional());
    ledger.apply_all(vec![order(
        1000,
        &[(BUYER, 100), (FRIEND, 51), (BUYER, 10)],
    )]);
    ledger.apply_all(vec![refund(50, 500)]);
    assert_eq!((ledger.balance(BUYER), ledger.balance(FRIEND)), (55, 25));
    ledger.apply_all(vec![opened(60)]);
    assert_eq!((ledger.balance(BUYER), ledger.balance(FRIEND)), (0, 0));
}

#[test]
fn any_refund_of_an_order_that_cost_nothing_takes_all() {
    let mut ledger = Ledger::new(Policy::default());
    ledger.apply_all(vec![order(0, &[(BUYER, 100)]), refund(50, 0)]);
    assert_eq!(ledger.balance(BUYER), 0);
}

#[test]
fn an_undecidable_reversal_has_a_reason_code() {
    let mut ledger = Ledger::new(proportional());
    assert_eq!(
        reason(ledger.apply(&refund(50, 10))),
        "later: order_unknown"
    );
    assert_eq!(reason(ledger.apply(&opened(60))), "later: order_unknown");
    ledger.apply_all(vec![order(1000, &[(BUYER, 100)])]);
    let odd = |old: &str, new: &str| refund(50, 10).replace(old, new);
    assert_eq!(
        reason(ledger.apply(&odd("completed", "failed"))),
        "refund_not_completed"
    );
    assert_eq!(reason(ledger.apply(&refund(50, -1))), "malformed");
    assert_eq!(reason(ledger.apply(&closed(60, "pending"))), "malformed");
    ledger.apply_all(vec![refund(50, 10), closed(60, "won")]);
    assert_eq!(reason(ledger.apply(&refund(50, 11))), "conflict");
    assert_eq!(reason(ledger.apply(&closed(60, "lost"))), "conflict");
    assert_eq!(ledger.balance(BUYER), 99);
}

#[test]
fn a_payment_is_of_one_order() {
    let mut ledger = Ledger::new(Policy::default());
    let elsewhere = |event: String| event.replace(&format!("\"{ORDER}\""), "\"11\"");
    let other_order = order(1000, &[(BUYER, 500)])
        .replace(&format!("\"id\":\"{ORDER}\""), "\"id\":\"11\"")
        .replace("\"100\"", "\"200\"");
    ledger.apply_all(vec![order(1000, &[(BUYER, 500)]), other_order, opened(60)]);
    // Its entry would have the same key as the entry that took back the first order's points.
    for event in [closed(60, "lost"), closed(60, "won"), opened(60)] {
        assert_eq!(reason(ledger.apply(&elsewhere(event))), "conflict");
    }
    assert_eq!(ledger.balance(BUYER), 500);
}

#[test]
fn without_a_total_a_refund_is_refused_and_a_chargeback_is_applied() {
    let mut ledger = Ledger::new(Policy::default());
    let no_total =
        order(0, &[(BUYER, 100)]).replace(r#""total_amount":0"#, r#""total_amount":null"#);
    ledger.apply_all(vec![no_total]);
    assert_eq!(reason(ledger.apply(&refund(50, 10))), "partial_refund");
    ledger.apply_all(vec![opened(60)]);
    assert_eq!(ledger.balance(BUYER), 0);
}

#[test]
fn a_shop_can_have_partial_refunds_dead_lettered() {
    let partial_refunds = PartialRefunds::DeadLetter;
    let mut ledger = Ledger::new(Policy {
        partial_refunds,
        ..Policy::default()
    });
    ledger.apply_all(vec![order(1000, &[(BUYER, 100)])]);
    assert_eq!(reason(ledger.apply(&refund(50, 999))), "partial_refund");
    assert_eq!(ledger.balance(BUYER), 100);
    ledger.apply_all(vec![refund(51, 1000)]);
    assert_eq!(ledger.balance(BUYER), 0);
}

#[test]
fn a_person_sees_every_line_that_fits_also_equal_ones() {
    let line = |id: i64, wallet: i64| {
        format!(
            r#"{{"id":"{id}","product_id":"{}","total_amount":100,"gift_to_customer":{{"id":"{wallet}"}}}}"#,
            PRODUCTS + 5
        )
    };
    let lines = [line(100, BUYER), line(101, BUYER), line(102, FRIEND)].join(",");
    let cart = format!(
        r#""event_type":"ON_ORDER_COMPLETED","body":{{"id":"{ORDER}","total_amount":300,"lines":[{lines}]}}"#
    );
    let mut ledger = Ledger::new(Policy::default());
    ledger.apply_all(vec![cart]);
    let body = format!(r#"{{"event_id":"9",{}}}"#, refund(50, 100));
    let EventKind::Refunded(of_a_line) = decode(body.as_bytes()).unwrap().kind else {
        panic!("not a refund")
    };
    let expected: Vec<Attribution> = ["100", "101", "102"]
        .map(|id| Attribution::Line(id.parse().unwrap()))
        .into();
    assert_eq!(candidates(&of_a_line, &ledger.view), expected);
    assert_eq!(reason(ledger.apply(&refund(50, 100))), "partial_refund");
}

/// The steps that PayNow may report of a chargeback.
const CHARGEBACKS: [&[&str]; 6] = [
    &[],
    &["opened"],
    &["opened", "won"],
    &["opened", "lost"],
    &["won"],
    &["lost"],
];

fn step(payment: i64, step: &str) -> String {
    if step == "opened" {
        opened(payment)
    } else {
        closed(payment, step)
    }
}

/// The model: the points that a player keeps by the shop's own arithmetic.
fn left(points: i64, total: i64, refunds: &[i64], chargebacks: &[&[&str]]) -> i64 {
    let takes_all = |steps: &&[&str]| !steps.is_empty() && !steps.contains(&"won");
    let refunded: i64 = refunds.iter().sum();
    if chargebacks.iter().any(takes_all) || (!refunds.is_empty() && refunded >= total) {
        return 0;
    }
    if refunds.is_empty() {
        return points;
    }
    points - (2 * points * refunded + total) / (2 * total)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// The order of arrival is a permutation of all steps, each reported once or twice.
    #[test]
    fn every_order_of_arrival_leaves_the_same_balance(
        shares in proptest::collection::vec((BUYER..BUYER + 3, 0i64..1000), 1..4),
        total in 0i64..5000,
        refunds in proptest::collection::vec(0i64..3000, 0..4),
        first in 0usize..6,
        second in 0usize..6,
        arrival in proptest::collection::vec(any::<u32>(), 20),
        repeated in proptest::collection::vec(any::<bool>(), 20),
    ) {
        let chargebacks = [CHARGEBACKS[first], CHARGEBACKS[second]];
        let mut events = vec![order(total, &shares)];
        events.extend((500..).zip(&refunds).map(|(id, amount)| refund(id, *amount)));
        for (payment, steps) in (600..).zip(chargebacks) {
            events.extend(steps.iter().map(|name| step(payment, name)));
        }
        let repeats: Vec<String> = events.iter().zip(&repeated)
            .filter(|(_event, again)| **again).map(|(event, _again)| event.clone()).collect();
        events.extend(repeats);
        let mut ordered: Vec<(u32, String)> = arrival.into_iter().zip(events).collect();
        ordered.sort();

        let mut ledger = Ledger::new(proportional());
        ledger.apply_all(ordered.into_iter().map(|(_rank, event)| event).collect());

        let mut credited = BTreeMap::<i64, i64>::new();
        for (wallet, points) in shares {
            *credited.entry(wallet).or_default() += points;
        }
        for (wallet, points) in credited {
            let expected = left(points, total, &refunds, &chargebacks);
            prop_assert_eq!(ledger.balance(wallet), expected, "wallet {}", wallet);
        }
    }
}
