//! Bodies that PayNow would not send: mutated ones, and noise.

use serde_json::{Value, json};

use crate::harness::{Order, flake};
use crate::reversals::{chargeback, refund};

pub(super) const POINTS: i64 = 600_000_000_000_000_040;
/// One unit gives the highest number of points.
pub(super) const DEAR: i64 = 600_000_000_000_000_041;
const UNKNOWN: i64 = 600_000_000_000_000_099;

/// Marks the place of a value in a body, until the text is written.
const PLACE: &str = "@value@";
/// JSON of all kinds, and texts that only resemble it.
const VALUES: [&str; 44] = [
    "null",
    "true",
    "{}",
    "[]",
    "[null]",
    "\"\"",
    "0",
    "-0",
    "-1",
    "1",
    "1.0",
    "0.5",
    "1e3",
    "1e19",
    "1e400",
    "-1e400",
    "NaN",
    "Infinity",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "170141183460469231731687303715884105728",
    "\"0\"",
    "\"-1\"",
    "\"+1\"",
    "\"01\"",
    "\" 1\"",
    "\"1.0\"",
    "\"9223372036854775807\"",
    "\"9223372036854775808\"",
    "\"18446744073709551615\"",
    "\"\u{663}\"",
    "\"\\u0000\"",
    "\"a\\u0000b\"",
    "\"US\\u0000\"",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "\"\u{202e}\u{feff}\"",
    "\"\u{0}\"",
    "\"\\\"},{\\\"id\\\":\\\"1\\\"\"",
    "\"'; DROP TABLE wallets; --\"",
];

/// Ids that many messages share, so that they contradict each other.
pub(super) struct Pool {
    orders: Vec<Order>,
    references: Vec<i64>,
}

impl Pool {
    pub(super) fn of(random: &mut fastrand::Rng) -> Self {
        let wallets: Vec<i64> = (0..20).map(|_| flake()).collect();
        let mut any_wallet = || wallets[random.usize(..wallets.len())];
        let order = |number: i64, buyer: i64, friend: i64| {
            let product = [POINTS, POINTS, POINTS, DEAR, UNKNOWN][(number % 5) as usize];
            let order = Order::of(product, buyer);
            match number % 3 {
                0 => order.line(POINTS, 2, Some(friend)),
                _plain => order,
            }
        };
        Self {
            orders: (0..60)
                .map(|number| order(number, any_wallet(), any_wallet()))
                .collect(),
            references: (0..60).map(|_| flake()).collect(),
        }
    }

    fn order(&self, random: &mut fastrand::Rng) -> Order {
        let order = &self.orders[random.usize(..self.orders.len())];
        match random.u8(..10) {
            0 => order.clone(),
            // This order has the lines of one order and the id of another.
            1 => Order {
                event_id: flake(),
                order_id: self.orders[random.usize(..self.orders.len())].order_id,
                ..order.clone()
            },
            2 => order.retold().line(POINTS, 1, None),
            _most => order.retold(),
        }
    }

    /// A body as PayNow would send it, of the four types that move points.
    fn body(&self, random: &mut fastrand::Rng) -> Vec<u8> {
        let order = self.order(random);
        let reference = self.references[random.usize(..self.references.len())];
        match random.u8(..8) {
            0 => refund(&order, reference, random.i64(..)),
            1 => refund(&order, reference, random.i64(0..1200)),
            2 => chargeback(&order, reference, None),
            3 => chargeback(&order, reference, Some("won")),
            4 => chargeback(&order, reference, Some("lost")),
            _most => order.body(),
        }
    }
}

pub(super) fn mutated(pool: &Pool, random: &mut fastrand::Rng) -> Vec<u8> {
    match random.u8(..20) {
        0 => noise(random),
        1 => event_of_another_type(random),
        2 => pool.body(random),
        3 | 4 => damaged(pool.body(random), random),
        _most => changed(&pool.body(random), random),
    }
}

