//! What people looked at and were refused.

use paynow_desk::console::access::{Access, AccessFilter, AccessRow, list};
use paynow_desk::console::permit::{Permit, right::Look};

use super::tables;
use crate::answer::Answer;
use crate::ask::{PAGE_ROWS, iso, moment, parsed};
use crate::call::Call;
use crate::console::Console;
use crate::document::{Cell, Document, Field, Form, Part, Table, column};
use crate::problem::Problem;
use crate::visit::Visit;

pub(crate) const QUERY: &[&str] = &["who", "what", "since", "after"];

pub(crate) fn page(console: &Console, visit: &Visit<'_, Permit<Look>>) -> Result<Answer, Problem> {
    let call = visit.call;
    let filter = AccessFilter {
        person: call.query("who").map(str::to_owned),
        what: parsed(call, "what")?,
        since: moment(call, "since")?.map(iso),
        after: parsed(call, "after")?,
    };
    let page = list(&console.database, &visit.permit, &filter, PAGE_ROWS)?;
    let last = page.rows.last().map(|row| row.access_id.to_string());
    let after = last.filter(|_last| page.has_more);
    visit.reply(&page.rows, |rows| document(call, rows, after))
}

fn document(call: &Call, rows: &[AccessRow], after: Option<String>) -> Document {
    let field = |name, label| Field::new(name, label, call.query(name).unwrap_or_default());
    let codes = Access::CODES.iter().map(|code| (*code).to_owned());
    let form = Form::get("filter", "/audit/access", "Filter")
        .field(field("who", "Who"))
        .field(field("what", "What").choice("any", codes))
        .field(field("since", "Since").hint("a date, today, 30m, 2h"));
    let cells = rows.iter().map(|row| {
        vec![
            Cell::time(&row.at),
            Cell::maybe(row.person.as_deref()),
            Cell::text(row.what.replace('_', " ")),
            Cell::text(row.about.as_str()),
        ]
    });
    let table = Table {
        caption: "Looks and refusals".to_owned(),
        columns: vec![
            column("When"),
            column("Who"),
            column("What"),
            column("About"),
        ],
        rows: cells.collect(),
        empty: "none matches".to_owned(),
    };
    Document::new("What people looked at, newest first")
        .under("/audit", "Audit")
        .with(Part::text(
            "When a sign-in with an unknown name is refused, only a digest of that name is kept, because people type \
             passwords there. The number of a session is the one that its person sees at /me.",
        ))
        .with(Part::Form(form))
        .with(Part::Table(table))
        .with_all(tables::next_page(call, after))
}
