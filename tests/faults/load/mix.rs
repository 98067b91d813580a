//! The events of a trial, in the order in which they are sent. The same seed gives the same events.

use std::collections::VecDeque;

use fastrand::Rng;
use serde_json::json;

use super::fate::{Fate, Sort};
use crate::model::bodies::bytes;
use crate::model::generate::{Ids, PRODUCTS, default_settings, history_of};
use crate::model::history::{Body, Event, Kind, Line, Order, Price};
use crate::model::told::{Told, is_true};

/// Histories that are told at the same time.
const OPEN: usize = 30;
/// Bodies that may be sent again.
const KEPT: usize = 500;
/// Types that move no points; the last one is none of `PayNow`'s.
const OTHER_TYPES: [&str; 4] = [
    "ON_SUBSCRIPTION_ACTIVATED",
    "ON_SUBSCRIPTION_RENEWED",
    "ON_DELIVERY_ITEM_ADDED",
    "ON_SOMETHING_THAT_NOBODY_KNOWS",
];
const PAID_AT: i64 = 1_790_000_000_000;
const FLAKE_EPOCH_MS: i64 = 1_645_568_542_000;
const DAY: i64 = 86_400_000;

/// A webhook that `PayNow` sends.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) sort: Sort,
    pub(crate) body: Vec<u8>,
    pub(crate) fate: Fate,
    /// The event that must be in the ledger before this is sent: which of two different bodies is true
    /// cannot be seen, so the first one counts.
    pub(crate) after: Option<i64>,
}

/// Ids that no history has, made on another day.
pub(super) struct Numbers {
    day: i64,
    serial: i64,
}

impl Numbers {
    pub(crate) fn of_day(day: i64) -> Self {
        Self { day, serial: 0 }
    }

    pub(crate) fn next(&mut self) -> i64 {
        self.serial += 1;
        ((PAID_AT + self.day * DAY - FLAKE_EPOCH_MS) << 22) + self.serial
    }
}

/// A history and how many of its arrivals were sent.
struct Open {
    told: Told,
    sent: usize,
}

pub(crate) struct Mix {
    random: Rng,
    ids: Ids,
    numbers: Numbers,
    open: Vec<Open>,
    done: Vec<Told>,
    kept: VecDeque<Item>,
}

