//! Who did what and why.

use paynow_desk::actions::list::{Action, ActionFilter, list};
use paynow_desk::console::access::{Access, record};
use paynow_desk::console::permit::{Permit, right::Look};
use serde_json::Value;

use super::tables;
use crate::answer::{Answer, Content, csv};
use crate::ask::{PAGE_ROWS, command, iso, moment, parsed};
use crate::call::Call;
use crate::console::Console;
use crate::document::{Cell, Document, Field, Form, Link, Part, Table, column};
use crate::problem::Problem;
use crate::text;
use crate::visit::Visit;

pub(crate) const QUERY: &[&str] = &["by", "since", "about", "after"];

/// So many actions are in one export; the next one begins after the last of them.
const EXPORTED: u32 = 10_000;

fn filter(call: &Call) -> Result<ActionFilter, Problem> {
    Ok(ActionFilter {
        by: call.query("by").map(str::to_owned),
        since: moment(call, "since")?.map(iso),
        about: call.query("about").map(str::to_owned),
        after: parsed(call, "after")?,
    })
}

pub(crate) fn page(console: &Console, visit: &Visit<'_, Permit<Look>>) -> Result<Answer, Problem> {
    let page = list(&visit.seat(console), &filter(visit.call)?, PAGE_ROWS)?;
    let last = page.rows.last().map(|action| action.action_id.to_string());
    let after = last.filter(|_last| page.has_more);
    visit.reply(&page.rows, |actions| document(visit.call, actions, after))
}

fn document(call: &Call, actions: &[Action], after: Option<String>) -> Document {
    let field = |name, label| Field::new(name, label, call.query(name).unwrap_or_default());
    let form = Form::get("filter", "/audit", "Filter")
        .field(field("by", "Who"))
        .field(field("about", "About").hint("an id, an entry key, or an action's number"))
        .field(field("since", "Since").hint("a date, today, 30m, 2h"));
    let place = call.place();
    let export = format!(
        "/audit/export{}",
        place.strip_prefix("/audit").unwrap_or_default()
    );
    let newest = text::count(EXPORTED);
    let export = Link::new(
        export,
        format!("Export these actions as CSV, the newest {newest} at most"),
    );
    Document::new("What operators did, newest first")
        .with(Part::Form(form))
        .with(Part::Links {
            label: "More".to_owned(),
            links: vec![Link::new("/audit/access", "What people looked at"), export],
        })
        .with(Part::Table(table(actions)))
        .with_all(tables::next_page(call, after))
        .with(Part::command(command(
            call,
            "actions list",
            &[
                ("by", "--by"),
                ("about", "--about"),
                ("since", "--since"),
                ("after", "--after"),
            ],
        )))
}

fn table(actions: &[Action]) -> Table {
    let rows = actions.iter().map(|action| {
        vec![
            Cell::link(
                format!("/audit?about={}", action.action_id),
                action.action_id.to_string(),
            ),
            Cell::time(&action.acted_at),
            Cell::text(action.action.as_str()),
            Cell::text(action.operator.as_str()),
            Cell::maybe(action.login.as_deref()),
            Cell::text(action.why.as_str()),
            Cell::maybe(action.ticket.as_deref()),
            Cell::text(shown(action.selection.as_ref())),
            Cell::text(shown(action.outcome.as_ref())),
        ]
    });
    Table {
        caption: "Actions".to_owned(),
        columns: vec![
            column("Action"),
            column("When"),
            column("What"),
            column("Who"),
            column("Login"),
            column("Why"),
            column("Ticket"),
            column("Selection"),
            column("Outcome"),
        ],
        rows: rows.collect(),
        empty: "no action matches".to_owned(),
    }
}

fn shown(document: Option<&Value>) -> String {
    document.map_or_else(|| "too long to show".to_owned(), Value::to_string)
}

/// All that match, not only those of one page.
pub(crate) fn export(
    console: &Console,
    visit: &Visit<'_, Permit<Look>>,
) -> Result<Answer, Problem> {
    let page = list(&visit.seat(console), &filter(visit.call)?, EXPORTED)?;
    record(&console.database, visit.session, Access::Export, "actions")?;
    let rows: Vec<Vec<String>> = page
        .rows
        .iter()
        .map(|action| {
            vec![
                action.action_id.to_string(),
                action.acted_at.clone(),
                action.action.clone(),
                action.operator.clone(),
                action.login.clone().unwrap_or_default(),
                action.why.clone(),
                action.ticket.clone().unwrap_or_default(),
                shown(action.selection.as_ref()),
                shown(action.outcome.as_ref()),
            ]
        })
        .collect();
    let header = [
        "action_id",
        "acted_at",
        "action",
        "by",
        "login",
        "why",
        "ticket",
        "selection",
        "outcome",
    ];
    let content = Content::Csv {
        name: "actions.csv".to_owned(),
        text: csv(&header, &rows),
    };
    Ok(Answer::new(actix_web::http::StatusCode::OK, content))
}
