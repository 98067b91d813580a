//! Orders as `PayNow` signs and posts them, complete as bytes on the wire, so that the generator makes
//! no signature while it measures.

use std::io::Write;
use std::ops::Range;

use paynow_process::clock::{now_ms, now_rfc3339};
use paynow_shared::signature::{SIGNATURE_HEADER, Signer, TIMESTAMP_HEADER};

/// `%name%` stands for a value.
const TEMPLATE: &str = include_str!("order.template.json");
const MARK: char = '%';
const FLAKE_EPOCH_MS: i64 = 1_645_568_542_000;
const UNIT_PRICE_MINOR: usize = 499;

pub(crate) const FIRST_WALLET: i64 = 600_000_000_000_100_000;
pub(crate) const PRODUCT: i64 = 600_000_000_000_000_040;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    Event,
    Order,
    Line,
    Checkout,
    CheckoutLine,
    Customer,
    Name,
    Product,
    Quantity,
    Amount,
    CreatedAt,
}

impl Value {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "event" => Self::Event,
            "order" => Self::Order,
            "line" => Self::Line,
            "checkout" => Self::Checkout,
            "checkout_line" => Self::CheckoutLine,
            "customer" => Self::Customer,
            "name" => Self::Name,
            "product" => Self::Product,
            "quantity" => Self::Quantity,
            "amount" => Self::Amount,
            "created_at" => Self::CreatedAt,
            _other => return None,
        })
    }
}

enum Piece {
    Text(&'static str),
    Value(Value),
}

fn pieces() -> Vec<Piece> {
    let lines = TEMPLATE.lines();
    lines
        .flat_map(|line| line.split(MARK))
        .map(|piece| Value::named(piece).map_or(Piece::Text(piece), Piece::Value))
        .collect()
}

/// Makes orders whose ids no other order of this database has.
pub(crate) struct Orders {
    signer: Signer,
    pieces: Vec<Piece>,
    random: fastrand::Rng,
    last_flake: i64,
    node: i64,
}

/// What an order's places are filled with.
struct Facts {
    event: i64,
    order: i64,
    line: i64,
    checkout: i64,
    checkout_line: i64,
    customer: i64,
    quantity: usize,
}

impl Orders {
    pub(crate) fn new(secret: &str) -> Self {
        Self {
            signer: Signer::new(secret),
            pieces: pieces(),
            // The same wallets in the same order in every run.
            random: fastrand::Rng::with_seed(5),
            last_flake: 0,
            node: fastrand::i64(0..1024),
        }
    }

    /// Makes `count` orders of customers drawn from `wallets`, signed now.
    pub(crate) fn batch(&mut self, count: usize, wallets: i64) -> Batch {
        let mut batch = Batch::default();
        let (created_at, signed_at_ms) = (now_rfc3339(), now_ms());
        let mut body = Vec::new();
        for index in 0..count {
            let facts = self.facts(index, wallets);
            body.clear();
            self.write(&facts, &created_at, &mut body);
            batch.push(facts.event, signed_at_ms, &self.signer, &body);
        }
        batch
    }

    fn facts(&mut self, index: usize, wallets: i64) -> Facts {
        Facts {
            checkout: self.flake(),
            checkout_line: self.flake(),
            order: self.flake(),
            line: self.flake(),
            event: self.flake(),
            customer: FIRST_WALLET + self.random.i64(0..wallets.max(1)),
            quantity: index % 3 + 1,
        }
    }

    /// Time, node and increment; when many are made at once the time runs ahead a little.
    fn flake(&mut self) -> i64 {
        let now = (now_ms() - FLAKE_EPOCH_MS) << 22;
        let increment = (self.last_flake & 0xfff) + 1;
        let next = if increment > 0xfff {
            ((self.last_flake >> 22) + 1) << 22
        } else {
            (self.last_flake >> 22 << 22) | increment
        };
        self.last_flake = next.max(now) | (self.node << 12);
        self.last_flake
    }

    fn write(&self, facts: &Facts, created_at: &str, body: &mut Vec<u8>) {
        for piece in &self.pieces {
            let value = match piece {
                Piece::Text(text) => {
                    body.extend_from_slice(text.as_bytes());
                    continue;
                }
                Piece::Value(value) => value,
            };
            let written = match value {
                Value::Event => write!(body, "{}", facts.event),
                Value::Order => write!(body, "{}", facts.order),
                Value::Line => write!(body, "{}", facts.line),
                Value::Checkout => write!(body, "{}", facts.checkout),
                Value::CheckoutLine => write!(body, "{}", facts.checkout_line),
                Value::Customer => write!(body, "{}", facts.customer),
                Value::Name => write!(body, "Player{}", facts.customer - FIRST_WALLET),
                Value::Product => write!(body, "{PRODUCT}"),
                Value::Quantity => write!(body, "{}", facts.quantity),
                Value::Amount => write!(body, "{}", facts.quantity * UNIT_PRICE_MINOR),
                Value::CreatedAt => write!(body, "{created_at}"),
            };
            // A vector takes whatever is written to it.
            let _always = written;
        }
    }
}

/// Requests that are ready to be sent, and their bodies for those who publish them directly.
#[derive(Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    requests: Vec<Request>,
}

