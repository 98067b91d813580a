//! `events show`: the story of one event.

mod list;

use std::error::Error;

use clap::Subcommand;
use paynow_desk::actions::EventAction;
use paynow_desk::error::{DeskError, in_one_line};
use paynow_desk::events::{Moment, OrderEntry, Story, story, story_beside_queues};
use paynow_desk::letters::LetterSummary;
use paynow_desk::refunds::{OrderLine, RefundStory};
use paynow_desk::waiting::WaitingStep;

use self::list::{ListOptions, next_text};
use crate::arguments::message_id;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::{self, Column, Format, Row, number, or_dash, text};

#[derive(Debug, Subcommand)]
pub(crate) enum EventsCommand {
    /// Lists settled events, newest first, or those on the retry ladder
    List(ListOptions),
    /// Shows one event's story, from its arrival to the balances
    Show {
        /// The event id, or the SHA-256 under which an unreadable event is kept
        #[arg(value_parser = message_id)]
        event: String,
        #[command(flatten)]
        format: Format,
    },
}

impl Row for OrderEntry {
    const COLUMNS: &'static [Column<Self>] = &[
        text("key", |it| it.entry_key.clone()),
        number("points", |it| it.points.to_string()),
        text("wallet", |it| it.wallet_id.to_string()),
        number("its balance now", |it| or_dash(it.wallet_balance)),
        text("reported by event", |it| or_dash(it.event_id)),
    ];
}

impl Row for OrderLine {
    const COLUMNS: &'static [Column<Self>] = &[
        text("line", |it| it.line_id.to_string()),
        text("product", |it| or_dash(it.product_id)),
        number("quantity", |it| or_dash(it.quantity)),
        number("total", |it| or_dash(it.total_amount_minor)),
        number("tax", |it| or_dash(it.tax_amount_minor)),
        number("gift cards", |it| or_dash(it.giftcard_amount_minor)),
        text("wallet", |it| or_dash(it.wallet_id)),
        number("points", |it| or_dash(it.points)),
        text("refunded by", |it| or_dash(it.refunded_by)),
    ];
}

impl Row for LetterSummary {
    const COLUMNS: &'static [Column<Self>] = &[
        number("id", |it| it.dead_letter_id.to_string()),
        text("state", state_text),
        text("reason", |it| it.reason.clone()),
        number("deaths", |it| it.deaths.to_string()),
        text("last dead at", |it| it.last_dead_at.clone()),
        text("error", |it| it.error.clone()),
    ];
}

impl Row for EventAction {
    const COLUMNS: &'static [Column<Self>] = &[
        number("id", |it| it.action_id.to_string()),
        text("action", |it| it.action.clone()),
        text("by", |it| it.operator.clone()),
        text("login", |it| or_dash(it.login.as_ref())),
        text("at", |it| it.acted_at.clone()),
        text("why", |it| it.why.clone()),
    ];
}

impl Row for WaitingStep {
    const COLUMNS: &'static [Column<Self>] = &[
        number("after attempt", |it| it.attempt.to_string()),
        number("rung", |it| format!("{}s", it.rung_seconds)),
        text("reason", |it| it.reason.clone()),
        number("times", |it| it.times.to_string()),
        text("first at", |it| it.first_at.clone()),
        text("last at", |it| it.last_at.clone()),
        text("error", |it| it.error.clone()),
    ];
}

impl Row for Moment {
    const COLUMNS: &'static [Column<Self>] = &[
        text("at", |it| it.at.clone()),
        text("what", |it| it.what.clone()),
    ];
}

pub(crate) fn run(command: &EventsCommand, config: &Config) -> Result<(), Failure> {
    match command {
        EventsCommand::List(options) => list::run(options, config),
        EventsCommand::Show { event, format } => show(event, *format, config),
    }
}

fn show(event: &str, format: Format, config: &Config) -> Result<(), Failure> {
    let story = match story(&config.database()?, event) {
        Ok(story) => story,
        Err(DeskError::NotFound(what)) => in_queues(event, &what, config)?,
        Err(error) => return Err(error.into()),
    };
    if format.json {
        return output::json(&story);
    }
    print_event(&story)?;
    output::titled_table("what happened", &story.moments)?;
    output::titled_table("waits on the retry ladder", &story.waiting_steps)?;
    output::titled_table("lines of the order, amounts in minor units", &story.lines)?;
    output::titled_table("ledger entries of the order", &story.entries)?;
    output::titled_table("dead letters", &story.dead_letters)?;
    output::titled_table("operator actions", &story.operator_actions)
}

const ARRIVAL: [&str; 3] = ["signed with", "signed at", "received at"];

