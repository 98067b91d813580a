//! Wallets by balance, and one with its entries.

use paynow_desk::console::access::{Access, record};
use paynow_desk::console::letters::page as letters;
use paynow_desk::console::permit::{Permit, right::Look};
use paynow_desk::console::wallets::{PlacedEntry, entries};
use paynow_desk::error::DeskError;
use paynow_desk::events::list::{EventFilter, EventRow, list as events};
use paynow_desk::selection::{Filter, LetterState};
use paynow_desk::wallet::list::{WalletFilter, WalletRow, list};
use paynow_desk::wallet::{Wallet, wallet};
use paynow_shared::ids::WalletId;
use serde::Serialize;

use super::{corrections, player, tables};
use crate::answer::{Answer, Content, csv};
use crate::ask::{PAGE_ROWS, command, parsed, value};
use crate::call::Call;
use crate::console::Console;
use crate::document::{
    Cell, Document, Field, FieldKind, Form, Link, Part, Table, Tone, column, number_column,
};
use crate::problem::Problem;
use crate::text;
use crate::visit::Visit;

pub(crate) const QUERY: &[&str] = &["show", "min", "max", "after"];
/// The newest entries that an export has.
const EXPORTED: u32 = 10_000;
pub(crate) const QUERY_OF_ONE: &[&str] = &["kind", "after"];

pub(crate) fn page(console: &Console, visit: &Visit<'_, Permit<Look>>) -> Result<Answer, Problem> {
    let call = visit.call;
    let filter = match call.query("show") {
        None | Some("balances") => WalletFilter::Balances {
            min: parsed(call, "min")?.unwrap_or(i64::MIN),
            max: parsed(call, "max")?.unwrap_or(i64::MAX),
        },
        Some("debts") => WalletFilter::Debts,
        Some(_other) => {
            return Err(Problem::Invalid(
                "show must be balances or debts".to_owned(),
            ));
        }
    };
    let page = list(
        &visit.seat(console),
        filter,
        parsed(call, "after")?,
        PAGE_ROWS,
    )?;
    let place = |row: &WalletRow| format!("{}:{}", row.balance, row.wallet_id);
    let after = page.rows.last().map(place).filter(|_last| page.has_more);
    visit.reply(&page.rows, |rows| list_document(call, rows, after))
}

fn list_document(call: &Call, rows: &[WalletRow], after: Option<String>) -> Document {
    let title = match call.query("show") {
        Some("debts") => "Wallets in debt, the deepest first",
        Some(_) | None => "Wallets, the highest balance first",
    };
    let options = ["balances", "debts"].map(|it| (it.to_owned(), it.to_owned()));
    let show = Field::new("show", "Show", call.query("show").unwrap_or("balances"));
    let field = |name, label| {
        Field::new(name, label, call.query(name).unwrap_or_default()).kind(FieldKind::Number)
    };
    let form = Form::get("filter", "/wallets", "Filter")
        .field(show.kind(FieldKind::Select(options.into())))
        .field(field("min", "At least"))
        .field(field("max", "At most"));
    let cells = rows.iter().map(|row| {
        vec![
            Cell::id("/wallets", row.wallet_id),
            Cell::balance(row.balance),
            Cell::time(&row.updated_at),
        ]
    });
    let table = Table {
        caption: "Wallets".to_owned(),
        columns: vec![
            column("Wallet"),
            number_column("Balance"),
            column("Changed"),
        ],
        rows: cells.collect(),
        empty: "no wallet matches".to_owned(),
    };
    let start = match call.query("show") {
        Some("debts") => "wallet list --debts",
        Some(_) | None => "wallet list",
    };
    Document::new(title)
        .with(Part::Form(form))
        .with(Part::Table(table))
        .with_all(tables::next_page(call, after))
        .with(Part::command(command(
            call,
            start,
            &[
                ("min", "--min-balance"),
                ("max", "--max-balance"),
                ("after", "--after"),
            ],
        )))
}

#[derive(Serialize)]
struct WalletStory {
    #[serde(flatten)]
    wallet: Wallet,
    ledger_entries: Vec<PlacedEntry>,
    newest_events: Vec<EventRow>,
    /// Numbers of open dead letters about it.
    open_letters: Vec<String>,
    #[serde(skip)]
    after: Option<String>,
}

pub(crate) fn one(console: &Console, visit: &Visit<'_, Permit<Look>>) -> Result<Answer, Problem> {
    let call = visit.call;
    let id: WalletId = value("the wallet", call.parameter("wallet"))?;
    let database = visit.seat(console);
    let filter = Filter {
        wallet: Some(id),
        ..Filter::default()
    };
    let letters = letters(&database, &filter, Some(LetterState::Open), None, PAGE_ROWS)?;
    let of_wallet = EventFilter {
        wallet: Some(id),
        ..EventFilter::default()
    };
    let page = entries(
        &database,
        id,
        call.query("kind"),
        parsed(call, "after")?,
        PAGE_ROWS,
    )?;
    let last = page.rows.last().map(|row| row.entry_id.to_string());
    let numbers = letters
        .rows
        .iter()
        .map(|letter| letter.summary.dead_letter_id);
    let known = match wallet(&database, id) {
        Err(DeskError::NotFound(_)) if !call.wants_json() => {
            return visit.missing(&nothing_yet(visit, id, letters.rows.len()));
        }
        known => known?,
    };
    let story = WalletStory {
        wallet: known,
        newest_events: events(&database, &of_wallet, 20)?.rows,
        open_letters: numbers.map(|number| number.to_string()).collect(),
        after: last.filter(|_last| page.has_more),
        ledger_entries: page.rows,
    };
    visit.reply(&story, |story| document(visit, story))
}

