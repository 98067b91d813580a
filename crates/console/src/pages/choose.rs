//! Choosing dead letters for an action: the ticked ones, or all that match what the list was filtered by.

use paynow_desk::actions::Mode;
use paynow_desk::console::permit::Permit;
use paynow_desk::console::permit::right::{Discard, Replay};
use paynow_desk::console::previews::{make, refuse_too_many};
use paynow_desk::console::roles::Right;
use paynow_desk::discard::{Discarded, discard};
use paynow_desk::expect::PreviewHash;
use paynow_desk::selection::{Filter, Selection};

use super::filter::{QUERY, filter as filter_of};
use crate::answer::Answer;
use crate::ask::needed;
use crate::call::Call;
use crate::console::Console;
use crate::document::{Cell, Document, Field, FieldKind, Form, Part, Table, Tone, column};
use crate::problem::Problem;
use crate::text;
use crate::visit::Visit;

/// The id of the form that the boxes of a list belong to.
pub(super) const FORM: &str = "choose";
/// The name of those boxes.
pub(super) const LETTER: &str = "letter";
/// So many letters may be chosen one by one.
const NAMED_MAX: usize = 1_000;
/// The form that discards what was shown names each letter, and a form has a limit.
const DISCARDED_MAX: u32 = 5_000;

/// Below a list: what to do with its letters.
pub(super) fn form<P>(visit: &Visit<'_, P>, matching: &str) -> Form {
    let options = [("ticked", "the ticked letters"), ("matching", matching)];
    let options = options.map(|(code, text)| (code.to_owned(), text.to_owned()));
    let which = Field::new("which", "Which", "").kind(FieldKind::Select(options.into()));
    let form = Form::post(FORM, "/dead/preview", "Replay or discard letters")
        .field(which)
        .button("Replay: show the effect first")
        .also("Discard: show which first", "/dead/discard/preview")
        // Both are rights of one role.
        .disabled_because(visit.lacks(Right::Replay).or(visit.lacks(Right::Discard)));
    let filter = QUERY
        .iter()
        .filter(|name| **name != "state" && **name != "after");
    filter.fold(form, |form, name| {
        form.hidden(name, visit.call.query(name).unwrap_or_default())
    })
}

/// What somebody chose.
fn selection(call: &Call) -> Result<Selection, Problem> {
    match call.field("which") {
        Some("matching") => Ok(Selection::Matching(filter(call)?)),
        Some("ticked") | None => {
            let named: Vec<String> = call.fields(LETTER).map(str::to_owned).collect();
            match named.len() {
                0 => Err(Problem::Invalid("no letter is ticked".to_owned())),
                1..=NAMED_MAX => Ok(Selection::Named(named)),
                _more => Err(Problem::Invalid(format!(
                    "more than {NAMED_MAX} letters are ticked"
                ))),
            }
        }
        Some(_other) => Err(Problem::Invalid("which is ticked or matching".to_owned())),
    }
}

/// The filter of a form is the one of an address.
fn filter(call: &Call) -> Result<Filter, Problem> {
    filter_of(&Call {
        method: call.method.clone(),
        path: call.path.clone(),
        parameters: call.parameters.clone(),
        query_text: String::new(),
        query: call.form.clone(),
        form: Vec::new(),
        headers: call.headers.clone(),
        peer: call.peer,
    })
}

/// Foresees a replay, and keeps what was foreseen.
pub(crate) fn preview_replay(
    console: &Console,
    visit: &Visit<'_, Permit<Replay>>,
) -> Result<Answer, Problem> {
    let selection = selection(visit.call)?;
    let vouched = visit.call.field("vouch") == Some("yes");
    let made = make(
        &console.database,
        &visit.permit,
        &selection,
        &console.policy,
        vouched,
    )?;
    Ok(Answer::see(format!("/dead/preview/{}", made.0)))
}

