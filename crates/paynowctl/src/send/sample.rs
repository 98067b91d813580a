//! Sample events: orders in the shape that `PayNow` documents, with invented values and new ids.

use std::fmt::Write;

use chrono::{DateTime, SecondsFormat};
use paynow_shared::ids::{EventId, flake_floor};
use ring::rand::{SecureRandom, SystemRandom};

use super::options::ProductChoice;

/// `$name$` stands for a value; all other text is sent as it is.
const TEMPLATE: &str = include_str!("order.template.json");
const MARK: char = '$';
/// The first customer, fixed so that scripts know a wallet without reading any output.
const FIRST_WALLET: i64 = 600_000_000_000_100_000;
const UNIT_PRICE_MINOR: i64 = 499;
/// As the template has them.
pub(super) const STORE: i64 = 600_000_000_000_000_002;
pub(super) const CURRENCY: &str = "USD";
/// Quantities go 1, 2, 3, 1 …
const QUANTITIES: usize = 3;

const INCREMENTS: i64 = 1 << 12;
const NODES: u16 = 1 << 10;

/// Makes ids as `PayNow` does, of time, node and increment. The node is random for each run, so that
/// two runs in the same millisecond do not share ids.
fn flakes(now_ms: i64, node: u16) -> impl FnMut() -> i64 {
    let node = i64::from(node % NODES);
    let mut made = 0;
    move || {
        let (extra_ms, increment) = (made / INCREMENTS, made % INCREMENTS);
        made += 1;
        flake_floor(now_ms + extra_ms) | (node << 12) | increment
    }
}

fn random_node() -> u16 {
    let mut bytes = [0; 2];
    // Without randomness the ids of two runs differ by the clock alone, which is almost always enough.
    let _ignored = SystemRandom::new().fill(&mut bytes);
    u16::from_le_bytes(bytes)
}

/// The values of one event.
pub(super) struct Sample {
    pub(super) event_id: i64,
    pub(super) order_id: i64,
    pub(super) line_id: i64,
    pub(super) wallet_id: i64,
    pub(super) bought: ProductChoice,
    pub(super) quantity: i64,
    checkout_id: i64,
    checkout_line_id: i64,
}

/// Makes ids that no other run has.
pub(super) fn new_ids(now_ms: i64) -> impl FnMut() -> i64 {
    flakes(now_ms, random_node())
}

/// Plans `count` events that take products and customers in turn.
pub(super) fn plan(
    count: usize,
    products: &[ProductChoice],
    wallets: usize,
    next_id: &mut impl FnMut() -> i64,
) -> Vec<Sample> {
    let bought = products.iter().cycle();
    let customers = (FIRST_WALLET..).take(wallets).cycle();
    let quantities = (1..).take(QUANTITIES).cycle();
    bought
        .zip(customers)
        .zip(quantities)
        .take(count)
        .map(|((bought, wallet_id), quantity)| Sample {
            checkout_id: next_id(),
            checkout_line_id: next_id(),
            order_id: next_id(),
            line_id: next_id(),
            event_id: next_id(),
            wallet_id,
            bought: *bought,
            quantity,
        })
        .collect()
}

impl Sample {
    /// The event's bytes, without line breaks.
    pub(super) fn body(&self, event_type: &str) -> Vec<u8> {
        let mut body = String::with_capacity(TEMPLATE.len() + 512);
        for (index, piece) in TEMPLATE.lines().flat_map(pieces) {
            if index % 2 == 0 {
                body.push_str(piece);
            } else {
                self.write(piece, event_type, &mut body);
            }
        }
        body.into_bytes()
    }