struct Request {
    event_id: i64,
    signed_at_ms: i64,
    all: Range<usize>,
    body_from: usize,
}

impl Batch {
    fn push(&mut self, event_id: i64, signed_at_ms: i64, signer: &Signer, body: &[u8]) {
        let signature = signer.sign(&signed_at_ms.to_string(), body);
        let from = self.bytes.len();
        let head = format!(
            "POST /webhooks/paynow HTTP/1.1\r\nHost: receiver\r\nContent-Type: application/json\r\n\
             {TIMESTAMP_HEADER}: {signed_at_ms}\r\n{SIGNATURE_HEADER}: {signature}\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        self.bytes.extend_from_slice(head.as_bytes());
        let body_from = self.bytes.len();
        self.bytes.extend_from_slice(body);
        self.requests.push(Request {
            event_id,
            signed_at_ms,
            all: from..self.bytes.len(),
            body_from,
        });
    }

    pub(crate) fn len(&self) -> usize {
        self.requests.len()
    }

    pub(crate) fn request(&self, index: usize) -> &[u8] {
        &self.bytes[self.requests[index].all.clone()]
    }

    pub(crate) fn body(&self, index: usize) -> &[u8] {
        let request = &self.requests[index];
        &self.bytes[request.body_from..request.all.end]
    }

    pub(crate) fn event_id(&self, index: usize) -> i64 {
        self.requests[index].event_id
    }

    pub(crate) fn signed_at_ms(&self, index: usize) -> i64 {
        self.requests[index].signed_at_ms
    }

    pub(crate) fn event_ids(&self) -> impl Iterator<Item = i64> {
        self.requests.iter().map(|request| request.event_id)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use paynow_shared::event::EventKind;
    use paynow_shared::wire::decode;

    use super::*;

    #[test]
    fn an_order_is_one_that_the_worker_reads_and_as_large_as_a_real_one() {
        let batch = Orders::new("pn-1").batch(5, 2);
        for index in 0..batch.len() {
            let body = batch.body(index);
            assert!((1400..1700).contains(&body.len()), "{}", body.len());
            assert!(!body.contains(&(MARK as u8)) && !body.contains(&b'\n'));
            let event = decode(body).unwrap();
            assert_eq!(event.id.get(), batch.event_id(index));
            let EventKind::OrderCompleted(order) = event.kind else {
                panic!("not an order");
            };
            let [line] = order.lines.as_slice() else {
                panic!("not one line");
            };
            assert_eq!(line.product_id.get(), PRODUCT);
            let wallet = order.customer_id.unwrap().get();
            assert!((FIRST_WALLET..FIRST_WALLET + 2).contains(&wallet));
        }
    }

    #[test]
    fn a_request_announces_its_body_and_carries_its_signature() {
        let batch = Orders::new("pn-00112233445566778899aabbccddeeff").batch(1, 1);
        let request = batch.request(0);
        let head_length = request.len() - batch.body(0).len();
        let head = std::str::from_utf8(&request[..head_length]).unwrap();
        assert!(head.starts_with("POST /webhooks/paynow HTTP/1.1\r\n"));
        assert!(head.contains(&format!("Content-Length: {}\r\n\r\n", batch.body(0).len())));

        let mut known = Batch::default();
        let signer = Signer::new("pn-00112233445566778899aabbccddeeff");
        let body =
            r#"{"event_type":"ON_ORDER_COMPLETED","event_id":"411486491630370816","body":{}}"#;
        known.push(1, 1_767_225_600_000, &signer, body.as_bytes());
        let head = String::from_utf8_lossy(known.request(0));
        let signature = "PayNow-Signature: 1GGKVsqAWTuJKeJxvm+6XG+69sNIVNfbloDf5Sq4yo0=\r\n";
        assert!(head.contains(signature), "{head}");
    }

    #[test]
    fn ids_rise_and_are_never_the_same() {
        let mut orders = Orders::new("pn-1");
        let mut seen = HashSet::new();
        let mut last = 0;
        for batch in [orders.batch(5_000, 1), orders.batch(5_000, 1)] {
            for id in batch.event_ids() {
                assert!(id > last && seen.insert(id), "{id}");
                last = id;
            }
        }
    }
}
