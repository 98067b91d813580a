//! Settled events, and the story of one.

use paynow_desk::console::permit::{Permit, right::Look};
use paynow_desk::events::list::{EventFilter, Outcome, list, outcomes};
use paynow_desk::events::{Story, story};
use paynow_desk::refunds::RefundStory;
use paynow_desk::waiting::Waiting;

use super::tables;
use crate::answer::Answer;
use crate::ask::{PAGE_ROWS, command, moment, parsed};
use crate::call::Call;
use crate::console::Console;
use crate::document::{Cell, Document, Field, Form, Part, Table, Tone, column};
use crate::problem::Problem;
use crate::text;
use crate::visit::Visit;

pub(crate) const QUERY: &[&str] = &["type", "outcome", "wallet", "order", "since", "after"];

pub(crate) fn page(console: &Console, visit: &Visit<'_, Permit<Look>>) -> Result<Answer, Problem> {
    let call = visit.call;
    let filter = EventFilter {
        event_type: parsed(call, "type")?,
        outcome: outcome(call)?,
        wallet: parsed(call, "wallet")?,
        order: parsed(call, "order")?,
        since_ms: moment(call, "since")?.map(|time| time.timestamp_millis()),
        after: parsed(call, "after")?,
    };
    let page = list(&visit.seat(console), &filter, PAGE_ROWS)?;
    let last = page.rows.last().map(|row| row.event_id.to_string());
    let after = last.filter(|_last| page.has_more);
    visit.reply(&page.rows, |rows| {
        Document::new("Events that were applied, newest first")
            .with(Part::Form(filter_form(call)))
            .with(Part::Table(tables::events(
                "Events",
                rows,
                "no event matches",
            )))
            .with_all(tables::next_page(call, after))
            .with(Part::command(command(
                call,
                "events list",
                &[
                    ("type", "--type"),
                    ("outcome", "--outcome"),
                    ("wallet", "--wallet"),
                    ("order", "--order"),
                    ("since", "--since"),
                    ("after", "--after"),
                ],
            )))
    })
}

fn outcome(call: &Call) -> Result<Option<Outcome>, Problem> {
    let Some(code) = call.query("outcome") else {
        return Ok(None);
    };
    let found = outcomes().find(|outcome| outcome.code() == code);
    let problem = || Problem::Invalid(format!("there is no outcome {code:?}"));
    found.map(Some).ok_or_else(problem)
}

fn filter_form(call: &Call) -> Form {
    let field = |name, label| Field::new(name, label, call.query(name).unwrap_or_default());
    let codes = outcomes().map(|outcome| outcome.code().to_owned());
    Form::get("filter", "/events", "Filter")
        .field(field("type", "Event type"))
        .field(field("outcome", "Outcome").choice("any", codes))
        .field(field("wallet", "Wallet"))
        .field(field("order", "Order"))
        .field(field("since", "Made since").hint("a date, today, 30m, 2h"))
}

pub(crate) fn one(console: &Console, visit: &Visit<'_, Permit<Look>>) -> Result<Answer, Problem> {
    let story = story(&visit.seat(console), visit.call.parameter("event"))?;
    visit.reply(&story, document)
}

fn document(story: &Story) -> Document {
    let outcome = story.settled.outcome.as_deref().unwrap_or("not applied");
    Document::new(format!("Event {}: {outcome}", story.event_id))
        .under("/events", "Events")
        .with(Part::facts("The event", facts(story)))
        .with_all(story.waiting.as_ref().map(waiting))
        .with(Part::Table(moments(story)))
        .with_all(story.refund.as_ref().map(refund))
        .with(Part::Table(tables::lines(&story.lines)))
        .with(Part::Table(tables::entries(&story.entries)))
        .with(Part::Table(tables::letters(&story.dead_letters)))
        .with(Part::Table(tables::actions(&story.operator_actions)))
        .with(Part::command(format!(
            "paynowctl events show {}",
            story.event_id
        )))
}

fn facts(story: &Story) -> Vec<(&'static str, Cell)> {
    let settled = &story.settled;
    let attempts = settled.attempts.map(text::count);
    vec![
        ("Type", Cell::maybe(settled.event_type.as_deref())),
        ("Outcome", Cell::maybe(settled.outcome.as_deref())),
        ("Order", Cell::maybe_id("/orders", settled.order_id)),
        ("Signed", Cell::maybe_time(settled.signed_at.as_deref())),
        ("Signed with", Cell::maybe(settled.secret_id.as_deref())),
        ("Received", Cell::maybe_time(settled.received_at.as_deref())),
        ("Applied", Cell::maybe_time(settled.settled_at.as_deref())),
        ("Attempts", Cell::maybe(attempts.as_deref())),
    ]
}

fn waiting(waiting: &Waiting) -> Part {
    let late = match waiting.is_overdue {
        true => " That time is over: it is back in the queue, or its row was left behind.",
        false => "",
    };
    let text = format!(
        "It waits since {} for attempt {} at {}, because of {}: {}.{late}",
        waiting.since,
        i64::from(waiting.attempt) + 1,
        waiting.next_at,
        waiting.reason,
        waiting.error
    );
    Part::notice(Tone::Warning, text)
}

fn moments(story: &Story) -> Table {
    let rows = story.moments.iter();
    let rows = rows.map(|moment| vec![Cell::time(&moment.at), Cell::text(moment.what.as_str())]);
    Table {
        caption: "What happened, oldest first".to_owned(),
        columns: vec![column("When"), column("What")],
        rows: rows.collect(),
        empty: "nothing is recorded".to_owned(),
    }
}

fn refund(refund: &RefundStory) -> Part {
    let amount = |minor: Option<i64>| Cell::maybe(minor.map(text::count).as_deref());
    let points = refund.points.map_or(Cell::Nothing, Cell::change);
    let rows = vec![
        ("Refund", Cell::text(refund.refund_id.to_string())),
        (
            "To the buyer, minor units",
            amount(refund.buyer_amount_minor),
        ),
        (
            "From the store, minor units",
            amount(refund.store_amount_minor),
        ),
        (
            "What it was for",
            Cell::maybe(refund.attribution.as_deref()),
        ),
        (
            "Known from",
            Cell::maybe(refund.attribution_source.as_deref()),
        ),
        (
            "Line",
            Cell::maybe(refund.line_id.map(|id| id.to_string()).as_deref()),
        ),
        ("Wallet", Cell::maybe_id("/wallets", refund.wallet_id)),
        ("Points", points),
        ("Decided by", Cell::maybe(refund.decided_by.as_deref())),
    ];
    Part::facts("The refund", rows)
}
