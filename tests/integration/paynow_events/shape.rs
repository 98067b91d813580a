//! The field-description language of the body tables, and the one builder that reads it.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::texts::METADATA;
use super::{Completeness, Ids};

/// A body or a nested object: groups of fields, so that tables share groups instead of copies.
pub(super) type Table = &'static [&'static [Field]];

/// One field of a table.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// Whether the wallet flow needs this field, so that it is never null and never absent.
    pub(super) keep: bool,
}

/// The kind of value of a field.
pub(super) enum Shape {
    /// A random flake id, different from every other in the envelope.
    Id,
    /// An id that must agree with the same id elsewhere in the envelope.
    Known(Known),
    Text(&'static [&'static str]),
    /// Text from a rich editor, now and then very long.
    Html(&'static [&'static str]),
    /// An amount of money in minor units.
    Minor,
    /// From one up to and including the bound.
    Count(i64),
    Bool,
    Date,
    /// A map from string to string.
    Map,
    Object(Table),
    /// An object that may be null even in a complete body.
    MaybeObject(Table),
    /// From so many up to and including so many objects.
    List(Table, usize, usize),
}

/// One of the ids that occur more than once.
#[derive(Clone, Copy)]
pub(super) enum Known {
    Body,
    Store,
    Order,
    Customer,
    Product,
    Version,
    Checkout,
}

/// A field that survives [`Completeness::Sparse`].
pub(super) const fn keep(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        shape,
        keep: true,
    }
}

/// A field that [`Completeness::Sparse`] may null or drop.
pub(super) const fn opt(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        shape,
        keep: false,
    }
}

/// First millisecond of 2026-11-01: recent, yet fixed, so that a seed repeats on any day.
const WINDOW_START_MS: i64 = 1_793_491_200_000;
const WINDOW_MS: i64 = 20 * 24 * 60 * 60 * 1000;
/// `PayNow`'s flake layout: milliseconds since this instant, 10 bits of node, 12 bits of increment.
const FLAKE_EPOCH_MS: i64 = 1_645_568_542_000;
const NODES: i64 = 1 << 10;
const INCREMENTS: i64 = 1 << 12;
/// Increments below this one belong to [`Ids::random`].
const FIRST_INCREMENT: i64 = 16;
/// The deepest nesting is order, line, product, tag. A table that contains itself fails here.
const DEPTH_MAX: usize = 8;
/// A description of this many repeats has some tens of kilobytes, like a pasted web page.
const REPEATS_MAX: usize = 400;

/// A flake id with a recent time part. Callers keep `increment` distinct to keep ids distinct.
pub(super) fn flake(rng: &mut Rng, increment: i64) -> i64 {
    assert!((0..INCREMENTS).contains(&increment), "{increment}");
    let time_ms = WINDOW_START_MS + rng.i64(0..WINDOW_MS) - FLAKE_EPOCH_MS;
    (time_ms << 22) | (rng.i64(0..NODES) << 12) | increment
}

/// Fills tables with random values.
pub(super) struct Builder<'a> {
    ids: &'a Ids,
    completeness: Completeness,
    rng: &'a mut Rng,
    next_increment: i64,
    depth: usize,
    version_id: i64,
    checkout_id: i64,
}

impl<'a> Builder<'a> {
    pub(super) fn new(ids: &'a Ids, completeness: Completeness, rng: &'a mut Rng) -> Self {
        let version_id = flake(rng, FIRST_INCREMENT);
        let checkout_id = flake(rng, FIRST_INCREMENT + 1);
        Self {
            ids,
            completeness,
            rng,
            next_increment: FIRST_INCREMENT + 2,
            depth: 0,
            version_id,
            checkout_id,
        }
    }

    /// Puts a body into its envelope.
    pub(super) fn wrap(mut self, event_type: &str, body: Value) -> Value {
        let mut map = Map::new();
        map.insert("event_type".to_owned(), event_type.into());
        map.insert("event_id".to_owned(), self.ids.event_id.to_string().into());
        map.insert("body".to_owned(), body);
        self.sprinkle(&mut map);
        Value::Object(map)
    }

    pub(super) fn object(&mut self, table: Table) -> Value {
        assert!(self.depth < DEPTH_MAX, "a table contains itself");
        self.depth += 1;
        let mut map = Map::new();
        for field in table.iter().copied().flatten() {
            if let Some(value) = self.field(field) {
                let earlier = map.insert(field.name.to_owned(), value);
                assert!(earlier.is_none(), "two fields named {}", field.name);
            }
        }
        self.sprinkle(&mut map);
        self.depth -= 1;
        Value::Object(map)
    }

