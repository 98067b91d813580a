//! `actions list`: who did what at the desk, and when.

use clap::{Args, Subcommand};
use paynow_desk::actions::list::{Action, ActionFilter, list};
use paynow_desk::page::Page;
use serde::Serialize;

use crate::arguments::{PageSize, moment, some_text};
use crate::config::Config;
use crate::failure::Failure;
use crate::output::{self, Column, Format, Row, number, or_dash, text};

#[derive(Debug, Subcommand)]
pub(crate) enum ActionsCommand {
    /// Lists what operators did, newest first
    List(ListOptions),
}

#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    /// Of this operator, exactly as it was given with --by
    #[arg(long, value_name = "NAME", value_parser = some_text)]
    by: Option<String>,
    /// Acted at this time or later, such as 2026-11-24T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<chrono::DateTime<chrono::Utc>>,
    /// About this wallet, event, order, refund, product, dead letter or entry key, or with this number; only
    /// about one of these with its kind before it: wallet:N, event:N, order:N, refund:N, product:N, letter:N,
    /// key:KEY, action:N
    #[arg(long, value_name = "ID", value_parser = some_text)]
    about: Option<String>,
    /// Older than this action: the last one of the page before
    #[arg(long, value_name = "ACTION")]
    after: Option<i64>,
    #[command(flatten)]
    size: PageSize,
    #[command(flatten)]
    format: Format,
}

impl Row for Action {
    const COLUMNS: &'static [Column<Self>] = &[
        number("id", |it| it.action_id.to_string()),
        text("at", |it| it.acted_at.clone()),
        text("action", action_text),
        text("by", |it| it.operator.clone()),
        text("login", |it| or_dash(it.login.as_ref())),
        text("why", |it| it.why.clone()),
        text("ticket", |it| or_dash(it.ticket.as_ref())),
        text("chosen", |it| or_dash(it.selection.as_ref())),
    ];
}

/// An action, and as what it names the id that was asked for.
#[derive(Serialize)]
#[serde(transparent)]
struct AboutIt(Action);

impl Row for AboutIt {
    const COLUMNS: &'static [Column<Self>] = &[
        number("id", |it| it.0.action_id.to_string()),
        text("at", |it| it.0.acted_at.clone()),
        text("action", |it| action_text(&it.0)),
        text("about", |it| kinds_text(&it.0)),
        text("by", |it| it.0.operator.clone()),
        text("login", |it| or_dash(it.0.login.as_ref())),
        text("why", |it| it.0.why.clone()),
        text("ticket", |it| or_dash(it.0.ticket.as_ref())),
        text("chosen", |it| or_dash(it.0.selection.as_ref())),
    ];
}

/// One replay has a row when it begins, and one at the end of each run.
fn action_text(action: &Action) -> String {
    match (&action.step, action.of_action) {
        (Some(_ended), Some(begun)) => format!("{}: end of {begun}", action.action),
        (Some(step), None) => format!("{}: {step}", action.action),
        (None, _) => action.action.clone(),
    }
}

fn kinds_text(action: &Action) -> String {
    let kinds: Vec<String> = action
        .about
        .iter()
        .flatten()
        .map(|it| it.replace('_', " "))
        .collect();
    kinds.join(", ")
}

pub(crate) fn run(command: &ActionsCommand, config: &Config) -> Result<(), Failure> {
    let ActionsCommand::List(options) = command;
    let filter = ActionFilter {
        by: options.by.clone(),
        since: options.since.map(|time| time.to_rfc3339()),
        about: options.about.clone(),
        after: options.after,
    };
    let page = list(&config.database()?, &filter, options.size.limit)?;
    let what = "operator action";
    if filter.about.is_none() {
        let place = |action: &Action| action.action_id.to_string();
        return output::page(&page, options.format, what, place);
    }
    let page = Page {
        rows: page.rows.into_iter().map(AboutIt).collect(),
        has_more: page.has_more,
    };
    let place = |row: &AboutIt| row.0.action_id.to_string();
    output::page(&page, options.format, what, place)
}
