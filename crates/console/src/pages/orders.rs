//! All of one order.

use paynow_desk::console::permit::{Permit, right::Look};
use paynow_desk::orders::{OrderFacts, OrderStory, order};

use super::tables;
use crate::answer::Answer;
use crate::ask::value;
use crate::console::Console;
use crate::document::{Cell, Document, Part, Table, Tone, column, number_column};
use crate::problem::Problem;
use crate::text;
use crate::visit::Visit;

pub(crate) fn page(console: &Console, visit: &Visit<'_, Permit<Look>>) -> Result<Answer, Problem> {
    let id = value("the order", visit.call.parameter("order"))?;
    let story = order(&visit.seat(console), id)?;
    visit.reply(&story, document)
}

fn document(story: &OrderStory) -> Document {
    let id = story.order_id;
    let facts = match &story.order {
        Some(order) => Part::facts("The order", facts(order)),
        None => Part::notice(
            Tone::Warning,
            "No event of the order itself was applied: only what is below is known.",
        ),
    };
    Document::new(format!("Order {id}"))
        .under("/events", "Events")
        .with(facts)
        .with(Part::Table(wallets(story)))
        .with(Part::Table(tables::lines(&story.lines)))
        .with(Part::Table(reversals(story)))
        .with(Part::Table(tables::entries(&story.entries)))
        .with(Part::Table(tables::events(
            "Events that told of it",
            &story.events,
            "none",
        )))
        .with(Part::Table(tables::letters(&story.dead_letters)))
        .with(Part::Table(tables::actions(&story.operator_actions)))
        .with(Part::command(format!("paynowctl orders show {id}")))
}

fn facts(order: &OrderFacts) -> Vec<(&'static str, Cell)> {
    let amount = |minor: Option<i64>| Cell::maybe(minor.map(text::count).as_deref());
    vec![
        ("Event", Cell::id("/events", order.event_id)),
        (
            "Buyer's wallet",
            Cell::maybe_id("/wallets", order.buyer_wallet_id),
        ),
        ("Type", Cell::maybe(order.order_type.as_deref())),
        ("Total, minor units", amount(order.total_amount_minor)),
        (
            "By gift card, minor units",
            amount(order.giftcard_amount_minor),
        ),
        ("Currency", Cell::maybe(order.currency.as_deref())),
        (
            "Store",
            Cell::maybe(order.store_id.map(|id| id.to_string()).as_deref()),
        ),
        ("Completed", Cell::maybe_time(order.completed_at.as_deref())),
        ("Recorded", Cell::time(&order.recorded_at)),
    ]
}

fn wallets(story: &OrderStory) -> Table {
    let rows = story.wallets.iter().map(|wallet| {
        let left = wallet.given.saturating_sub(wallet.taken_back);
        vec![
            Cell::id("/wallets", wallet.wallet_id),
            Cell::count(wallet.given),
            Cell::count(wallet.taken_back),
            Cell::count(left),
            wallet.balance.map_or(Cell::Nothing, Cell::balance),
        ]
    });
    Table {
        caption: "What it gave to whom".to_owned(),
        columns: vec![
            column("Wallet"),
            number_column("Given"),
            number_column("Taken back"),
            number_column("Left"),
            number_column("Balance now"),
        ],
        rows: rows.collect(),
        empty: "it gave nothing to anybody".to_owned(),
    }
}

fn reversals(story: &OrderStory) -> Table {
    let rows = story.reversals.iter().map(|reversal| {
        let amount = reversal
            .amount_minor
            .map_or_else(|| "unknown".to_owned(), text::count);
        vec![
            Cell::time(&reversal.recorded_at),
            Cell::text(reversal.kind.as_str()),
            Cell::text(reversal.reference_id.to_string()),
            Cell::id("/events", reversal.event_id),
            Cell::Number(amount),
            Cell::maybe(reversal.attribution.as_deref()),
            Cell::maybe(reversal.line_id.map(|id| id.to_string()).as_deref()),
        ]
    });
    Table {
        caption: "Refunds and chargebacks, in order".to_owned(),
        columns: vec![
            column("Recorded"),
            column("Kind"),
            column("Refund or payment"),
            column("Event"),
            number_column("Amount, minor units"),
            column("What it was for"),
            column("Line"),
        ],
        rows: rows.collect(),
        empty: "none".to_owned(),
    }
}
