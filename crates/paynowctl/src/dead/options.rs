//! The options that select dead letters.

use clap::Args;
use paynow_desk::selection::{Filter, Selection};
use paynow_shared::event::EventType;
use paynow_shared::ids::{OrderId, WalletId};
use paynow_shared::reason::Reason;

use crate::arguments::message_id;

/// The arguments of a filter.
pub(super) const FILTERS: [&str; 6] = [
    "reason",
    "event_type",
    "wallet",
    "order",
    "since",
    "older_than",
];

/// Which dead letters an action is about: named ones, or all open ones that match.
#[derive(Debug, Args)]
pub(super) struct SelectionOptions {
    /// Numbers of open dead letters, or event ids
    #[arg(value_name = "LETTER", value_parser = message_id, conflicts_with_all = FILTERS)]
    letters: Vec<String>,
    #[command(flatten)]
    filter: FilterOptions,
}

/// Which dead letters match: all given conditions must hold.
#[derive(Debug, Args)]
pub(super) struct FilterOptions {
    /// Died for this reason: a code, as `dead list` shows it
    #[arg(long)]
    reason: Option<Reason>,
    /// Of this event type, such as `ON_ORDER_COMPLETED`
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<EventType>,
    /// About this wallet: the buyer's, a gift receiver's, or one that its order was credited to
    #[arg(long)]
    wallet: Option<WalletId>,
    /// About this order
    #[arg(long)]
    order: Option<OrderId>,
    /// Died at this time or later, such as 2026-11-24T08:00:00Z
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    since: Option<String>,
    /// Died at least this many seconds ago
    #[arg(long, value_name = "SECONDS")]
    older_than: Option<u32>,
}

impl SelectionOptions {
    pub(super) fn is_one_letter(&self) -> bool {
        self.letters.len() == 1
    }

    pub(super) fn selection(&self) -> Selection {
        match self.letters.as_slice() {
            [] => Selection::Matching(self.filter.filter()),
            names => Selection::Named(names.to_vec()),
        }
    }
}

impl FilterOptions {
    pub(super) fn filter(&self) -> Filter {
        Filter {
            reason: self.reason,
            event_type: self.event_type.clone(),
            wallet: self.wallet,
            order: self.order,
            since: self.since.clone(),
            older_than_seconds: self.older_than,
        }
    }
}

/// Checks the form of a time; the database checks that the day exists.
fn moment(text: &str) -> Result<String, String> {
    const SHAPE: &str = "dddd-dd-ddtdd:dd:dd";
    let shape: String = text
        .chars()
        .map(|character| match character {
            '0'..='9' => 'd',
            other => other.to_ascii_lowercase(),
        })
        .collect();
    let zone = shape
        .strip_prefix(SHAPE)
        .map(|rest| match rest.strip_prefix('.') {
            Some(fraction) if fraction.starts_with('d') => fraction.trim_start_matches('d'),
            Some(_) | None => rest,
        });
    match zone {
        Some("z" | "+dd:dd" | "-dd:dd") => Ok(text.to_owned()),
        Some(_) | None => Err("write a time like 2026-11-24T08:00:00Z".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_date_a_time_of_day_and_a_zone() {
        for text in [
            "2026-11-24T08:00:00Z",
            "2026-11-24t08:00:00.25z",
            "2026-11-24T08:00:00+01:00",
        ] {
            assert_eq!(moment(text).as_deref(), Ok(text));
        }
        for text in [
            "2026-11-24",
            "2026-11-24T08:00:00",
            "2026-11-24T08:00:00.Z",
            "",
        ] {
            assert!(moment(text).is_err(), "{text}");
        }
    }
}
