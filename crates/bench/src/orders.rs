//! Orders as `PayNow` signs and posts them. They are complete as bytes before a run begins, so that the
//! load generator signs nothing while it measures.

use std::time::Instant;

use paynow_process::clock::{now_ms, now_rfc3339};
use paynow_shared::ids::flake_floor;
use paynow_shared::signature::{SIGNATURE_HEADER, Signature, Signer, TIMESTAMP_HEADER};

use crate::failure::{Result, ensure};

/// How many signatures are checked for one figure.
const CHECKED: usize = 20_000;
const UNIT_PRICE_MINOR: usize = 499;
/// The bits of a flake below its node.
const NODE_SHIFT: u32 = 12;
/// The bits of a flake below its time.
const TIME_SHIFT: u32 = 22;

pub(crate) const FIRST_WALLET: i64 = 600_000_000_000_100_000;
pub(crate) const PRODUCT: i64 = 600_000_000_000_000_040;
/// How many customers the orders of an ordinary run are drawn from.
pub(crate) const MANY_WALLETS: i64 = 100_000;

/// Makes orders with ids that no other order of this database has.
pub(crate) struct Orders {
    signer: Signer,
    random: fastrand::Rng,
    last_flake: i64,
    node: i64,
}

impl Orders {
    pub(crate) fn new(secret: &str) -> Self {
        Self {
            signer: Signer::new(secret),
            // A fixed seed: every run draws the same wallets in the same order.
            random: fastrand::Rng::with_seed(5),
            last_flake: 0,
            node: fastrand::i64(0..1024),
        }
    }

    /// Seconds that one core takes to check the signature of one of these orders, as receiver and worker
    /// do.
    pub(crate) fn seconds_per_check(&mut self) -> Result<f64> {
        let batch = self.batch(CHECKED);
        let began = Instant::now();
        for index in 0..batch.len() {
            let signature = Signature::from_base64(batch.signature(index));
            let timestamp = batch.signed_at_ms(index).to_string();
            let is_right = signature
                .is_some_and(|it| self.signer.verifies(&timestamp, batch.body(index), &it));
            ensure(is_right, "checking a signature", || {
                "it is wrong".to_owned()
            })?;
        }
        Ok(began.elapsed().as_secs_f64() / batch.len() as f64)
    }

    /// Makes `count` orders of many customers, signed now.
    pub(crate) fn batch(&mut self, count: usize) -> Batch {
        self.batch_of(count, MANY_WALLETS)
    }

    /// Makes `count` orders of customers drawn from `wallets`, signed now.
    pub(crate) fn batch_of(&mut self, count: usize, wallets: i64) -> Batch {
        let mut batch = Batch::default();
        let (created_at, signed_at_ms) = (now_rfc3339(), now_ms());
        for index in 0..count {
            let (event_id, body) = self.order(index % 3 + 1, wallets, &created_at);
            batch.push(event_id, signed_at_ms, &self.signer, body.as_bytes());
        }
        batch
    }

    /// Gives the id of the event and its body.
    fn order(&mut self, quantity: usize, wallets: i64, created_at: &str) -> (i64, String) {
        let [checkout, checkout_line, order, line, event] = [(); 5].map(|()| self.flake());
        let number = self.random.i64(0..wallets.max(1));
        let mut body = format!(
            include_str!("order.template.json"),
            event = event,
            order = order,
            line = line,
            checkout = checkout,
            checkout_line = checkout_line,
            customer = FIRST_WALLET + number,
            name = format_args!("Player{number}"),
            product = PRODUCT,
            quantity = quantity,
            amount = quantity * UNIT_PRICE_MINOR,
            created_at = created_at,
        );
        body.retain(|letter| letter != '\n');
        (event, body)
    }

    /// An id of time, node and increment. Its time runs ahead of the clock when many are made at once.
    fn flake(&mut self) -> i64 {
        let increments = 1 << NODE_SHIFT;
        let following = if (self.last_flake + 1) % increments == 0 {
            ((self.last_flake >> TIME_SHIFT) + 1) << TIME_SHIFT
        } else {
            self.last_flake + 1
        };
        self.last_flake = following.max(flake_floor(now_ms())) | (self.node << NODE_SHIFT);
        self.last_flake
    }
}

/// Complete requests for the load generator, and their bodies for the bare client.
#[derive(Default)]
pub(crate) struct Batch(Vec<Request>);

struct Request {
    event_id: i64,
    signed_at_ms: i64,
    signature: String,
    bytes: Vec<u8>,
    body_length: usize,
}

impl Batch {
    fn push(&mut self, event_id: i64, signed_at_ms: i64, signer: &Signer, body: &[u8]) {
        let signature = signer.sign(&signed_at_ms.to_string(), body);
        let head = format!(
            "POST /webhooks/paynow HTTP/1.1\r\nHost: receiver\r\nContent-Type: application/json\r\n\
             {TIMESTAMP_HEADER}: {signed_at_ms}\r\n{SIGNATURE_HEADER}: {signature}\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        self.0.push(Request {
            event_id,
            signed_at_ms,
            signature,
            bytes: [head.as_bytes(), body].concat(),
            body_length: body.len(),
        });
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn request(&self, index: usize) -> &[u8] {
        &self.0[index].bytes
    }

    pub(crate) fn body(&self, index: usize) -> &[u8] {
        let Request {
            bytes, body_length, ..
        } = &self.0[index];
        &bytes[bytes.len() - body_length..]
    }

    pub(crate) fn event_id(&self, index: usize) -> i64 {
        self.0[index].event_id
    }

    pub(crate) fn signed_at_ms(&self, index: usize) -> i64 {
        self.0[index].signed_at_ms
    }

    pub(crate) fn signature(&self, index: usize) -> &str {
        &self.0[index].signature
    }

    pub(crate) fn event_ids(&self) -> impl Iterator<Item = i64> {
        self.0.iter().map(|request| request.event_id)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use paynow_shared::event::EventKind;
    use paynow_shared::wire::decode;

    use super::*;

    #[test]
    fn the_worker_can_read_an_order_and_it_is_as_large_as_a_real_one() {
        let batch = Orders::new("pn-1").batch_of(5, 2);
        for index in 0..batch.len() {
            let body = batch.body(index);
            assert!((1400..1700).contains(&body.len()), "{}", body.len());
            assert!(!body.contains(&b'\n'));
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
        let batch = Orders::new("pn-00112233445566778899aabbccddeeff").batch_of(1, 1);
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
    fn ids_rise_and_are_unique() {
        let mut orders = Orders::new("pn-1");
        let mut seen = HashSet::new();
        let mut last = 0;
        for batch in [orders.batch_of(5_000, 1), orders.batch_of(5_000, 1)] {
            for id in batch.event_ids() {
                assert!(id > last && seen.insert(id), "{id}");
                last = id;
            }
        }
    }
}
