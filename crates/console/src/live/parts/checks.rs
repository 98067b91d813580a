//! What the newest check of everything found. It is not made here: it reads the whole ledger.

use paynow_desk::check::{Row, Status};
use paynow_desk::text::counted;
use paynow_desk::top::view::Level;

use super::super::node::{Element, element};
use super::{Sight, mark, part};
use crate::checks::Checked;
use crate::text;

pub(super) fn checks(sight: &Sight<'_>) -> Element {
    let part = part("live-checks", "Checks");
    let part = match sight.checked {
        Some(checked) => part.child(found(checked)).child(asked(checked)),
        None => part.child(
            element("p").text("Nobody has asked this console to check since it was started."),
        ),
    };
    let link = element("a").with("href", "/checks").text("All checks");
    part.child(element("p").child(link))
}

fn found(checked: &Checked) -> Element {
    let of = |status: Status| {
        let rows = checked.rows.iter().filter(move |row| row.status == status);
        rows.collect::<Vec<&Row>>()
    };
    let (failed, unknown) = (of(Status::Failed), of(Status::Unknown));
    let names = |rows: &[&Row]| rows.iter().map(|row| row.id).collect::<Vec<_>>().join(", ");
    let said = |rows: &[&Row], one: &str, several: &str| {
        let count = counted(rows.len() as u64, one, several);
        (!rows.is_empty()).then(|| format!("{count}: {}.", names(rows)))
    };
    let texts = [
        said(&failed, "check fails", "checks fail"),
        said(
            &unknown,
            "check could not be made",
            "checks could not be made",
        ),
    ];
    let texts: Vec<String> = texts.into_iter().flatten().collect();
    let (level, text) = match (failed.is_empty(), texts.is_empty()) {
        (true, true) => (Level::Fine, "Nothing is wrong.".to_owned()),
        (true, false) => (Level::Warning, texts.join(" ")),
        (false, _) => (Level::Alarm, texts.join(" ")),
    };
    element("p").child(mark(level)).text(format!(" {text}"))
}

fn asked(checked: &Checked) -> Element {
    let (at, _ago) = text::time(&checked.at);
    element("p")
        .class("looked")
        .text(format!("Checked at {at} for {}.", checked.by))
}