/// A body that is no event.
fn noise(random: &mut fastrand::Rng) -> Vec<u8> {
    // Makes each a letter of its own, except the empty ones.
    let serial = random.u64(..).to_string();
    match random.u8(..9) {
        0 => Vec::new(),
        1 => b" \n".to_vec(),
        2 => b"\0\0\0".to_vec(),
        3 => (0..random.usize(1..300)).map(|_| random.u8(..)).collect(),
        4 => "[".repeat(random.usize(1..100_000)).into_bytes(),
        5 => format!("{}{serial}{}", "{\"a\":".repeat(5000), "}".repeat(5000)).into_bytes(),
        6 => format!("\u{feff}{{\"event_id\":\"{serial}\"}}").into_bytes(),
        7 => format!("[{serial}]").into_bytes(),
        _rest => serial.into_bytes(),
    }
}

/// An event that the ledger ignores. Its type and its body may be anything.
fn event_of_another_type(random: &mut fastrand::Rng) -> Vec<u8> {
    let event_type = match random.u8(..6) {
        0 => "A".repeat(100),
        1 => "A".repeat(101),
        2 => "A".repeat(70_000),
        3 => "on_order_completed".to_owned(),
        4 => "ON_NEW.#\\u0000".to_owned(),
        _rest => "ON_NEW_THING".to_owned(),
    };
    let value = VALUES[random.usize(..VALUES.len())];
    let id = flake();
    format!(r#"{{"event_type":"{event_type}","event_id":"{id}","body":{value}}}"#).into_bytes()
}

/// Replaces, repeats or removes one to three values.
fn changed(body: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut event: Value = serde_json::from_slice(body).expect("PayNow sends JSON");
    for _ in 0..random.u8(1..4) {
        let mut places = Vec::new();
        collect_places(&event, "", &mut places);
        let place = &places[random.usize(..places.len())];
        change(&mut event, place, random);
    }
    let mut text = event.to_string();
    while text.contains(PLACE) {
        text = text.replacen(&format!("\"{PLACE}\""), &value(random), 1);
    }
    if random.u8(..12) == 0 {
        let key = ["event_id", "event_type", "id", "order_id", "lines", "body"][random.usize(..6)];
        let doubled = format!("\"{key}\":{},\"{key}\":", value(random));
        text = text.replacen(&format!("\"{key}\":"), &doubled, 1);
    }
    text.into_bytes()
}

fn value(random: &mut fastrand::Rng) -> String {
    match random.u8(..20) {
        0 => format!("\"{}\"", "x".repeat(random.usize(1..200_000))),
        1 => format!("{}{}", "[".repeat(200), "]".repeat(200)),
        2 => random.i64(..).to_string(),
        3 => format!("\"{}\"", random.i64(1..)),
        4 => format!("{{\"id\":{}}}", VALUES[random.usize(..VALUES.len())]),
        _most => VALUES[random.usize(..VALUES.len())].to_owned(),
    }
}

/// Collects every place of a document as a JSON pointer.
fn collect_places(value: &Value, here: &str, places: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let place = format!("{here}/{name}");
                collect_places(value, &place, places);
                places.push(place);
            }
        }
        Value::Array(members) => {
            for (index, member) in members.iter().enumerate() {
                let place = format!("{here}/{index}");
                collect_places(member, &place, places);
                places.push(place);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn change(event: &mut Value, place: &str, random: &mut fastrand::Rng) {
    let is_taken_away = random.u8(..6) == 0;
    let (parent, name) = place.rsplit_once('/').expect("a pointer has a slash");
    match event.pointer_mut(parent) {
        Some(Value::Object(fields)) if is_taken_away => {
            fields.remove(name);
        }
        Some(Value::Array(members)) if is_taken_away => members.clear(),
        Some(Value::Array(members)) if random.bool() => {
            let again = members.first().cloned().unwrap_or_default();
            members.push(again);
        }
        Some(_parent) => {
            if let Some(value) = event.pointer_mut(place) {
                *value = json!(PLACE);
            }
        }
        None => {}
    }
}

/// Damages the text: cuts it off, changes a byte, or inserts bytes.
fn damaged(mut body: Vec<u8>, random: &mut fastrand::Rng) -> Vec<u8> {
    let at = random.usize(..body.len());
    match random.u8(..4) {
        0 => body.truncate(at),
        1 => body[at] = random.u8(..),
        2 => body.insert(at, 0xff),
        _rest => {
            let tail = body.split_off(at);
            body.extend_from_slice(b"\xed\xa0\x80\0");
            body.extend(tail);
        }
    }
    body
}
