//! One order's history: what happened at `PayNow`, and the events that tell of it in the order in which
//! they arrive. Times are Unix milliseconds.

use std::collections::BTreeMap;

/// What the shop has set.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) partial_refunds: PartialRefunds,
    pub(crate) trials: Rule,
    /// The kinds of order that have another rule than their default.
    pub(crate) order_types: BTreeMap<&'static str, Rule>,
    /// Whether a product without points counts as 0 points.
    pub(crate) unknown_is_zero: bool,
    pub(crate) asks_paynow: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PartialRefunds {
    ByLine,
    Proportional,
    DeadLetter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    Credit,
    Ignore,
    DeadLetter,
}

/// The points of a product from a time on; no points from its removal on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Price {
    pub(crate) product: i64,
    pub(crate) valid_from: Option<i64>,
    pub(crate) points: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) id: i64,
    pub(crate) buyer: i64,
    pub(crate) kind: Option<&'static str>,
    pub(crate) status: Option<&'static str>,
    pub(crate) currency: &'static str,
    pub(crate) total: i64,
    pub(crate) giftcards: i64,
    pub(crate) completed_at: Option<i64>,
    pub(crate) tax_inclusive: bool,
    pub(crate) lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) id: i64,
    pub(crate) product: i64,
    pub(crate) quantity: i64,
    pub(crate) gift_to: Option<i64>,
    /// With tax.
    pub(crate) total: i64,
    pub(crate) tax: i64,
    pub(crate) giftcards: Option<i64>,
    pub(crate) is_trial: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refund {
    pub(crate) id: i64,
    pub(crate) order_id: i64,
    pub(crate) payment_id: i64,
    pub(crate) currency: &'static str,
    pub(crate) buyer_amount: Option<i64>,
    pub(crate) store_amount: Option<i64>,
    pub(crate) status: &'static str,
}

/// A chargeback that was opened, won or lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) payment_id: i64,
    pub(crate) order_id: i64,
    pub(crate) at: Option<i64>,
    pub(crate) event_type: &'static str,
    pub(crate) chargeback_status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    Order(Order),
    Refund(Refund),
    Chargeback(Step),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: i64,
    pub(crate) body: Body,
}

/// What a refund was truly for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    Line(i64),
    /// All lines that earlier refunds left.
    Rest,
}

/// What `PayNow` or a person says a refund was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Line(i64),
    Everything,
    Points {
        wallet: i64,
        points: i64,
    },
    /// `PayNow` does not know the refund.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    PayNow,
    Person,
}

/// What became of one delivery of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// Recorded, with the outcome of `webhook_events`.
    Applied(&'static str),
    /// The same event again.
    Repeated,
    Deferred,
    /// `PayNow` has to be asked first.
    Asked,
    /// A dead letter, with its reason.
    Refused(&'static str),
}

/// Whether a history says enough to know the truth whatever the order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// All is as it can be at `PayNow`. Every balance must end at the truth.
    Sound,
    /// Anything may be told. Only the rules say what is right.
    Wild,
}

#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) kind: Kind,
    pub(crate) settings: Settings,
    pub(crate) prices: Vec<Price>,
    /// The order as it really was.
    pub(crate) order: Order,
    /// The event of the order, as far as there is one.
    pub(crate) events: Vec<Event>,
    /// Which event arrives when.
    pub(crate) arrivals: Vec<usize>,
    /// What each refund was for, in the order in which they happened.
    pub(crate) meanings: Vec<(i64, Meaning)>,
    /// Whether all the rest was refunded with an amount that one line has too, read in another way.
    pub(crate) is_ambiguous: bool,
    /// Whether a chargeback holds the points in the end.
    pub(crate) is_charged_back: bool,
}

impl Verdict {
    /// What the histories must have shown, or they do not test enough.
    pub(crate) const ALL: [Self; 16] = [
        Self::Applied("credited"),
        Self::Applied("already_credited"),
        Self::Applied("ignored"),
        Self::Applied("reversed"),
        Self::Applied("restored"),
        Self::Applied("noted"),
        Self::Repeated,
        Self::Deferred,
        Self::Asked,
        Self::Refused("conflict"),
        Self::Refused("currency_mismatch"),
        Self::Refused("order_not_completed"),
        Self::Refused("order_type"),
        Self::Refused("partial_refund"),
        Self::Refused("unknown_product"),
        Self::Refused("refund_not_completed"),
    ];
}

impl History {
    /// The events in the order in which they arrive.
    pub(crate) fn deliveries(&self) -> impl Iterator<Item = &Event> {
        self.arrivals.iter().map(|index| &self.events[*index])
    }
}

impl Line {
    pub(crate) fn wallet(&self, order: &Order) -> i64 {
        self.gift_to.unwrap_or(order.buyer)
    }
}
