//! `orders show`: everything about one order.

use clap::Subcommand;
use paynow_desk::orders::{OrderPayment, OrderStory, OrderWallet, Reversal, order};
use paynow_shared::ids::OrderId;

use crate::config::Config;
use crate::failure::Failure;
use crate::output::{self, Column, Format, Row, number, or_dash, text};

#[derive(Debug, Subcommand)]
pub(crate) enum OrdersCommand {
    /// Shows an order: its lines and what they gave to whom, refunds, chargebacks, payments, what waits on the
    /// retry ladder, dead letters, wallets
    Show {
        /// PayNow's id of the order
        order: OrderId,
        #[command(flatten)]
        format: Format,
    },
}

impl Row for Reversal {
    const COLUMNS: &'static [Column<Self>] = &[
        text("what", |it| it.kind.replace('_', " ")),
        text("refund or payment", |it| it.reference_id.to_string()),
        number("amount", |it| or_dash(it.amount_minor)),
        text("was for", |it| or_dash(it.attribution.as_ref())),
        text("line", |it| or_dash(it.line_id)),
        text("event", |it| it.event_id.to_string()),
        text("recorded at", |it| it.recorded_at.clone()),
    ];
}

impl Row for OrderPayment {
    const COLUMNS: &'static [Column<Self>] = &[
        text("payment", |it| it.payment_id.to_string()),
        text("named by event", |it| it.event_id.to_string()),
        text("its type", |it| or_dash(it.event_type.as_ref())),
    ];
}

impl Row for OrderWallet {
    const COLUMNS: &'static [Column<Self>] = &[
        text("wallet", |it| it.wallet_id.to_string()),
        number("given", |it| it.given.to_string()),
        number("taken back", |it| it.taken_back.to_string()),
        number("balance now", |it| or_dash(it.balance)),
    ];
}

pub(crate) fn run(command: &OrdersCommand, config: &Config) -> Result<(), Failure> {
    let OrdersCommand::Show { order: id, format } = command;
    let story = order(&config.database()?, *id)?;
    if format.json {
        return output::json(&story);
    }
    print_facts(&story)?;
    output::titled_table("lines, amounts in minor units", &story.lines)?;
    output::titled_table("wallets", &story.wallets)?;
    output::titled_table(
        "refunds and chargebacks, amounts in minor units",
        &story.reversals,
    )?;
    output::titled_table("on the retry ladder", &story.waiting)?;
    output::titled_table("payments", &story.payments)?;
    output::titled_table("ledger entries", &story.entries)?;
    output::titled_table("events", &story.events)?;
    output::titled_table("dead letters", &story.dead_letters)?;
    output::titled_table("operator actions", &story.operator_actions)
}

fn print_facts(story: &OrderStory) -> Result<(), Failure> {
    let id = ("order", story.order_id.to_string());
    let Some(order) = &story.order else {
        return output::facts(&[id, ("state", state_text(story).to_owned())]);
    };
    let amount = |minor: Option<i64>| match (minor, &order.currency) {
        (Some(minor), Some(currency)) => format!("{minor} {currency} in minor units"),
        (minor, _currency) => or_dash(minor),
    };
    output::facts(&[
        id,
        ("type", or_dash(order.order_type.as_ref())),
        ("bought by wallet", or_dash(order.buyer_wallet_id)),
        ("total", amount(order.total_amount_minor)),
        ("of it gift cards", amount(order.giftcard_amount_minor)),
        ("completed at", or_dash(order.completed_at.as_ref())),
        ("recorded at", order.recorded_at.clone()),
        ("told by event", order.event_id.to_string()),
    ])
}

/// Why an order is shown that was not applied.
fn state_text(story: &OrderStory) -> &'static str {
    match (story.dead_letters.is_empty(), story.waiting.is_empty()) {
        (false, true) => "not applied: see its dead letters",
        (true, false) => "not applied yet: see what waits on the retry ladder",
        (false, false) => "not applied: see its dead letters, and what waits on the retry ladder",
        (true, true) => "not applied: only its payment was told",
    }
}
