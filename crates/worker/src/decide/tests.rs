//! Tables of cases for `decide`: the ledger before, the order, the expected decision.

use std::collections::BTreeMap;

use paynow_shared::event::{LineAmounts, Order, OrderLine};
use paynow_shared::ids::{StoreId, WalletId};
use paynow_shared::points::Points;
use paynow_shared::reason::Reason;
use paynow_shared::wallet::{EntryKey, EntryKind, LedgerEntry};
use proptest::prelude::*;

use super::*;

const ORDER: i64 = 10;
const BUYER: i64 = 20;
const FRIEND: i64 = 21;
const PRODUCT: i64 = 40;

/// A line: id, product, quantity, receiver of the gift.
type Line = (i64, i64, Option<i64>, Option<i64>);

fn order(lines: &[Line]) -> Order {
    Order {
        id: id(ORDER),
        store_id: Some(StoreId::from_i64(2).unwrap()),
        customer_id: Some(wallet(BUYER)),
        status: Some("completed".to_owned()),
        order_type: None,
        completed_at_us: None,
        total_amount_minor: Some(1000),
        giftcard_amount_minor: None,
        currency: Some("USD".to_owned()),
        lines: lines.iter().map(line).collect(),
    }
}

fn line((line, product, quantity, gift_to): &Line) -> OrderLine {
    OrderLine {
        id: id(*line),
        product_id: id(*product),
        quantity: *quantity,
        gift_to: gift_to.map(wallet),
        amounts: LineAmounts::default(),
        is_of_trial: false,
        product_metadata: BTreeMap::from([("points".to_owned(), "7".to_owned())]),
    }
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(number: i64) -> T {
    number.to_string().parse().unwrap()
}

fn wallet(number: i64) -> WalletId {
    id(number)
}

fn view(products: &[(i64, i64)], posted: &[(i64, i64, i64)]) -> LedgerView {
    let mut view = LedgerView::default();
    for (product, points) in products {
        let prices = Points::new(*points).into();
        view.products.insert(id(*product), prices);
    }
    for (line, order, to) in posted {
        view.add_entry(&LedgerEntry {
            key: EntryKey::order_line(id(*line)),
            wallet_id: wallet(*to),
            order_id: id(*order),
            kind: EntryKind::OrderLine,
            points: Points::new(1),
        });
    }
    view
}

fn decide_order_of(order: Order, view: &LedgerView, policy: &Policy) -> Decision {
    let event = Event {
        id: id(1),
        event_type: "ON_ORDER_COMPLETED".parse().unwrap(),
        kind: EventKind::OrderCompleted(order),
    };
    decide(&event, view, policy)
}

/// A decision without its texts: entries as (line, wallet, points).
#[derive(Debug, PartialEq, Eq)]
enum Short {
    Post(Vec<(String, i64, i64)>),
    RecordOrder,
    AlreadyPosted,
    Ignore,
    Defer,
    Ask,
    Reverse,
    Refuse(Reason),
}

fn short(decision: Decision) -> Short {
    match decision {
        Decision::Post(entries) => Short::Post(
            entries
                .into_iter()
                .map(|it| (it.key.to_string(), it.wallet_id.get(), it.points.get()))
                .collect(),
        ),
        Decision::AlreadyPosted => Short::AlreadyPosted,
        Decision::RecordOrder => Short::RecordOrder,
        Decision::Ignore => Short::Ignore,
        Decision::Defer(_) => Short::Defer,
        Decision::Ask(_, _) => Short::Ask,
        Decision::Reverse(_) => Short::Reverse,
        Decision::Refuse(failure) => Short::Refuse(failure.reason),
    }
}

fn post(entries: &[(i64, i64, i64)]) -> Short {
    let entry = |(line, to, points): &(i64, i64, i64)| (format!("order-line:{line}"), *to, *points);
    Short::Post(entries.iter().map(entry).collect())
}

/// A case: its name, its lines, the lines posted before as (line, order, wallet), and the expected
/// decision.
type Row = (
    &'static str,
    &'static [Line],
    &'static [(i64, i64, i64)],
    Short,
);

const NONE: i64 = 41;
const HUGE: i64 = 42;
const UNKNOWN: i64 = 99;
const ONE: &[Line] = &[(11, PRODUCT, Some(1), None)];
const TWO: &[Line] = &[
    (11, PRODUCT, Some(1), None),
    (12, PRODUCT, Some(1), Some(FRIEND)),
];

fn assert_rows<const N: usize>(rows: [Row; N]) {
    for (name, lines, posted, expected) in rows {
        let view = view(&[(PRODUCT, 500), (NONE, 0), (HUGE, i64::MAX)], posted);
        let decision = decide_order_of(order(lines), &view, &Policy::default());
        assert_eq!(short(decision), expected, "{name}");
    }
}

#[test]
fn a_line_gives_the_points_of_its_product_times_its_quantity() {
    assert_rows([
        (
            "twice",
            &[(11, PRODUCT, Some(2), None)],
            &[],
            post(&[(11, BUYER, 1000)]),
        ),
        (
            "no quantity is one",
            &[(11, PRODUCT, None, None)],
            &[],
            post(&[(11, BUYER, 500)]),
        ),
        (
            "a gift",
            &[(11, PRODUCT, Some(1), Some(FRIEND))],
            &[],
            post(&[(11, FRIEND, 500)]),
        ),
        (
            "each its own",
            TWO,
            &[],
            post(&[(11, BUYER, 500), (12, FRIEND, 500)]),
        ),
        (
            "a product that gives none",
            &[(11, NONE, Some(3), None)],
            &[],
            post(&[(11, BUYER, 0)]),
        ),
        (
            "the most",
            &[(11, HUGE, Some(1), None)],
            &[],
            post(&[(11, BUYER, i64::MAX)]),
        ),
    ]);
}

#[test]
fn an_order_that_can_never_work_is_refused_whole() {
    use Reason::{Malformed, Overflow, UnknownProduct};
    const SUM_TOO_BIG: &[Line] = &[(11, HUGE, Some(1), None), (12, PRODUCT, Some(1), None)];
    const ONE_UNKNOWN: &[Line] = &[(11, PRODUCT, Some(1), None), (12, UNKNOWN, Some(1), None)];
    const TWICE: &[Line] = &[(11, PRODUCT, Some(1), None), (11, PRODUCT, Some(1), None)];
    assert_rows([
        (
            "a line too big",
            &[(11, HUGE, Some(2), None)],
            &[],
            Short::Refuse(Overflow),
        ),
        ("a sum too big", SUM_TOO_BIG, &[], Short::Refuse(Overflow)),
        ("no lines", &[], &[], Short::Refuse(Malformed)),
        (
            "quantity zero",
            &[(11, PRODUCT, Some(0), None)],
            &[],
            Short::Refuse(Malformed),
        ),
        (
            "below zero",
            &[(11, PRODUCT, Some(-1), None)],
            &[],
            Short::Refuse(Malformed),
        ),
        ("a line twice", TWICE, &[], Short::Refuse(Malformed)),
        (
            "unknown",
            &[(11, UNKNOWN, Some(1), None)],
            &[],
            Short::Refuse(UnknownProduct),
        ),
        (
            "one unknown of two",
            ONE_UNKNOWN,
            &[],
            Short::Refuse(UnknownProduct),
        ),
    ]);
}

#[test]
fn an_order_reported_before_is_posted_already_or_a_conflict() {
    use Reason::Conflict;
    const UNKNOWN_BY_NOW: &[Line] = &[(11, UNKNOWN, Some(1), None)];
    assert_rows([
        (
            "the same again",
            ONE,
            &[(11, ORDER, BUYER)],
            Short::AlreadyPosted,
        ),
        (
            "unknown by now",
            UNKNOWN_BY_NOW,
            &[(11, ORDER, BUYER)],
            Short::AlreadyPosted,
        ),
        (
            "half of it",
            TWO,
            &[(11, ORDER, BUYER)],
            Short::Refuse(Conflict),
        ),
        (
            "to somebody else",
            ONE,
            &[(11, ORDER, FRIEND)],
            Short::Refuse(Conflict),
        ),
        (
            "for another order",
            ONE,
            &[(11, 77, BUYER)],
            Short::Refuse(Conflict),
        ),
        (
            "with other lines",
            ONE,
            &[(13, ORDER, BUYER)],
            Short::Refuse(Conflict),
        ),
    ]);
}

#[test]
fn nobody_to_receive_a_line_is_malformed_unless_it_is_a_gift() {
    let nobody = |lines: &[Line]| Order {
        customer_id: None,
        ..order(lines)
    };
    let view = view(&[(PRODUCT, 5)], &[]);
    let decided = |order| short(decide_order_of(order, &view, &Policy::default()));
    let bought = nobody(&[(11, PRODUCT, Some(1), None)]);
    assert_eq!(decided(bought), Short::Refuse(Reason::Malformed));
    let gift = nobody(&[(11, PRODUCT, Some(1), Some(FRIEND))]);
    assert_eq!(decided(gift), post(&[(11, FRIEND, 5)]));
}

#[test]
fn metadata_counts_only_when_it_is_asked_for_and_the_table_does_not_know() {
    let lines: &[Line] = &[(11, PRODUCT, Some(2), None)];
    let with_key = |key: &str| Policy {
        points_metadata_key: Some(key.to_owned()),
        ..Policy::default()
    };
    let unknown = Short::Refuse(Reason::UnknownProduct);
    for (name, products, policy, expected) in [
        ("no key set", &[][..], Policy::default(), &unknown),
        (
            "key set",
            &[],
            with_key("points"),
            &post(&[(11, BUYER, 14)]),
        ),
        ("another key", &[], with_key("coins"), &unknown),
        (
            "the table first",
            &[(PRODUCT, 500)],
            with_key("points"),
            &post(&[(11, BUYER, 1000)]),
        ),
    ] {
        let decision = decide_order_of(order(lines), &view(products, &[]), &policy);
        assert_eq!(&short(decision), expected, "{name}");
    }
    let mut odd = order(lines);
    for line in &mut odd.lines {
        line.product_metadata
            .insert("points".to_owned(), "-7".to_owned());
    }
    assert_eq!(
        short(decide_order_of(odd, &view(&[], &[]), &with_key("points"))),
        unknown
    );
}

#[test]
fn another_stores_order_is_refused_only_when_a_store_is_set() {
    let ours = |store: i64| Policy {
        store_id: Some(id(store)),
        ..Policy::default()
    };
    let lines: &[Line] = &[(11, PRODUCT, Some(1), None)];
    let view = view(&[(PRODUCT, 5)], &[]);
    let credited = post(&[(11, BUYER, 5)]);
    let wrong_store = Short::Refuse(Reason::WrongStore);
    let no_store = Order {
        store_id: None,
        ..order(lines)
    };
    for (order, policy, expected) in [
        (order(lines), Policy::default(), &credited),
        (order(lines), ours(2), &credited),
        (order(lines), ours(3), &wrong_store),
        (no_store.clone(), ours(2), &wrong_store),
        (no_store, Policy::default(), &credited),
    ] {
        assert_eq!(&short(decide_order_of(order, &view, &policy)), expected);
    }
}

#[test]
fn other_event_types_are_ignored() {
    let event_type = "ON_TRIAL_ACTIVATED".parse().unwrap();
    let event = Event {
        id: id(1),
        event_type,
        kind: EventKind::Ignored,
    };
    let decided = short(decide(&event, &LedgerView::default(), &Policy::default()));
    assert_eq!(decided, Short::Ignore);
}

prop_compose! {
    fn any_line()(
        line in 1i64..6, product in 38i64..43, quantity in proptest::option::of(-1i64..4),
        gift_to in proptest::option::of(20i64..23),
    ) -> Line {
        (line, product, quantity, gift_to)
    }
}

proptest! {
    /// For any order and ledger, the posted entries are one per line, each with exactly price times
    /// quantity, and no entry has a key that is in the ledger.
    #[test]
    fn what_is_posted_is_exact_and_new(
        lines in proptest::collection::vec(any_line(), 0..5),
        posted in proptest::collection::vec((1i64..6, 9i64..12, 20i64..23), 0..3),
        price in 0i64..,
    ) {
        let view = view(&[(39, price), (PRODUCT, 500), (NONE, 0)], &posted);
        let known: Vec<String> = view.entries.keys().map(ToString::to_string).collect();
        let decision = short(decide_order_of(order(&lines), &view, &Policy::default()));
        if let Short::Post(entries) = decision {
            prop_assert_eq!(entries.len(), lines.len());
            for ((key, to, points), (line, product, quantity, gift_to)) in entries.iter().zip(&lines) {
                let price = view.products.get(&id(*product)).unwrap().at(0).unwrap().get();
                prop_assert_eq!(key, &format!("order-line:{line}"));
                prop_assert!(!known.contains(key));
                prop_assert_eq!(*to, gift_to.unwrap_or(BUYER));
                prop_assert_eq!(i128::from(*points), i128::from(price).saturating_mul(i128::from(quantity.unwrap_or(1))));
            }
        }
    }
}
