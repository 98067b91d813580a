//! Applies events, one per line, to an empty ledger: there are never more points than were bought.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use paynow_shared::event::{Event, EventKind, Order, OrderLine};
use paynow_shared::ids::{EventId, OrderId, OrderLineId, ProductId, StoreId, WalletId};
use paynow_shared::points::Points;
use paynow_shared::wallet::{EntryKey, EntryKind, LedgerEntry};
use paynow_shared::wire::Headers;
use paynow_worker::decide::view::LedgerView;
use paynow_worker::decide::{PartialRefunds, Policy};
use paynow_worker::disposition::Disposition;
use paynow_worker::ledger::plan::{Plan, plan};
use paynow_worker::message::{DecodedMessage, Message, Proof};

use super::{Pair, head_and_body};

/// Limits the events of one input, so that a plan stays small.
const EVENTS_MAX: usize = 32;
const METADATA_KEY: &str = "points";

/// The shop of an input: `price: <product> <points>`, `store: <id>`, `partial: <PARTIAL_REFUNDS>`.
fn shop(pairs: &[Pair<'_>]) -> (HashMap<ProductId, Points>, Policy) {
    let mut prices = HashMap::new();
    let mut policy = Policy {
        points_metadata_key: Some(METADATA_KEY.to_owned()),
        ..Policy::default()
    };
    for (name, value) in pairs {
        let text = std::str::from_utf8(value).unwrap_or_default();
        match *name {
            b"price" => {
                prices.extend(price(text));
            }
            b"store" => policy.store_id = text.parse().ok(),
            b"partial" => {
                policy.partial_refunds = text.parse().unwrap_or(PartialRefunds::DeadLetter);
            }
            _other => {}
        }
    }
    (prices, policy)
}

fn price(text: &str) -> Option<(ProductId, Points)> {
    let (product, points) = text.split_once(' ')?;
    Some((product.parse().ok()?, points.parse().ok()?))
}

pub fn wire(data: &[u8]) {
    let (pairs, body) = head_and_body(data);
    let (prices, policy) = shop(&pairs);
    let mut view = LedgerView::default();
    let always = prices
        .iter()
        .map(|(product, points)| (*product, (*points).into()));
    view.products.extend(always);
    let messages: Vec<Message> = body
        .split(|byte| *byte == b'\n')
        .take(EVENTS_MAX)
        .map(|line| Message {
            headers: Headers::default(),
            redeliveries: 0,
            body: line.to_vec(),
        })
        .collect();
    let batch: Vec<DecodedMessage<'_>> = messages
        .iter()
        .map(|message| DecodedMessage::decode(message, Proof::NotRequired))
        .collect();
    let events = batch
        .iter()
        .filter_map(|decoded| decoded.event.as_ref().ok());
    events.for_each(ids_read_back);

    let mut ledger = Ledger::default();
    // Events that came too early can be applied in a later pass. Each pass but the last applies one.
    for _pass in 0..=batch.len() {
        let plan = plan(&batch, &mut view, &policy);
        assert_eq!(plan.dispositions.len(), batch.len());
        ledger.post(&plan, &prices);
    }
    let known = view.clone();
    let again = plan(&batch, &mut view, &policy);
    assert!(
        again.entries.is_empty() && again.events.is_empty(),
        "{again:?}"
    );
    assert_eq!(view, known);
    let is_late = |answer: &Disposition| matches!(answer, Disposition::RetryLater(_));
    let late = batch
        .iter()
        .zip(&again.dispositions)
        .filter(|(_, answer)| is_late(answer));
    for (decoded, _) in late {
        let event = decoded.event.as_ref().expect("only an event is retried");
        assert!(
            !matches!(event.kind, EventKind::OrderCompleted(_)),
            "an order is never retried"
        );
    }
}

fn ids_read_back(event: &Event) {
    assert_eq!(event.id.to_string().parse::<EventId>(), Ok(event.id));
    assert_eq!(EventId::from_i64(event.id.get()), Ok(event.id));
    assert!(event.id.created_at_ms() > 0);
    let EventKind::OrderCompleted(order) = &event.kind else {
        return;
    };
    assert_eq!(order.id.to_string().parse::<OrderId>(), Ok(order.id));
    if let Some(store) = order.store_id {
        assert_eq!(store.to_string().parse::<StoreId>(), Ok(store));
    }
    for line in &order.lines {
        assert_eq!(line.id.to_string().parse::<OrderLineId>(), Ok(line.id));
    }
}

/// What the ledger would hold, in numbers that cannot overflow.
#[derive(Default)]
struct Ledger {
    keys: BTreeSet<EntryKey>,
    given: BTreeMap<(OrderId, WalletId), i128>,
    left: BTreeMap<(OrderId, WalletId), i128>,
}

impl Ledger {
    fn post(&mut self, plan: &Plan<'_>, prices: &HashMap<ProductId, Points>) {
        for planned in &plan.entries {
            let entry = &planned.entry;
            assert!(self.keys.insert(entry.key.clone()), "{} twice", entry.key);
            let place = (entry.order_id, entry.wallet_id);
            let points = i128::from(entry.points.get());
            if entry.kind == EntryKind::OrderLine {
                let EventKind::OrderCompleted(order) = &planned.event.kind else {
                    panic!("{:?} is not an order and gives points", planned.event);
                };
                assert_eq!(points, worth(order, entry, prices));
                *self.given.entry(place).or_default() += points;
            }
            let left = self.left.entry(place).or_default();
            *left += points;
            let given = self.given.get(&place).copied().unwrap_or_default();
            assert!(
                (0..=given).contains(left),
                "{left} of {given} are left: {entry:?}"
            );
        }
    }
}

/// The points of an order line: price times quantity. The price is from the price list or, without one
/// there, from the product's metadata.
fn worth(order: &Order, entry: &LedgerEntry, prices: &HashMap<ProductId, Points>) -> i128 {
    let of_entry = |line: &&OrderLine| EntryKey::order_line(line.id) == entry.key;
    let line = order
        .lines
        .iter()
        .find(of_entry)
        .expect("a line of the order");
    assert_eq!(Some(entry.wallet_id), line.gift_to.or(order.customer_id));
    if line.is_of_trial && line.amounts.total.unwrap_or_default() == 0 {
        return 0;
    }
    let price = match prices.get(&line.product_id) {
        Some(price) => price.get(),
        None => line.product_metadata[METADATA_KEY]
            .parse()
            .expect("a price"),
    };
    i128::from(price) * i128::from(line.quantity_or_one())
}
