//! Random histories.

mod arrivals;
mod chargebacks;
mod orders;
mod refunds;

pub(crate) use orders::shares;

use std::collections::BTreeMap;

use fastrand::Rng;

use super::history::{
    Body, Event, History, Kind, Line, Meaning, Order, PartialRefunds, Price, Rule, Settings,
};

const FLAKE_EPOCH_MS: i64 = 1_645_568_542_000;
/// When the orders of all histories were paid.
const PAID_AT: i64 = 1_790_000_000_000;
const MINUTE: i64 = 60_000;

/// Products that gave these points, one that gave none, and one that nobody has set.
pub(crate) const PRODUCTS: [(i64, i64); 4] = [(40, 500), (41, 300), (42, 0), (43, 120)];
const UNKNOWN_PRODUCT: i64 = 49;

/// Gives ids that no other history of a run has.
#[derive(Debug)]
pub(crate) struct Ids {
    serial: i64,
    /// Added to the id of every product.
    pub(crate) products: i64,
}

impl Ids {
    pub(crate) fn from(serial: i64) -> Self {
        Self {
            serial,
            products: 600_000_000_000_000_000,
        }
    }

    /// An id that was made at this time.
    fn at(&mut self, time: i64) -> i64 {
        self.serial += 1;
        ((time - FLAKE_EPOCH_MS) << 22) | (self.serial & 0x3f_ffff)
    }

    fn product(&self, number: i64) -> i64 {
        self.products + number
    }
}

pub(crate) fn chance(random: &mut Rng, percent: u32) -> bool {
    random.u32(..100) < percent
}

pub(crate) fn one_of<T: Copy>(random: &mut Rng, values: &[T]) -> T {
    values[random.usize(..values.len())]
}

/// The settings that a shop has if it sets nothing.
pub(crate) fn default_settings() -> Settings {
    Settings {
        partial_refunds: PartialRefunds::ByLine,
        trials: Rule::Ignore,
        order_types: BTreeMap::new(),
        unknown_is_zero: false,
        asks_paynow: false,
    }
}

fn any_settings(random: &mut Rng, kind: Kind) -> Settings {
    let mut settings = default_settings();
    settings.asks_paynow = random.bool();
    if kind == Kind::Wild {
        use PartialRefunds::{ByLine, DeadLetter, Proportional};
        let modes = [
            ByLine,
            ByLine,
            ByLine,
            Proportional,
            Proportional,
            DeadLetter,
        ];
        settings.partial_refunds = one_of(random, &modes);
        settings.trials = one_of(random, &[Rule::Ignore, Rule::Credit, Rule::DeadLetter]);
        settings.unknown_is_zero = random.bool();
        for name in orders::KINDS.into_iter().flatten() {
            if chance(random, 20) {
                let rule = one_of(random, &[Rule::Ignore, Rule::Credit, Rule::DeadLetter]);
                settings.order_types.insert(orders::known(name), rule);
            }
        }
    }
    settings
}

/// One history, with settings of its own.
pub(crate) fn history(random: &mut Rng, ids: &mut Ids, kind: Kind) -> History {
    let settings = any_settings(random, kind);
    let prices = orders::prices(random, ids);
    history_of(random, ids, kind, (settings, prices))
}

/// One history of a shop with these settings and prices.
pub(crate) fn history_of(
    random: &mut Rng,
    ids: &mut Ids,
    kind: Kind,
    (settings, prices): (Settings, Vec<Price>),
) -> History {
    let order = orders::order(random, ids, kind);
    let mut history = History {
        kind,
        settings,
        prices,
        order,
        events: Vec::new(),
        arrivals: Vec::new(),
        meanings: Vec::new(),
        is_ambiguous: false,
        is_charged_back: false,
    };
    orders::tell(random, ids, &mut history);
    refunds::happen(random, ids, &mut history);
    chargebacks::happen(random, ids, &mut history);
    arrivals::shuffle(random, &mut history);
    history
}

fn event(ids: &mut Ids, time: i64, body: Body) -> Event {
    Event {
        id: ids.at(time),
        body,
    }
}