/// Shows what would be discarded.
pub(crate) fn preview_discard(
    console: &Console,
    visit: &Visit<'_, Permit<Discard>>,
) -> Result<Answer, Problem> {
    let selection = selection(visit.call)?;
    let note = visit.permit.note("");
    let database = visit.seat(console);
    refuse_too_many(&database, &selection, DISCARDED_MAX)?;
    let shown = discard(&database, &selection, &note, Mode::DryRun, None)?;
    visit.page(&discard_document(visit, &shown, None))
}

fn discard_document(
    visit: &Visit<'_, Permit<Discard>>,
    shown: &Discarded,
    problem: Option<&str>,
) -> Document {
    let count = u64::try_from(shown.letters.len()).unwrap_or(u64::MAX);
    let letters = text::counted(count, "dead letter", "dead letters");
    let rows = shown.letters.iter().map(|letter| {
        vec![
            Cell::id("/dead", letter.summary.dead_letter_id),
            Cell::text(letter.summary.reason.as_str()),
            Cell::time(&letter.summary.last_dead_at),
            Cell::text(letter.summary.error.as_str()),
        ]
    });
    let table = Table {
        caption: format!("{letters} would be given up"),
        columns: vec![
            column("Letter"),
            column("Reason"),
            column("Last died"),
            column("Error"),
        ],
        rows: rows.collect(),
        empty: "no open letter matches".to_owned(),
    };
    let numbers: Vec<String> = shown
        .letters
        .iter()
        .map(|letter| letter.summary.dead_letter_id.to_string())
        .collect();
    let why = visit.call.field("why").unwrap_or_default();
    let form = Form::post("discard", "/dead/discard", &format!("Discard {letters}"))
        .field(
            Field::new("why", "Why", why)
                .kind(FieldKind::Lines)
                .required(),
        )
        .hidden("letters", numbers.join(" "))
        .hidden("expect", shown.expect.as_str())
        .dangerous();
    let form = match count {
        0 => form.disabled_because(Some("there is nothing to discard.".to_owned())),
        1 => form,
        _several => form.field(
            Field::new("count", "Type how many letters these are", "")
                .kind(FieldKind::Number)
                .required(),
        ),
    };
    let command = format!(
        "paynowctl dead discard {} --by <name> --why <text> --yes --expect {}",
        numbers.join(" "),
        shown.expect.as_str()
    );
    Document::new(format!("Discard {letters}?"))
        .under("/dead", "Dead letters")
        .with_all(problem.map(|problem| Part::notice(Tone::Bad, problem)))
        .with(Part::notice(
            Tone::Warning,
            "Whoever bought something in them gets nothing for it.",
        ))
        .with(Part::Table(table))
        .with(Part::Form(form))
        .with(Part::command(command))
}

/// Discards exactly the letters that were shown, if none of them changed.
pub(crate) fn discarded(
    console: &Console,
    visit: &Visit<'_, Permit<Discard>>,
) -> Result<Answer, Problem> {
    let call = visit.call;
    let letters: Vec<String> = needed(call, "letters")?
        .split(' ')
        .map(str::to_owned)
        .collect();
    typed_count(call, letters.len())?;
    let expect: PreviewHash = needed(call, "expect")?
        .parse()
        .map_err(|_error| Problem::Invalid("the form was changed".to_owned()))?;
    let note = visit.permit.note(needed(call, "why")?);
    let selection = Selection::Named(letters);
    discard(
        &visit.seat(console),
        &selection,
        &note,
        Mode::Apply,
        Some(&expect),
    )?;
    Ok(Answer::see("/dead?state=discarded"))
}

/// For several letters, their number is typed, so that nobody acts on more than they think.
pub(super) fn typed_count(call: &Call, letters: usize) -> Result<(), Problem> {
    if letters == 1 || call.field("count") == Some(letters.to_string().as_str()) {
        return Ok(());
    }
    Err(Problem::Invalid(format!(
        "these are {letters} letters, and {} was typed: nothing was done",
        call.field("count").unwrap_or("nothing")
    )))
}