    /// Half of the optional fields stay, a quarter is null, a quarter is gone.
    fn field(&mut self, field: &Field) -> Option<Value> {
        if field.keep || self.completeness == Completeness::Full {
            return Some(self.value(&field.shape));
        }
        match self.rng.u8(0..4) {
            0 => None,
            1 => Some(Value::Null),
            _ => Some(self.value(&field.shape)),
        }
    }

    fn value(&mut self, shape: &Shape) -> Value {
        match shape {
            Shape::Id => self.fresh_id().to_string().into(),
            Shape::Known(known) => self.known(*known).to_string().into(),
            Shape::Text(pool) => self.pick(pool).into(),
            Shape::Html(pool) => self.html(pool).into(),
            Shape::Minor => self.minor().into(),
            Shape::Count(bound) => self.rng.i64(1..=*bound).into(),
            Shape::Bool => self.rng.bool().into(),
            Shape::Date => self.date().into(),
            Shape::Map => self.metadata(),
            Shape::Object(table) => self.object(table),
            Shape::MaybeObject(table) if self.rng.bool() => self.object(table),
            Shape::MaybeObject(_) => Value::Null,
            Shape::List(table, least, most) => self.list(table, *least, *most),
        }
    }

    fn list(&mut self, table: Table, least: usize, most: usize) -> Value {
        // A complete body has no empty list: an empty one would hide the fields of its items.
        let least = match self.completeness {
            Completeness::Full => least.max(1),
            Completeness::Sparse => least,
        };
        let count = self.rng.usize(least..=most);
        (0..count).map(|_| self.object(table)).collect()
    }

    fn fresh_id(&mut self) -> i64 {
        let increment = self.next_increment;
        self.next_increment += 1;
        flake(self.rng, increment)
    }

    fn known(&self, known: Known) -> i64 {
        match known {
            Known::Body => self.ids.body_id,
            Known::Store => self.ids.store_id,
            Known::Order => self.ids.order_id,
            Known::Customer => self.ids.customer_id,
            Known::Product => self.ids.product_id,
            Known::Version => self.version_id,
            Known::Checkout => self.checkout_id,
        }
    }

    fn pick(&mut self, pool: &[&'static str]) -> &'static str {
        pool[self.rng.usize(..pool.len())]
    }

    fn html(&mut self, pool: &[&'static str]) -> String {
        let text = self.pick(pool);
        match self.rng.u8(0..12) {
            0 => text.repeat(self.rng.usize(1..=REPEATS_MAX)),
            _ => text.to_owned(),
        }
    }

    /// Free orders are real, and some currencies pass 32 bits.
    fn minor(&mut self) -> i64 {
        match self.rng.u8(0..8) {
            0 => 0,
            1 => self.rng.i64(2_200_000_000..9_000_000_000),
            _ => self.rng.i64(1..100_000),
        }
    }

    /// Any RFC 3339 form, because neither fraction digits nor the offset are promised.
    fn date(&mut self) -> String {
        let (month, day) = (self.rng.u8(1..=11), self.rng.u8(1..=28));
        let (hour, minute, second) = (self.rng.u8(..24), self.rng.u8(..60), self.rng.u8(..60));
        let tail = self.pick(&["Z", "Z", ".482Z", ".4820417Z", "+00:00", ".5+02:00"]);
        format!("2026-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{tail}")
    }

    fn metadata(&mut self) -> Value {
        let mut map = Map::new();
        for (key, value) in METADATA {
            if self.rng.bool() {
                map.insert((*key).to_owned(), (*value).into());
            }
        }
        Value::Object(map)
    }

    /// Adds, to about a quarter of all objects, a field that no table knows.
    fn sprinkle(&mut self, map: &mut Map<String, Value>) {
        if self.rng.u8(0..4) > 0 {
            return;
        }
        let name = self.pick(&[
            "x_beta",
            "_links",
            "affiliateCode",
            "pretty_id",
            "próba",
            "",
        ]);
        let value = match self.rng.u8(0..6) {
            0 => Value::Null,
            1 => json!(u64::MAX),
            2 => json!(0.1),
            3 => json!([1, "two", null, {"three": 3}]),
            4 => json!({"id": "not-a-flake", "self": {"href": "/x?y=\"z\"&v=1"}}),
            _ => json!("\u{1f9ea} ünknown"),
        };
        let known = map.insert(name.to_owned(), value);
        assert!(known.is_none(), "{name} is a field of a table");
    }
}
