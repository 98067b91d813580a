//! Tables that several pages have.

use paynow_desk::actions::EventAction;
use paynow_desk::events::OrderEntry;
use paynow_desk::events::list::EventRow;
use paynow_desk::letters::LetterSummary;
use paynow_desk::refunds::OrderLine;

use crate::call::Call;
use crate::document::{Cell, Link, Part, Table, column, number_column};
use crate::text;

pub(super) fn events(caption: &str, events: &[EventRow], empty: &str) -> Table {
    let rows = events.iter().map(|event| {
        vec![
            Cell::id("/events", event.event_id),
            Cell::text(event.event_type.as_str()),
            Cell::text(event.outcome.as_str()),
            Cell::maybe_id("/orders", event.order_id),
            Cell::maybe_time(event.signed_at.as_deref()),
            Cell::time(&event.settled_at),
            Cell::count(event.attempts),
        ]
    });
    Table {
        caption: caption.to_owned(),
        columns: vec![
            column("Event"),
            column("Type"),
            column("Outcome"),
            column("Order"),
            column("Signed"),
            column("Applied"),
            number_column("Attempts"),
        ],
        rows: rows.collect(),
        empty: empty.to_owned(),
    }
}

pub(super) fn letters(letters: &[LetterSummary]) -> Table {
    let rows = letters.iter().map(|letter| {
        vec![
            Cell::id("/dead", letter.dead_letter_id),
            Cell::text(letter.state.as_str()),
            Cell::text(letter.reason.as_str()),
            Cell::time(&letter.last_dead_at),
            Cell::count(letter.deaths),
            Cell::text(letter.error.as_str()),
        ]
    });
    Table {
        caption: "Dead letters".to_owned(),
        columns: vec![
            column("Letter"),
            column("State"),
            column("Reason"),
            column("Last died"),
            number_column("Deaths"),
            column("Error"),
        ],
        rows: rows.collect(),
        empty: "none".to_owned(),
    }
}

pub(super) fn lines(lines: &[OrderLine]) -> Table {
    let rows = lines.iter().map(|line| {
        vec![
            Cell::text(line.line_id.to_string()),
            Cell::maybe_id("/products", line.product_id),
            Cell::Number(
                line.quantity
                    .map_or_else(|| "unknown".to_owned(), text::count),
            ),
            Cell::maybe_id("/wallets", line.wallet_id),
            line.points.map_or(Cell::Nothing, Cell::change),
            Cell::maybe(line.refunded_by.map(|id| id.to_string()).as_deref()),
        ]
    });
    Table {
        caption: "Lines of the order".to_owned(),
        columns: vec![
            column("Line"),
            column("Product"),
            number_column("Quantity"),
            column("Wallet"),
            number_column("Points"),
            column("Refunded by"),
        ],
        rows: rows.collect(),
        empty: "none recorded".to_owned(),
    }
}

pub(super) fn entries(entries: &[OrderEntry]) -> Table {
    let rows = entries.iter().map(|entry| {
        vec![
            Cell::text(entry.entry_key.as_str()),
            Cell::text(entry.kind.as_str()),
            Cell::id("/wallets", entry.wallet_id),
            Cell::maybe_id("/events", entry.event_id),
            Cell::change(entry.points),
            entry.wallet_balance.map_or(Cell::Nothing, Cell::balance),
            Cell::time(&entry.created_at),
        ]
    });
    Table {
        caption: "Ledger entries of the order".to_owned(),
        columns: vec![
            column("Entry"),
            column("Kind"),
            column("Wallet"),
            column("Event"),
            number_column("Points"),
            number_column("Wallet's balance now"),
            column("When"),
        ],
        rows: rows.collect(),
        empty: "none".to_owned(),
    }
}

pub(super) fn actions(actions: &[EventAction]) -> Table {
    let rows = actions.iter().map(|action| {
        vec![
            Cell::link(
                format!("/audit?about={}", action.action_id),
                action.action_id.to_string(),
            ),
            Cell::time(&action.acted_at),
            Cell::text(action.action.as_str()),
            Cell::text(action.operator.as_str()),
            Cell::text(action.why.as_str()),
        ]
    });
    Table {
        caption: "What operators did about it".to_owned(),
        columns: vec![
            column("Action"),
            column("When"),
            column("What"),
            column("Who"),
            column("Why"),
        ],
        rows: rows.collect(),
        empty: "nobody did anything yet".to_owned(),
    }
}

/// The way to the next page, if there is one.
pub(super) fn next_page(call: &Call, after: Option<String>) -> Option<Part> {
    let link = |after: String| Link::new(call.place_with("after", &after), "Next page");
    let first = call
        .query("after")
        .map(|_after| Link::new(call.place_with("after", ""), "First page"));
    let links: Vec<Link> = first.into_iter().chain(after.map(link)).collect();
    (!links.is_empty()).then(|| Part::Links {
        label: "Pages".to_owned(),
        links,
    })
}