    fn write(&self, name: &str, event_type: &str, body: &mut String) {
        let customer = self.wallet_id - FIRST_WALLET;
        let written = match name {
            "event_type" => write!(body, "{event_type}"),
            "event_id" => write!(body, "{}", self.event_id),
            "order_id" => write!(body, "{}", self.order_id),
            "line_id" => write!(body, "{}", self.line_id),
            "checkout_id" => write!(body, "{}", self.checkout_id),
            "checkout_line_id" => write!(body, "{}", self.checkout_line_id),
            "wallet_id" => write!(body, "{}", self.wallet_id),
            "product_id" => write!(body, "{}", self.bought.product),
            "quantity" => write!(body, "{}", self.quantity),
            "unit_price" => write!(body, "{UNIT_PRICE_MINOR}"),
            "amount" => write!(body, "{}", self.amount_minor()),
            "name" => write!(body, "Player{customer}"),
            "suffix" => write!(body, "{customer:012}"),
            "created_at" => write!(body, "{}", self.created_at()),
            "metadata" => match self.bought.points {
                Some(points) => write!(body, r#"{{"points":"{points}"}}"#),
                None => write!(body, "{{}}"),
            },
            // A test checks that the template has no other name.
            unknown => write!(body, "{MARK}{unknown}{MARK}"),
        };
        // Writing to a string cannot fail.
        let _infallible = written;
    }

    pub(super) fn amount_minor(&self) -> i64 {
        UNIT_PRICE_MINOR * self.quantity
    }

    fn created_at(&self) -> String {
        EventId::from_i64(self.event_id)
            .map(|id| utc(id.created_at_ms()))
            .unwrap_or_default()
    }
}

/// Texts have even numbers, and names of values odd ones.
fn pieces(line: &str) -> impl Iterator<Item = (usize, &str)> {
    line.split(MARK).enumerate()
}

/// A time as RFC 3339 in UTC, to the second.
fn utc(unix_ms: i64) -> String {
    rfc3339(unix_ms, SecondsFormat::Secs)
}

/// To the millisecond, for what happens more than once in a second.
pub(super) fn exact_utc(unix_ms: i64) -> String {
    rfc3339(unix_ms, SecondsFormat::Millis)
}

fn rfc3339(unix_ms: i64, seconds: SecondsFormat) -> String {
    DateTime::from_timestamp_millis(unix_ms)
        .map(|time| time.to_rfc3339_opts(seconds, true))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use paynow_shared::event::EventKind;
    use paynow_shared::wire::decode;

    use super::*;

    const NOW_MS: i64 = 1_767_225_600_000;

    fn choices(texts: &[&str]) -> Vec<ProductChoice> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_sample_is_an_order_that_the_worker_reads() {
        let samples = plan(5, &choices(&["40=500", "41"]), 2, &mut new_ids(NOW_MS));
        for sample in &samples {
            let event = decode(&sample.body("ON_ORDER_COMPLETED")).unwrap();
            assert_eq!(event.id.get(), sample.event_id);
            let EventKind::OrderCompleted(order) = event.kind else {
                panic!("not an order");
            };
            assert_eq!(order.id.get(), sample.order_id);
            let sale = sample.sale();
            assert_eq!(order.total_amount_minor, Some(sale.charged_minor));
            assert_eq!(order.store_id.map(|id| id.get()), sale.store_id);
            assert_eq!(order.currency, Some(sale.currency));
            assert_eq!(order.customer_id.unwrap().get(), sample.wallet_id);
            let [line] = order.lines.as_slice() else {
                panic!("not one line");
            };
            assert_eq!(line.id.get(), sample.line_id);
            assert_eq!(line.quantity, Some(sample.quantity));
            assert_eq!(line.product_id, sample.bought.product);
            let points = line.product_metadata.get("points").cloned();
            assert_eq!(
                points,
                sample.bought.points.map(|points| points.to_string())
            );
        }
        let wallets: HashSet<i64> = samples.iter().map(|sample| sample.wallet_id).collect();
        assert_eq!(wallets, HashSet::from([FIRST_WALLET, FIRST_WALLET + 1]));
    }

    #[test]
    fn a_sample_is_about_as_large_as_a_real_one_and_complete() {
        let samples = plan(1, &choices(&["40=500"]), 1, &mut new_ids(NOW_MS));
        let body = String::from_utf8(samples.first().unwrap().body("ON_NEW_THING")).unwrap();
        assert!((1500..3000).contains(&body.len()), "{}", body.len());
        assert!(!body.contains(MARK) && !body.contains('\n'), "{body}");
        assert!(body.contains(r#""event_type":"ON_NEW_THING""#));
        assert!(
            body.contains(r#""created_at":"2026-01-01T00:00:00Z""#),
            "{body}"
        );
    }

    #[test]
    fn ids_are_distinct_within_a_run_and_between_runs() {
        let mut seen = HashSet::new();
        for (now_ms, node) in [(NOW_MS, 1), (NOW_MS, 2), (NOW_MS + 60_000, 1)] {
            let mut next_id = flakes(now_ms, node);
            for _id in 0..50_000 {
                assert!(seen.insert(next_id()));
            }
        }
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (unix_ms, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_715_008_565_739, "2024-05-06T15:16:05Z"),
            (1_709_251_199_000, "2024-02-29T23:59:59Z"),
            (1_709_251_200_000, "2024-03-01T00:00:00Z"),
            (4_102_444_799_000, "2099-12-31T23:59:59Z"),
        ] {
            assert_eq!(utc(unix_ms), text);
        }
    }
}
