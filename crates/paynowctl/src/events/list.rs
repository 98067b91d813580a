//! `events list`: settled events, or those that wait on the retry ladder.

use chrono::{DateTime, Utc};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use paynow_desk::database::Database;
use paynow_desk::events::list::{EventFilter, EventRow, ORDERS_MAX, Outcome, list, outcomes};
use paynow_desk::waiting::{self, Waiting};
use paynow_shared::event::EventType;
use paynow_shared::ids::{EventId, OrderId, WalletId};

use crate::arguments::{PageSize, moment, recorded_type};
use crate::config::Config;
use crate::failure::Failure;
use crate::output::{self, Column, Format, Row, number, or_dash, text};

#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    /// Of this type, such as `ON_ORDER_COMPLETED`: one of `PayNow`'s, or one that was recorded
    #[arg(long = "type", value_name = "TYPE", value_parser = recorded_type)]
    event_type: Option<EventType>,
    /// With this outcome
    #[arg(long, value_parser = outcome())]
    outcome: Option<Outcome>,
    /// About the orders that this wallet was credited for
    #[arg(long)]
    wallet: Option<WalletId>,
    /// About this order
    #[arg(long)]
    order: Option<OrderId>,
    /// PayNow made it at this time or later, such as 2026-11-24T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<DateTime<Utc>>,
    /// Older than this event: the last one of the page before
    #[arg(long, value_name = "EVENT")]
    after: Option<EventId>,
    /// List the events that wait on the retry ladder instead, the longest wait first
    #[arg(long, conflicts_with_all = ["event_type", "outcome", "wallet", "order", "since", "after"])]
    waiting: bool,
    #[command(flatten)]
    size: PageSize,
    #[command(flatten)]
    format: Format,
}

fn outcome() -> impl TypedValueParser<Value = Outcome> {
    PossibleValuesParser::new(outcomes().map(Outcome::code)).try_map(|code| {
        let outcome = outcomes().find(|outcome| outcome.code() == code);
        outcome.ok_or("there is no such outcome")
    })
}

impl Row for EventRow {
    const COLUMNS: &'static [Column<Self>] = &[
        text("event", |it| it.event_id.to_string()),
        text("type", |it| it.event_type.clone()),
        text("outcome", |it| it.outcome.clone()),
        text("order", |it| or_dash(it.order_id)),
        text("signed at", |it| or_dash(it.signed_at.as_ref())),
        text("settled at", |it| it.settled_at.clone()),
        number("attempts", |it| it.attempts.to_string()),
    ];
}

impl Row for Waiting {
    const COLUMNS: &'static [Column<Self>] = &[
        text("event", |it| it.event_id.clone()),
        text("type", |it| or_dash(it.event_type.as_ref())),
        text("order", |it| or_dash(it.order_id)),
        text("reason", |it| it.reason.clone()),
        number("attempt", |it| it.attempt.to_string()),
        number("rung", |it| format!("{}s", it.rung_seconds)),
        text("since", |it| it.since.clone()),
        text("next at", next_text),
        text("error", |it| it.error.clone()),
    ];
}

/// When it is tried again; a time that is over says what that means.
pub(super) fn next_text(waiting: &Waiting) -> String {
    if waiting.is_overdue {
        format!(
            "{}, which is over: it is back in the queue, or this record was left behind",
            waiting.next_at
        )
    } else {
        waiting.next_at.clone()
    }
}

pub(super) fn run(options: &ListOptions, config: &Config) -> Result<(), Failure> {
    let database = config.database()?;
    if options.waiting {
        return on_ladder(&database, options);
    }
    let filter = EventFilter {
        event_type: options.event_type.clone(),
        outcome: options.outcome,
        wallet: options.wallet,
        order: options.order,
        since_ms: options.since.map(|time| time.timestamp_millis()),
        after: options.after,
    };
    let page = list(&database, &filter, options.size.limit)?;
    let place = |event: &EventRow| event.event_id.to_string();
    output::page(&page, options.format, "settled event", place)?;
    match options.wallet {
        Some(_) if !options.format.json => output::line(&format!(
            "of the newest {ORDERS_MAX} orders of the wallet; dead letters are in `dead list --wallet`"
        )),
        Some(_) | None => Ok(()),
    }
}

fn on_ladder(database: &Database, options: &ListOptions) -> Result<(), Failure> {
    let rows = waiting::list(database, options.size.limit)?;
    match rows.is_empty() && !options.format.json {
        true => output::line("no event is recorded on the retry ladder"),
        false => output::list(&rows, options.format),
    }
}
