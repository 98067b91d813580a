//! Which dead letters a list shows, and an action is about.

use chrono::SecondsFormat;
use paynow_desk::selection::Filter;

use crate::ask::{self, moment, parsed};
use crate::call::Call;
use crate::problem::Problem;

pub(crate) const QUERY: &[&str] = &[
    "reason", "type", "state", "wallet", "order", "since", "older", "after",
];

/// The conditions of an address or of the form of a preview.
pub(crate) fn filter(call: &Call) -> Result<Filter, Problem> {
    let time = moment(call, "since")?;
    Ok(Filter {
        reason: parsed(call, "reason")?,
        event_type: parsed(call, "type")?,
        wallet: parsed(call, "wallet")?,
        order: parsed(call, "order")?,
        since: time.map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true)),
        older_than_seconds: ask::span(call, "older")?,
    })
}
