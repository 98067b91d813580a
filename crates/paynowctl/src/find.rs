//! `find`: whatever a person holds in hand, tried as each thing that it could be.

use clap::Args;
use paynow_desk::find::{Found, HITS_MAX, Hit, Kind, Searched, find};
use serde::Serialize;

use crate::arguments::some_text;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::{self, Column, Format, Row, text};

#[derive(Debug, Args)]
pub(crate) struct FindOptions {
    /// A wallet, event, order, order line, refund, payment, entry key, dead letter, operator
    /// action or product; a Minecraft UUID with or without dashes, Steam id or XUID; a player's name or how it
    /// begins. E-mail addresses are not stored where anything can be searched by them.
    #[arg(value_parser = some_text)]
    anything: String,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Serialize)]
struct HitRow {
    kind: &'static str,
    id: String,
    detail: String,
    /// The command that shows more.
    command: String,
}

#[derive(Serialize)]
struct Document<'a> {
    asked: &'a str,
    searched: &'a [Searched],
    has_more: bool,
    hits: Vec<HitRow>,
}

impl Row for HitRow {
    const COLUMNS: &'static [Column<Self>] = &[
        text("what", |it| it.kind.replace('_', " ")),
        text("id", |it| it.id.clone()),
        text("detail", |it| it.detail.clone()),
        text("more", |it| it.command.clone()),
    ];
}

pub(crate) fn run(options: &FindOptions, config: &Config) -> Result<(), Failure> {
    let players = config.players_at_paynow()?;
    let found = find(&config.database()?, &options.anything, players.as_ref())?;
    let found = found.something(&options.anything)?;
    let hits: Vec<HitRow> = found.hits.iter().map(row).collect();
    if options.format.json {
        return output::json(&Document {
            asked: &options.anything,
            searched: &found.searched,
            has_more: found.has_more,
            hits,
        });
    }
    output::table(&hits)?;
    print_end(&found)
}

fn print_end(found: &Found) -> Result<(), Failure> {
    output::empty_line()?;
    if found.has_more {
        output::line(&format!(
            "one kind has more than {HITS_MAX} hits: write more of what you look for"
        ))?;
    }
    output::line(&format!("searched as {}", found.searched_text()))
}

fn row(hit: &Hit) -> HitRow {
    HitRow {
        kind: hit.kind.code(),
        id: hit.id.clone(),
        detail: hit.detail.clone(),
        command: command(hit),
    }
}

fn command(hit: &Hit) -> String {
    let id = &hit.id;
    let with = hit.shown_with.unwrap_or_default();
    match hit.kind {
        // Somebody who was never given points: what is known are dead letters.
        Kind::Player if hit.shown_with.is_none() => format!("paynowctl find {id}"),
        Kind::Wallet | Kind::Player => format!("paynowctl wallet show {id}"),
        Kind::Event | Kind::WaitingEvent => format!("paynowctl events show {id}"),
        Kind::Order => format!("paynowctl orders show {id}"),
        Kind::Refund | Kind::Chargeback | Kind::Payment => format!("paynowctl orders show {with}"),
        Kind::LedgerEntry if hit.id.starts_with("spend:") || hit.id.starts_with("correction:") => {
            format!("paynowctl wallet history {with}")
        }
        Kind::LedgerEntry => format!("paynowctl orders show {with}"),
        Kind::DeadLetter => format!("paynowctl dead show {id}"),
        Kind::OperatorAction => format!("paynowctl actions list --about action:{id}"),
        Kind::Product => format!("paynowctl products list --history --product {id}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hit_names_a_command_that_shows_more() {
        let hit = |kind, id: &str| Hit {
            kind,
            id: id.to_owned(),
            shown_with: Some(10),
            detail: String::new(),
        };
        for (kind, id, expected) in [
            (Kind::Player, "20", "paynowctl wallet show 20"),
            (
                Kind::LedgerEntry,
                "order-line:1",
                "paynowctl orders show 10",
            ),
            (Kind::LedgerEntry, "spend:a", "paynowctl wallet history 10"),
            (Kind::Refund, "5", "paynowctl orders show 10"),
        ] {
            assert_eq!(command(&hit(kind, id)), expected);
        }
    }
}
