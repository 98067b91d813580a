//! Dead letters: by reason with what is at stake, and one by one.

use paynow_desk::console::letters::{ListedLetter, count, groups, page as letters};
use paynow_desk::console::permit::{Permit, right::Look};
use paynow_desk::list::ReasonGroup;
use paynow_desk::selection::{Filter, LetterState};
use paynow_shared::reason::Reason;
use serde::Serialize;

use super::filter::{QUERY, filter};
use super::{choose, tables};
use crate::answer::Answer;
use crate::ask::{PAGE_ROWS, command, parsed};
use crate::call::Call;
use crate::console::Console;
use crate::document::{Cell, Document, Field, Form, Link, Part, Table, column, number_column};
use crate::problem::Problem;
use crate::reasons::advice;
use crate::text;
use crate::visit::Visit;

/// The state that stands for all of them.
const EVERY: &str = "all";
/// So many letters are counted: to count very many takes longer than the page may.
const COUNTED_MAX: u32 = 10_000;

#[derive(Serialize)]
struct Letters {
    groups: Vec<ReasonGroup>,
    /// So long ago they were added up; absent while that takes long for the first time.
    groups_age_seconds: Option<u64>,
    letters: Vec<ListedLetter>,
    /// How many match, as far as they are counted.
    matching: i64,
    #[serde(skip)]
    after: Option<String>,
}

pub(crate) fn page(console: &Console, visit: &Visit<'_, Permit<Look>>) -> Result<Answer, Problem> {
    let filter = filter(visit.call)?;
    let state = state(visit.call)?;
    let database = visit.seat(console);
    let after = parsed(visit.call, "after")?;
    let page = letters(&database, &filter, state, after, PAGE_ROWS)?;
    let last = page
        .rows
        .last()
        .map(|row| row.summary.dead_letter_id.to_string());
    let counted = console.groups.get(state.map(LetterState::code), || {
        groups(&database, &Filter::default(), state)
    })?;
    let found = Letters {
        groups_age_seconds: counted.as_ref().map(|counted| counted.age.as_secs()),
        groups: counted.map(|counted| counted.answer).unwrap_or_default(),
        matching: count(&database, &filter, state, COUNTED_MAX)?,
        after: last.filter(|_last| page.has_more),
        letters: page.rows,
    };
    visit.reply(&found, |found| document(visit, found))
}

fn state(call: &Call) -> Result<Option<LetterState>, Problem> {
    match call.query("state") {
        Some(EVERY) => Ok(None),
        Some(_code) => parsed(call, "state"),
        None => Ok(Some(LetterState::Open)),
    }
}

fn document(visit: &Visit<'_, Permit<Look>>, found: &Letters) -> Document {
    let call = visit.call;
    let state = call.query("state").unwrap_or("open");
    let what = match state {
        EVERY => "dead letter".to_owned(),
        other => format!("{other} dead letter"),
    };
    let matching = found.matching.unsigned_abs();
    let (number, all) = match found.matching > COUNTED_MAX.into() {
        true => {
            let most = text::count(COUNTED_MAX);
            (
                format!("More than {most} {what}s"),
                format!("all that match, more than {most}"),
            )
        }
        false => (
            text::counted(matching, &what, &format!("{what}s")),
            format!("all {} that match", text::count(found.matching)),
        ),
    };
    let can_act = state == "open" && !found.letters.is_empty();
    let form = can_act.then(|| choose::form(visit, &all));
    Document::new(number)
        .with_all(meaning(state).map(Part::text))
        .with(Part::Table(groups_table(call, found)))
        .with(Part::Form(filter_form(call)))
        .with_all(conditions(call))
        .with(Part::Table(table(&found.letters, can_act)))
        .with_all(tables::next_page(call, found.after.clone()))
        .with_all(form.map(Part::Form))
        .with(Part::command(command(
            call,
            "dead list --each",
            &[
                ("reason", "--reason"),
                ("type", "--type"),
                ("state", "--state"),
                ("wallet", "--wallet"),
                ("order", "--order"),
                ("since", "--since"),
                ("older", "--older-than"),
            ],
        )))
}

/// What it means that a letter is in a state that may be taken for another.
fn meaning(state: &str) -> Option<&'static str> {
    match state.parse().ok()? {
        LetterState::Replayed => Some(
            "Replayed: sent again, and not applied or dead again yet. A letter that was applied is in the state \
             resolved, one that died again is open.",
        ),
        LetterState::Resolved => {
            Some("Resolved: applied since, by a replay or by another copy of its message.")
        }
        LetterState::Open | LetterState::Discarded => None,
    }
}

