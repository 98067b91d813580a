//! The options that select dead letters.

use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use paynow_desk::selection::{Filter, Selection};
use paynow_shared::event::EventType;
use paynow_shared::ids::{OrderId, WalletId};
use paynow_shared::reason::Reason;

use crate::arguments::{age_seconds, event_type, message_id, moment, reason};

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
    #[arg(long, value_parser = reason(), hide_possible_values = true)]
    reason: Option<Reason>,
    /// Of this event type, such as `ON_ORDER_COMPLETED`
    #[arg(
        long = "type",
        value_name = "TYPE",
        value_parser = event_type(),
        ignore_case = true,
        hide_possible_values = true
    )]
    event_type: Option<EventType>,
    /// About this wallet: the buyer's, a gift receiver's, or one that its order was credited to
    #[arg(long)]
    wallet: Option<WalletId>,
    /// About this order
    #[arg(long)]
    order: Option<OrderId>,
    /// Died then or later: 2026-11-24T08:00:00Z, a date, today, yesterday, or 30m, 2h, 3d ago
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<DateTime<Utc>>,
    /// Died at least so long ago: 90s, 30m, 2h, 1d, or seconds without a unit
    #[arg(long, value_name = "DURATION", value_parser = age_seconds)]
    older_than: Option<u32>,
}

impl SelectionOptions {
    pub(super) fn is_one_letter(&self) -> bool {
        self.letters.len() == 1
    }

    /// Whether so many letters were chosen by a filter: then a preview may have chosen others.
    pub(super) fn is_choice_of(&self, letters: usize) -> bool {
        self.letters.is_empty() && letters > 1
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
            since: self
                .since
                .map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true)),
            older_than_seconds: self.older_than,
        }
    }
}
