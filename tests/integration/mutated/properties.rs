//! Properties and headers that no receiver of ours would set.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, DecimalValue, FieldArray, FieldTable};
use paynow_shared::wire::header;

use crate::harness::{SECRET, signed_headers};

/// A header of this size just fits into one frame with all the other properties.
const HEADER_BYTES_MAX: usize = 130_800;
const NAMES: [&str; 10] = [
    header::RECEIVED_AT_MS,
    header::SIGNED_AT_MS,
    header::SECRET_ID,
    header::SIGNATURE,
    header::REPLAY,
    header::ATTEMPT,
    header::REASON,
    header::ERROR,
    "x-delivery-count",
    "x-first-death-reason",
];
const TEXTS: [&[u8]; 9] = [
    b"",
    b"malformed",
    b"order_unknown",
    b"no such code",
    b"a\0b",
    b"\0",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"'; DROP TABLE dead_letters; --",
];
const NUMBERS: [i64; 10] = [
    i64::MIN,
    i64::MIN + 1,
    -1,
    0,
    1,
    1_767_225_600_000,
    253_402_300_799_999,
    253_402_300_800_000,
    i64::MAX - 1,
    i64::MAX,
];

/// Most have the signature of the body, because a worker reads no body without it.
pub(super) fn any(random: &mut fastrand::Rng, body: &[u8]) -> BasicProperties {
    match random.u8(..10) {
        // The management page sends a message like this.
        0 => return BasicProperties::default(),
        1 => return of_greatest_size(random),
        _most => {}
    }
    let mut table = FieldTable::default();
    for name in NAMES {
        if random.bool() {
            table.insert(name.into(), value(random));
        }
    }
    if random.u8(..10) > 0 {
        let signed = signed_headers(SECRET, body);
        let time = signed.signed_at_ms.map(AMQPValue::LongLongInt);
        let signature = signed.signature.map(|it| AMQPValue::LongString(it.into()));
        table.insert(header::SIGNED_AT_MS.into(), time.unwrap_or(AMQPValue::Void));
        table.insert(
            header::SIGNATURE.into(),
            signature.unwrap_or(AMQPValue::Void),
        );
    }
    let mut properties = BasicProperties::default().with_headers(table);
    if random.bool() {
        properties = properties.with_message_id(short_text(random).as_str().into());
    }
    if random.bool() {
        properties = properties.with_type(short_text(random).as_str().into());
    }
    if random.bool() {
        properties = properties
            .with_timestamp(random.u64(..))
            .with_priority(random.u8(..))
            .with_delivery_mode(random.u8(1..3))
            .with_content_encoding(short_text(random).as_str().into())
            .with_correlation_id(short_text(random).as_str().into());
    }
    properties
}

/// One header of the greatest size that a frame can hold.
fn of_greatest_size(random: &mut fastrand::Rng) -> BasicProperties {
    let name = [header::SECRET_ID, header::ERROR, header::REASON][random.usize(..3)];
    let character = ["x", "\u{17b}", "\0"][random.usize(..3)];
    let text = character.repeat(HEADER_BYTES_MAX / character.len());
    let mut table = FieldTable::default();
    table.insert(name.into(), AMQPValue::LongString(text.into()));
    BasicProperties::default().with_headers(table)
}

fn short_text(random: &mut fastrand::Rng) -> String {
    match random.u8(..5) {
        0 => String::new(),
        1 => "9".repeat(255),
        2 => "a\0b".to_owned(),
        3 => "\u{17b}".repeat(100),
        _rest => random.i64(..).to_string(),
    }
}

fn value(random: &mut fastrand::Rng) -> AMQPValue {
    let text = TEXTS[random.usize(..TEXTS.len())];
    let number = NUMBERS[random.usize(..NUMBERS.len())];
    match random.u8(..16) {
        0 => AMQPValue::Boolean(random.bool()),
        1 => AMQPValue::ShortShortInt(random.i8(..)),
        2 => AMQPValue::ShortInt(random.i16(..)),
        3 => AMQPValue::LongInt(random.i32(..)),
        4 => AMQPValue::LongUInt([0, 1, 2, 7, u32::MAX - 1, u32::MAX][random.usize(..6)]),
        // The broker itself refuses a float that is not a number.
        5 => AMQPValue::Float([f32::MAX, -0.5][random.usize(..2)]),
        6 => AMQPValue::Double([f64::MAX, -1e300][random.usize(..2)]),
        7 => AMQPValue::DecimalValue(DecimalValue {
            scale: random.u8(..),
            value: random.u32(..),
        }),
        8 => AMQPValue::Timestamp(random.u64(..)),
        9 => AMQPValue::Void,
        10 => AMQPValue::FieldTable(FieldTable::default()),
        11 => AMQPValue::FieldArray(FieldArray::default()),
        12 => AMQPValue::ByteArray(text.to_vec().into()),
        13 | 14 => AMQPValue::LongLongInt(number),
        _rest => AMQPValue::LongString(text.to_vec().into()),
    }
}