fn groups_table(call: &Call, found: &Letters) -> Table {
    let row = |group: &ReasonGroup| {
        let known = group.reason.parse::<Reason>().ok();
        let what_to_do = known.map_or("", |reason| advice(reason).1);
        vec![
            Cell::link(
                call.place_with("reason", &group.reason),
                group.reason.as_str(),
            ),
            Cell::text(group.state.as_str()),
            Cell::count(group.letters),
            Cell::Number(text::span(group.oldest_age_seconds)),
            Cell::time(&group.newest_at),
            Cell::Number(text::stake(group)),
            Cell::text(what_to_do),
        ]
    };
    Table {
        caption: match found.groups_age_seconds {
            Some(0) | None => "By reason".to_owned(),
            Some(age) => format!("By reason, {} ago", text::span(age.cast_signed())),
        },
        columns: vec![
            column("Reason"),
            column("State"),
            number_column("Letters"),
            number_column("Oldest"),
            column("Newest"),
            number_column("Points at stake"),
            column("What to do"),
        ],
        rows: found.groups.iter().map(row).collect(),
        empty: match found.groups_age_seconds {
            Some(_) => "nothing waits for a person",
            None => text::BEING_ADDED_UP,
        }
        .to_owned(),
    }
}

fn filter_form(call: &Call) -> Form {
    let codes = |codes: &[&str]| {
        codes
            .iter()
            .map(|code| (*code).to_owned())
            .collect::<Vec<_>>()
    };
    let field = |name, label| Field::new(name, label, call.query(name).unwrap_or_default());
    let states = codes(LetterState::CODES)
        .into_iter()
        .chain([EVERY.to_owned()]);
    Form::get("filter", "/dead", "Filter")
        .field(field("reason", "Reason").choice("any", codes(Reason::CODES)))
        .field(field("state", "State").choice("open (usual)", states))
        .field(field("type", "Event type"))
        .field(field("wallet", "Wallet"))
        .field(field("order", "Order"))
        .field(field("since", "Died since").hint("a date, today, 30m, 2h"))
        .field(field("older", "Older than").hint("30m, 2h, 3d"))
}

/// What can be removed from the filter, one by one.
fn conditions(call: &Call) -> Option<Part> {
    let given = QUERY
        .iter()
        .filter(|name| **name != "after")
        .filter_map(|name| Some((*name, call.query(name)?)));
    let links: Vec<Link> = given
        .map(|(name, value)| {
            Link::new(
                call.place_with(name, ""),
                format!("without {name} = {value}"),
            )
        })
        .collect();
    (!links.is_empty()).then(|| Part::Links {
        label: "Remove a condition".to_owned(),
        links,
    })
}

fn table(letters: &[ListedLetter], can_act: bool) -> Table {
    let rows = letters.iter().map(|letter| {
        let summary = &letter.summary;
        let id = summary.dead_letter_id;
        let ticked = Cell::Box {
            form: choose::FORM,
            name: choose::LETTER,
            value: id.to_string(),
            label: format!("choose letter {id}"),
        };
        let cells = vec![
            Cell::id("/dead", id),
            Cell::text(summary.reason.as_str()),
            Cell::text(summary.state.as_str()),
            Cell::maybe(summary.event_type.as_deref()),
            Cell::id("/events", &letter.event_id),
            Cell::maybe_id("/orders", letter.order_id),
            Cell::Links(wallets(&letter.wallet_ids)),
            Cell::Number(stake(letter.points_at_stake)),
            Cell::time(&summary.last_dead_at),
            Cell::text(summary.error.as_str()),
        ];
        cells.into_iter().chain(can_act.then_some(ticked)).collect()
    });
    let mut columns = vec![
        column("Letter"),
        column("Reason"),
        column("State"),
        column("Type"),
        column("Event"),
        column("Order"),
        column("Wallets"),
        number_column("Points at stake"),
        column("Last died"),
        column("Error"),
    ];
    columns.extend(can_act.then(|| column("Choose")));
    Table {
        caption: "One by one, the newest first".to_owned(),
        columns,
        rows: rows.collect(),
        empty: "no dead letter matches".to_owned(),
    }
}

/// Links to wallets that are listed with commas.
pub(super) fn wallets(list: &str) -> Vec<Link> {
    let ids = list.split(',').filter(|id| !id.is_empty());
    ids.map(|id| Link::new(format!("/wallets/{id}"), id))
        .collect()
}

pub(super) fn stake(points: Option<i64>) -> String {
    points.map_or_else(|| "unknown".to_owned(), text::count)
}
