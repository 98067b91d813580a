//! The invariants, checked when somebody asks: a check reads the whole ledger.

use paynow_desk::check::{Broker, Status, check};
use paynow_desk::console::permit::{Permit, right::Look, right::RunCheck};

use crate::answer::Answer;
use crate::checks::Checked;
use crate::console::Console;
use crate::document::{Cell, Document, Form, Part, Table, Tone, column};
use crate::problem::Problem;
use crate::text;
use crate::visit::Visit;

/// The newest check, and the way to another one.
pub(crate) fn page(console: &Console, visit: &Visit<'_, Permit<Look>>) -> Result<Answer, Problem> {
    let newest = console.checks.newest();
    visit.reply(&newest.as_deref(), |newest| document(visit, *newest))
}

fn document<P>(visit: &Visit<'_, P>, newest: Option<&Checked>) -> Document {
    let why = "The worker checks the ledger by itself, and an alert fires when something is wrong. Here \
               everything is checked at once: a large ledger takes minutes.";
    let nobody = "Nobody has asked this console to check since it was started.";
    let found = match newest {
        Some(checked) => found(checked),
        None => vec![Part::text(nobody)],
    };
    Document::new("Checks")
        .with(Part::text(why))
        .with_all(found)
        .with(Part::Form(form(visit)))
        .with(Part::command("paynowctl check"))
}

fn form<P>(visit: &Visit<'_, P>) -> Form {
    let may = visit
        .session
        .roles
        .allow(paynow_desk::console::roles::Right::RunCheck);
    let why = (!may).then(|| "it needs the role operator.".to_owned());
    Form::post("check", "/checks", "Check now").disabled_because(why)
}

/// Checks everything, one check at a time.
pub(crate) fn run(
    console: &Console,
    visit: &Visit<'_, Permit<RunCheck>>,
) -> Result<Answer, Problem> {
    let broker = Broker {
        api: console.management(),
        ladder: console.ladder.clone(),
        address: console.broker.clone(),
    };
    let person = visit.session.person.as_str();
    let checked = console
        .checks
        .run(person, || check(&visit.seat(console), Some(&broker), None));
    let Some(checked) = checked else {
        let text = "somebody else's check runs: look again in a minute";
        return Err(Problem::Refused(text.to_owned()));
    };
    visit.reply(&checked.rows, |_rows| document(visit, Some(&checked)))
}

fn found(checked: &Checked) -> Vec<Part> {
    let rows = &checked.rows;
    let bad = rows.iter().filter(|row| !row.status.is_fine()).count();
    let (tone, said) = match bad {
        0 => (Tone::Good, "Nothing is wrong.".to_owned()),
        some => {
            let some = u64::try_from(some).unwrap_or(u64::MAX);
            (
                Tone::Bad,
                format!("{} wrong.", text::counted(some, "check is", "checks are")),
            )
        }
    };
    let cells = rows.iter().map(|row| {
        vec![
            Cell::text(row.id),
            Cell::code(row.status.to_string(), tone_of(row.status)),
            Cell::text(row.message.as_str()),
        ]
    });
    let table = Table {
        caption: "Invariants".to_owned(),
        columns: vec![
            column("Invariant"),
            column("Status"),
            column("What was found"),
        ],
        rows: cells.collect(),
        empty: "nothing was checked".to_owned(),
    };
    let facts = vec![
        ("Checked", Cell::time(&checked.at)),
        ("Asked for by", Cell::text(checked.by.as_str())),
    ];
    vec![
        Part::notice(tone, said),
        Part::facts("The newest check", facts),
        Part::Table(table),
    ]
}

fn tone_of(status: Status) -> Tone {
    match status {
        Status::Ok => Tone::Good,
        Status::Notice => Tone::Plain,
        Status::Unknown => Tone::Warning,
        Status::Failed => Tone::Bad,
    }
}