impl Mix {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Rng::with_seed(seed),
            ids: Ids::from(1),
            numbers: Numbers::of_day(10),
            open: Vec::new(),
            done: Vec::new(),
            kept: VecDeque::new(),
        }
    }

    /// The products that must be set, and their points.
    pub(crate) fn products() -> Vec<(i64, i64)> {
        let product = |(number, points)| (Ids::from(0).products + number, points);
        PRODUCTS.map(product).to_vec()
    }

    /// The next webhook.
    pub(crate) fn next(&mut self) -> Item {
        let item = match self.random.u32(..100) {
            0..4 => self.repeat(),
            4..7 => self.other_body(),
            7..9 => Some(self.malformed()),
            9..13 => Some(self.other_type()),
            _most => None,
        };
        let item = item.unwrap_or_else(|| self.of_a_history());
        if item.after.is_none() {
            self.kept.push_back(item.clone());
        }
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
        item
    }

    /// What is left to be told of the histories that began.
    pub(crate) fn rest(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        while !self.open.is_empty() {
            items.push(self.of_open(0));
        }
        items
    }

    /// All histories that were told.
    pub(crate) fn into_told(self) -> Vec<Told> {
        self.done
    }

    fn of_a_history(&mut self) -> Item {
        while self.open.len() < OPEN {
            let prices = Self::products().into_iter().map(|(product, points)| Price {
                product,
                valid_from: None,
                points: Some(points),
            });
            let shop = (default_settings(), prices.collect());
            let history = history_of(&mut self.random, &mut self.ids, Kind::Sound, shop);
            if !history.arrivals.is_empty() {
                let told = Told::new(history);
                self.open.push(Open { told, sent: 0 });
            }
        }
        let index = self.random.usize(..self.open.len());
        self.of_open(index)
    }

    fn of_open(&mut self, index: usize) -> Item {
        let open = &mut self.open[index];
        let history = &open.told.history;
        let event = &history.events[history.arrivals[open.sent]];
        let item = item(event, &open.told);
        open.sent += 1;
        if open.sent == history.arrivals.len() {
            let open = self.open.swap_remove(index);
            self.done.push(open.told);
        }
        item
    }

    fn repeat(&mut self) -> Option<Item> {
        let index = self.random.usize(..self.kept.len().max(1));
        let item = self.kept.get(index)?.clone();
        let sort = Sort::Repeat;
        Some(Item { sort, ..item })
    }

    /// An order of nobody under the id of an event that was sent before.
    fn other_body(&mut self) -> Option<Item> {
        let index = self.random.usize(..self.kept.len().max(1));
        let Fate::Settled { event, .. } = self.kept.get(index)?.fate else {
            return None;
        };
        Some(Item {
            sort: Sort::OtherBody,
            body: bytes(&telling(event, order_of_nobody(&mut self.numbers))),
            fate: Fate::Dead("conflict"),
            after: Some(event),
        })
    }

    fn malformed(&mut self) -> Item {
        let serial = self.numbers.next();
        let body = if self.random.bool() {
            format!("broken {serial}").into_bytes()
        } else {
            let order = order_of_nobody(&mut self.numbers);
            let mut body = bytes(&telling(serial, order));
            body.truncate(self.random.usize(body.len() / 2..body.len()));
            body
        };
        Item {
            sort: Sort::Malformed,
            body,
            fate: Fate::Dead("malformed"),
            after: None,
        }
    }

    fn other_type(&mut self) -> Item {
        let event_type = OTHER_TYPES[self.random.usize(..OTHER_TYPES.len())];
        let event = self.numbers.next().to_string();
        let body = json!({ "id": self.numbers.next().to_string(), "status": "active" });
        let body = json!({ "event_type": event_type, "event_id": event, "body": body });
        Item {
            sort: Sort::OtherType,
            body: body.to_string().into_bytes(),
            fate: Fate::Ignored,
            after: None,
        }
    }
}

fn item(event: &Event, told: &Told) -> Item {
    let is_true = is_true(event, &told.history);
    let (sort, is_order) = match &event.body {
        Body::Order(_) if is_true => (Sort::Order, true),
        Body::Order(_) => (Sort::Retelling, false),
        Body::Refund(_) => (Sort::Refund, false),
        Body::Chargeback(_) => (Sort::Chargeback, false),
    };
    let mut true_orders = told.history.events.iter().filter(|one| match one.body {
        Body::Order(_) => self::is_true(one, &told.history),
        Body::Refund(_) | Body::Chargeback(_) => false,
    });
    let fate = Fate::Settled {
        event: event.id,
        is_credited: is_order,
    };
    Item {
        sort,
        body: bytes(event),
        fate,
        after: true_orders.next().filter(|_| !is_true).map(|one| one.id),
    }
}

/// An order whose buyer is in no history: points for it would be points for nobody.
pub(super) fn order_of_nobody(numbers: &mut Numbers) -> Order {
    let line = Line {
        id: numbers.next(),
        product: Ids::from(0).products + PRODUCTS[0].0,
        quantity: 1,
        gift_to: None,
        total: 100,
        tax: 0,
        giftcards: None,
        is_trial: false,
    };
    Order {
        id: numbers.next(),
        buyer: numbers.next(),
        kind: Some("one_time"),
        status: Some("completed"),
        currency: "USD",
        total: 100,
        giftcards: 0,
        completed_at: Some(PAID_AT),
        tax_inclusive: false,
        lines: vec![line],
    }
}

pub(super) fn telling(event: i64, order: Order) -> Event {
    Event {
        id: event,
        body: Body::Order(order),
    }
}