/// Of a player who was never given points, dead letters may say why.
fn nothing_yet<P>(visit: &Visit<'_, P>, id: WalletId, letters: usize) -> Document {
    let letters = u64::try_from(letters).unwrap_or(u64::MAX);
    let (tone, found) = match letters {
        0 => (Tone::Plain, "No open dead letter names it.".to_owned()),
        some => {
            let named = text::counted(
                some,
                "open dead letter names it",
                "open dead letters name it",
            );
            (Tone::Warning, format!("{named}: they say why."))
        }
    };
    let links = vec![
        Link::new(format!("/dead?wallet={id}&state=all"), "Its dead letters"),
        Link::new(format!("/events?wallet={id}"), "All events of its orders"),
    ];
    Document::new(format!("Wallet {id}: nothing was credited to it yet"))
        .under("/wallets", "Wallets")
        .with(Part::notice(tone, found))
        .with(Part::Links {
            label: "More".to_owned(),
            links,
        })
        .with(Part::Form(corrections::form_for(visit, id.get())))
}

fn document<P>(visit: &Visit<'_, P>, story: &WalletStory) -> Document {
    let wallet = &story.wallet;
    let id = wallet.wallet_id;
    let debt = match wallet.in_debt {
        true => " in debt",
        false => "",
    };
    let letters = story.open_letters.iter();
    let letters = letters.map(|id| Link::new(format!("/dead/{id}"), id.as_str()));
    let facts = vec![
        ("Balance", Cell::balance(wallet.balance)),
        ("Entries", Cell::count(wallet.entries)),
        ("Changed", Cell::time(&wallet.updated_at)),
        ("Open dead letters about it", Cell::Links(letters.collect())),
    ];
    let newest = text::count(EXPORTED);
    let export = Link::new(
        format!("/wallets/{id}/export"),
        format!("Export the entries as CSV, the newest {newest} at most"),
    );
    let all = Link::new(format!("/events?wallet={id}"), "All events of its orders");
    let actions = Link::new(format!("/audit?about={id}"), "What operators did about it");
    let player = player::link(visit, id);
    Document::new(format!(
        "Wallet {id}: {} points{debt}",
        text::count(wallet.balance)
    ))
    .under("/wallets", "Wallets")
    .with(Part::facts("The wallet", facts))
    .with(Part::Links {
        label: "More".to_owned(),
        links: player.into_iter().chain([export, all, actions]).collect(),
    })
    .with(Part::Table(entries_table(&story.ledger_entries)))
    .with_all(tables::next_page(visit.call, story.after.clone()))
    .with(Part::Table(tables::events(
        "Newest events of its orders",
        &story.newest_events,
        "none",
    )))
    .with(Part::Form(corrections::form_for(visit, id)))
    .with(Part::command(format!("paynowctl wallet history {id}")))
}

fn entries_table(entries: &[PlacedEntry]) -> Table {
    let rows = entries.iter().map(|placed| {
        let entry = &placed.entry;
        vec![
            Cell::text(entry.entry_key.as_str()),
            Cell::text(entry.kind.as_str()),
            Cell::maybe_id("/orders", entry.order_id),
            Cell::maybe_id("/events", entry.event_id),
            Cell::change(entry.points),
            Cell::Number(sum(&entry.balance_after)),
            Cell::time(&entry.created_at),
        ]
    });
    Table {
        caption: "Ledger entries, newest first".to_owned(),
        columns: vec![
            column("Entry"),
            column("Kind"),
            column("Order"),
            column("Event"),
            number_column("Points"),
            number_column("Balance after"),
            column("When"),
        ],
        rows: rows.collect(),
        empty: "none".to_owned(),
    }
}

/// A sum of points, which may be longer than those of one entry.
fn sum(points: &str) -> String {
    let number = points.parse::<i128>();
    number.map_or_else(|_longer| points.to_owned(), text::count)
}

/// The newest entries, for a program that calculates.
pub(crate) fn export(
    console: &Console,
    visit: &Visit<'_, Permit<Look>>,
) -> Result<Answer, Problem> {
    let id: WalletId = value("the wallet", visit.call.parameter("wallet"))?;
    let page = entries(&visit.seat(console), id, None, None, EXPORTED)?;
    record(
        &console.database,
        visit.session,
        Access::Export,
        &format!("wallet {id}"),
    )?;
    let text = |id: Option<i64>| id.map(|id| id.to_string()).unwrap_or_default();
    let rows: Vec<Vec<String>> = page
        .rows
        .iter()
        .map(|placed| {
            let entry = &placed.entry;
            vec![
                entry.created_at.clone(),
                entry.entry_key.clone(),
                entry.kind.clone(),
                text(entry.order_id),
                text(entry.event_id),
                entry.points.to_string(),
                entry.balance_after.clone(),
            ]
        })
        .collect();
    let header = [
        "created_at",
        "entry_key",
        "kind",
        "order_id",
        "event_id",
        "points",
        "balance_after",
    ];
    let name = format!("wallet-{id}.csv");
    let content = Content::Csv {
        name,
        text: csv(&header, &rows),
    };
    Ok(Answer::new(actix_web::http::StatusCode::OK, content))
}
