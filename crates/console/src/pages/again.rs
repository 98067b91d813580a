//! The way on from a preview that is not true any more: a new one of the same letters.

use paynow_desk::console::previews::{Changed, Difference, Preview};
use paynow_desk::console::roles::Right;
use serde_json::Value;

use super::choose::LETTER;
use crate::document::{Cell, Document, Form, Link, Part, Table, Tone, column};
use crate::visit::Visit;

/// So many rows are shown; the document for programs has all.
pub(super) const ROWS_MAX: usize = 200;

/// Makes the preview again, of what was chosen for it. Whoever vouches for letters does so once more.
pub(super) fn part<P>(visit: &Visit<'_, P>, preview: &Preview) -> Part {
    let letters = preview.selection.get("letters").and_then(Value::as_array);
    let letters = letters.into_iter().flatten().filter_map(Value::as_str);
    let letters: Vec<&str> = letters.collect();
    if preview.without_proof {
        let links = letters.iter();
        let links = links.map(|id| Link::new(format!("/dead/{id}"), format!("Letter {id}")));
        return Part::Links {
            label: "Look again".to_owned(),
            links: links.collect(),
        };
    }
    let form = Form::post("again", "/dead/preview", "Look again")
        .disabled_because(visit.lacks(Right::Replay));
    Part::Form(match letters.is_empty() {
        true => matching(form, &preview.selection),
        false => letters
            .into_iter()
            .fold(form.hidden("which", "ticked"), |form, id| {
                form.hidden(LETTER, id)
            }),
    })
}

/// The conditions, by the names that the form of a list gives them.
fn matching(form: Form, selection: &Value) -> Form {
    let text = |name: &str| selection.get(name).and_then(Value::as_str);
    let names = ["reason", "type", "wallet", "order", "since"];
    let form = names
        .into_iter()
        .fold(form.hidden("which", "matching"), |form, name| {
            form.hidden(name, text(name).unwrap_or_default())
        });
    let older = text("older_than").map(|seconds| format!("{seconds}s"));
    form.hidden("older", older.unwrap_or_default())
}

/// What changed since the preview.
pub(super) fn changed<P>(
    visit: &Visit<'_, P>,
    preview: &Preview,
    differences: &[Difference],
) -> Document {
    let rows = differences.iter().take(ROWS_MAX).map(|difference| {
        let what = match difference.what {
            Changed::DiedAgain => "a letter died again",
            Changed::NotOpen => "a letter is not open any more",
            Changed::Appeared => "a letter matches that did not",
            Changed::Effect => "something else would become of a letter",
            Changed::Balance => "a wallet has other points",
        };
        vec![
            Cell::text(what),
            Cell::text(difference.about.as_str()),
            Cell::text(difference.before.as_str()),
            Cell::text(difference.now.as_str()),
        ]
    });
    let table = Table {
        caption: "What changed".to_owned(),
        columns: vec![
            column("What"),
            column("Letter or wallet"),
            column("Then"),
            column("Now"),
        ],
        rows: rows.collect(),
        empty: "more than can be told apart".to_owned(),
    };
    let text =
        "Something changed since the preview. Nothing was done: look again, and decide then.";
    Document::new("Changed meanwhile")
        .under("/dead", "Dead letters")
        .with(Part::notice(Tone::Bad, text))
        .with(Part::Table(table))
        .with(part(visit, preview))
}
