//! The report at the end of `send`.

use std::borrow::Cow;
use std::time::Duration;

use paynow_shared::wire::Label;
use serde_json::{Value, json};

use super::reversal::Undo;
use super::run::Tally;
use super::sample::Sample;
use crate::failure::Failure;
use crate::output::{self, Format};

/// An event that was posted, with its order unless the body came from a file.
pub(super) struct SentEvent<'a> {
    event_id: String,
    event_type: Option<Cow<'a, str>>,
    /// Of the order that it is about.
    order_id: Option<i64>,
    wallet_id: Option<i64>,
    /// What was ordered.
    sample: Option<&'a Sample>,
    accepted: bool,
}

impl<'a> SentEvent<'a> {
    pub(super) fn of_file(label: Label) -> Self {
        Self {
            event_id: label.message_id,
            event_type: label.event_type.map(|it| it.to_string().into()),
            order_id: None,
            wallet_id: None,
            sample: None,
            accepted: false,
        }
    }

    pub(super) fn of_order(event_type: &'a str, sample: &'a Sample) -> Self {
        Self {
            event_id: sample.event_id.to_string(),
            event_type: Some(event_type.into()),
            order_id: Some(sample.order_id),
            wallet_id: Some(sample.wallet_id),
            sample: Some(sample),
            accepted: false,
        }
    }

    pub(super) fn of_reversal(undo: &Undo) -> Self {
        Self {
            event_id: undo.event_id.to_string(),
            event_type: Some(undo.event_type().into()),
            order_id: Some(undo.sale.order_id),
            wallet_id: undo.sale.wallet_id,
            sample: None,
            accepted: false,
        }
    }

    fn row(&self) -> Value {
        let id = |of: fn(&Sample) -> i64| self.sample.map(|sample| of(sample).to_string());
        json!({
            "event_id": self.event_id,
            "event_type": self.event_type,
            "order_id": self.order_id.map(|id| id.to_string()),
            "line_id": id(|sample| sample.line_id),
            "wallet_id": self.wallet_id.map(|id| id.to_string()),
            "product_id": id(|sample| sample.bought.product.get()),
            "quantity": self.sample.map(|sample| sample.quantity),
            "accepted": self.accepted,
        })
    }
}

pub(super) struct Report<'a> {
    posts: usize,
    seconds: f64,
    tally: Tally,
    events: Vec<SentEvent<'a>>,
}

impl<'a> Report<'a> {
    pub(super) fn new(
        (posts, took): (usize, Duration),
        mut tally: Tally,
        mut events: Vec<SentEvent<'a>>,
        accepted: &[bool],
    ) -> Self {
        tally.latencies.sort_unstable();
        for (event, accepted) in events.iter_mut().zip(accepted) {
            event.accepted = *accepted;
        }
        Self {
            posts,
            seconds: took.as_secs_f64(),
            tally,
            events,
        }
    }

    pub(super) fn all_accepted(&self) -> bool {
        self.tally.accepted == self.posts
    }

    fn not_tried(&self) -> usize {
        let refused: usize = self.tally.refused.values().sum();
        self.posts.saturating_sub(self.tally.accepted + refused)
    }

    fn per_second(&self) -> f64 {
        self.tally.accepted as f64 / self.seconds.max(f64::EPSILON)
    }

    /// The latency in milliseconds that `percent` of the accepted posts did not exceed.
    fn latency_ms(&self, percent: usize) -> Option<f64> {
        let last = self.tally.latencies.len().checked_sub(1)?;
        let latency = self.tally.latencies.get(last * percent / 100)?;
        Some(rounded(latency.as_secs_f64() * 1000.0))
    }

    pub(super) fn print(&self, format: Format) -> Result<(), Failure> {
        if format.json {
            output::json(&self.document())
        } else {
            self.print_facts()
        }
    }

    fn document(&self) -> Value {
        json!({
            "posts": self.posts,
            "accepted": self.tally.accepted,
            "refused": self.tally.refused,
            "retried": self.tally.retried,
            "given_up": self.tally.given_up,
            "not_tried": self.not_tried(),
            "seconds": rounded(self.seconds),
            "accepted_per_second": rounded(self.per_second()),
            "latency_ms": {
                "p50": self.latency_ms(50),
                "p99": self.latency_ms(99),
                "max": self.latency_ms(100),
            },
            "events": self.events.iter().map(SentEvent::row).collect::<Vec<Value>>(),
        })
    }

    fn print_facts(&self) -> Result<(), Failure> {
        let tally = &self.tally;
        let mut facts = vec![("accepted", format!("{} of {}", tally.accepted, self.posts))];
        for (code, count) in &tally.refused {
            facts.push(("refused", format!("{count} with {code}")));
        }
        for (name, count) in [
            ("tried again", tally.retried),
            ("given up", tally.given_up),
            ("not tried", self.not_tried()),
        ] {
            if count > 0 {
                facts.push((name, count.to_string()));
            }
        }
        facts.push((
            "time",
            format!(
                "{:.1} s, {:.0} accepted per second",
                self.seconds,
                self.per_second()
            ),
        ));
        if let (Some(half), Some(most), Some(all)) = (
            self.latency_ms(50),
            self.latency_ms(99),
            self.latency_ms(100),
        ) {
            let text = format!("half within {half} ms, 99 % within {most} ms, all within {all} ms");
            facts.push(("latency", text));
        }
        let ids = |event: &SentEvent<'_>| event.event_id.clone();
        facts.push(("events", range(self.events.iter().map(ids))));
        for (name, of) in [
            (
                "orders",
                (|event| event.order_id) as fn(&SentEvent<'_>) -> Option<i64>,
            ),
            ("wallets", |event| event.wallet_id),
        ] {
            let ids = self.events.iter().filter_map(of);
            if let (Some(first), Some(last)) = (ids.clone().min(), ids.max()) {
                facts.push((name, range([first.to_string(), last.to_string()])));
            }
        }
        output::facts(&facts)
    }
}

/// "first to last", or the only id.
fn range(ids: impl IntoIterator<Item = String>) -> String {
    let mut ids = ids.into_iter();
    let first = ids.next().unwrap_or_default();
    match ids.last() {
        Some(last) if last != first => format!("{first} to {last}"),
        Some(_) | None => first,
    }
}

/// Rounds to two decimals.
fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
