//! Open dead letters by reason: how many, how old, and the points at stake.

use paynow_desk::list::ReasonGroup;
use paynow_desk::top::figures::duration_text;
use paynow_desk::top::snapshot::{DatabaseState, OpenDeadLetters};

use super::super::node::{Element, Node, element};
use super::super::silence::DATABASE;
use super::table::{Row, number, table, words};
use super::{Sight, mark, part, silent};
use crate::text;

pub(super) fn letters(sight: &Sight<'_>) -> Element {
    let part = part("live-letters", "Open dead letters");
    match &sight.view.database {
        Ok(database) if database.open_letters() == 0 => {
            part.child(element("p").text("No dead letter is open."))
        }
        Ok(database) => open(part, database, sight),
        Err(unknown) => {
            let since = sight.silences.since_ms(DATABASE);
            part.child(silent(
                "The database",
                unknown,
                since,
                sight.view.taken_at_ms,
            ))
        }
    }
}

fn open(part: Element, database: &DatabaseState, sight: &Sight<'_>) -> Element {
    let stakes = sight.stakes;
    let by_reason = stakes.and_then(|answer| answer.as_ref().ok());
    let headings = [
        words("Reason"),
        number("letters"),
        number("oldest"),
        number("points at stake"),
    ];
    let rows = database.dead_letters.iter().map(|letters| {
        let group = by_reason.and_then(|groups| groups.get(&letters.reason));
        row(letters, group)
    });
    let open = database.open_letters();
    let count = element("p").child(mark(database.letters_level()));
    let part = part
        .child(count.text(format!(" {open} open.")))
        .child(table(
            "Open dead letters by reason",
            &headings,
            rows.collect(),
        ));
    match stakes {
        Some(Ok(_)) => part,
        Some(Err(reason)) => part.child(notice(&format!("Points at stake are unknown: {reason}"))),
        None => part.child(notice("Points at stake are being added up.")),
    }
}

fn notice(text: &str) -> Element {
    element("p").class("about").text(text)
}

fn row(letters: &OpenDeadLetters, group: Option<&ReasonGroup>) -> Row {
    let reason = &letters.reason;
    let link = element("a").with("href", format!("/dead?state=open&reason={reason}"));
    Row::of(reason.clone(), link.text(reason.as_str()))
        .cell(text::count(letters.letters))
        .cell(duration_text(letters.oldest_age_seconds as f64))
        .cell(Node::Text(
            group.map_or_else(|| "-".to_owned(), text::stake),
        ))
}