/// Looks beside the database, where the broker can be asked; why it cannot is no failure of this command.
fn in_queues(event: &str, what: &str, config: &Config) -> Result<Story, Failure> {
    let unknown = |why: &dyn Error| {
        let why = in_one_line(why);
        DeskError::NotFound(format!("{what}; how many events wait is unknown: {why}"))
    };
    let broker = config.whole_broker().map_err(|error| unknown(&error))?;
    match story_beside_queues(&config.database()?, event, &broker) {
        Ok(story) => Ok(story),
        Err(DeskError::Management(error)) => Err(unknown(&error).into()),
        Err(error) => Err(error.into()),
    }
}

fn print_event(story: &Story) -> Result<(), Failure> {
    let (settled, letter) = (&story.settled, story.dead_letters.first());
    let arrival = match (&settled.outcome, letter) {
        (None, Some(letter)) => [&letter.secret_id, &letter.signed_at, &letter.received_at],
        _settled => [&settled.secret_id, &settled.signed_at, &settled.received_at],
    };
    let [secret_id, signed_at, received_at] = arrival.map(|text| or_dash(text.as_ref()));
    let outcome = settled.outcome.as_deref();
    let mut facts = vec![
        ("event", story.event_id.clone()),
        ("type", or_dash(settled.event_type.as_ref())),
        ("outcome", outcome_text(story)),
        ("order", or_dash(settled.order_id)),
        ("signed with", secret_id),
        ("signed at", signed_at),
        ("received at", received_at),
        ("settled at", or_dash(settled.settled_at.as_ref())),
        ("attempts", or_dash(settled.attempts)),
    ];
    if outcome.is_none() {
        facts.retain(|(name, _value)| !["order", "settled at", "attempts"].contains(name));
    }
    if let Some(waiting) = &story.waiting {
        // Only a settled event and a dead letter have a record of their arrival.
        facts.retain(|(name, value)| value != "-" || !ARRIVAL.contains(name));
        facts.extend([
            ("names order", or_dash(waiting.order_id)),
            ("waits on rung", format!("{} s", waiting.rung_seconds)),
            (
                "because of",
                format!("{}: {}", waiting.reason, waiting.error),
            ),
            ("waits since", waiting.since.clone()),
            ("failed attempts", waiting.attempt.to_string()),
            ("next attempt at", next_text(waiting)),
        ]);
    }
    if let Some(refund) = &story.refund {
        facts.extend([
            ("refund", refund.refund_id.to_string()),
            ("amount", or_dash(refund.buyer_amount_minor)),
            ("store amount", or_dash(refund.store_amount_minor)),
            ("was for", attribution_text(refund)),
            ("known by", source_text(refund)),
        ]);
    }
    output::facts(&facts)
}

fn outcome_text(story: &Story) -> String {
    let letter = story.dead_letters.last();
    match (&story.settled.outcome, &story.waiting, letter) {
        (Some(outcome), _, _) => outcome.clone(),
        (None, Some(_), _) => "none yet: it waits on the retry ladder".to_owned(),
        (None, None, Some(letter)) if letter.state == "open" => {
            "none: it is a dead letter".to_owned()
        }
        (None, None, Some(letter)) => format!("none: it is a dead letter, {}", letter.state),
        (None, None, None) => "none".to_owned(),
    }
}

/// What a refund was for; a code that this version does not know stays a code.
fn attribution_text(refund: &RefundStory) -> String {
    match refund.attribution.as_deref() {
        Some("everything") => "everything that was charged and was not back yet".to_owned(),
        Some("line") => format!("line {}", or_dash(refund.line_id)),
        Some("points") => format!(
            "{} points of wallet {}",
            or_dash(refund.points),
            or_dash(refund.wallet_id)
        ),
        None | Some("proportional") => "a share of the order's total".to_owned(),
        Some(newer) => newer.to_owned(),
    }
}

fn source_text(refund: &RefundStory) -> String {
    match refund.attribution_source.as_deref() {
        Some("amounts") => "the amounts of the refund".to_owned(),
        Some("paynow") => "PayNow's API".to_owned(),
        Some("operator") => format!(
            "operator action {} of {}",
            or_dash(refund.action_id),
            or_dash(refund.decided_by.as_ref())
        ),
        None => "the rule of version 0.1".to_owned(),
        Some(newer) => newer.to_owned(),
    }
}

fn state_text(letter: &LetterSummary) -> String {
    match &letter.resolution {
        Some(code) => format!("{}: {}", letter.state, resolution_text(code)),
        None => letter.state.clone(),
    }
}

/// Why a dead letter is resolved; a code that this version does not know stays a code.
pub(crate) fn resolution_text(code: &str) -> &str {
    match code {
        "applied_by_another_copy" => "its event was applied by another copy of the message",
        "applied_after_replay" => "its event was applied after a replay",
        newer => newer,
    }
}
