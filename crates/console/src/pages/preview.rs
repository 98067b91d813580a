//! What a replay would do, frozen: going on does exactly this, or nothing.

use paynow_desk::console::permit::Permit;
use paynow_desk::console::permit::right::{Look, Replay};
use paynow_desk::console::previews::{Because, Preview, Went, go, of};
use paynow_desk::console::roles::Right;
use paynow_desk::replay::{Broker, Pace};
use paynow_desk::ticket::Ticket;
use serde_json::Value;

use super::again::{self, ROWS_MAX};
use super::choose::typed_count;
use super::corrections::ticket_field;
use crate::answer::Answer;
use crate::ask::{needed, ticket, value};
use crate::call::Call;
use crate::console::Console;
use crate::document::{
    Cell, Document, Field, FieldKind, Form, Link, Part, Table, Tone, column, number_column,
};
use crate::problem::Problem;
use crate::text;
use crate::visit::Visit;

/// With more letters or points, a replay takes a sign-in of the last 15 minutes.
const LETTERS_MAX: i64 = 100;
const POINTS_MAX: u64 = 100_000;

/// The fields of the pace: name, label, what the command line takes, the smallest and the largest.
const PACE: [(&str, &str, u32, u32, u32); 6] = [
    ("canary", "Letters that go first", 1, 1, 100_000),
    ("rate", "Letters a second, at most", 50, 1, 1_000),
    (
        "max_failures",
        "Stop when more than this percentage dies again",
        10,
        0,
        100,
    ),
    ("wait", "Seconds to wait for an outcome", 60, 1, 86_400),
    (
        "max_depth",
        "Wait while the queue has more messages",
        1_000,
        0,
        10_000_000,
    ),
    (
        "max_depth_wait",
        "Stop after so many seconds of that",
        600,
        0,
        86_400,
    ),
];

pub(crate) fn page(console: &Console, visit: &Visit<'_, Permit<Look>>) -> Result<Answer, Problem> {
    let number = value("the preview", visit.call.parameter("preview"))?;
    let preview = of(&visit.seat(console), number)?;
    visit.reply(&preview, |preview| document(visit, preview, None))
}

/// Whether a replay takes a fresh sign-in: nobody who finds an open browser moves so many points.
pub(super) fn is_large(letters: i64, points: u64) -> bool {
    letters > LETTERS_MAX || points > POINTS_MAX
}

/// The points that wallets would get or lose, all added.
fn points(preview: &Preview) -> u64 {
    let changes = rows(preview, "wallets").iter();
    let changes = changes.map(|row| number(row, "change").unsigned_abs());
    changes.fold(0, u64::saturating_add)
}

fn rows<'a>(preview: &'a Preview, list: &str) -> &'a [Value] {
    let rows = preview.effect.get(list).and_then(Value::as_array);
    rows.map_or(&[], Vec::as_slice)
}

fn word<'a>(row: &'a Value, name: &str) -> &'a str {
    row.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(row: &Value, name: &str) -> i64 {
    row.get(name).and_then(Value::as_i64).unwrap_or_default()
}

fn document<P>(visit: &Visit<'_, P>, preview: &Preview, problem: Option<&str>) -> Document {
    let letters = text::counted(
        preview.letters.unsigned_abs(),
        "dead letter",
        "dead letters",
    );
    let document = Document::new(format!("Replay {letters}?"))
        .under("/dead", "Dead letters")
        .with_all(problem.map(|problem| Part::notice(Tone::Bad, format!("{problem}."))))
        .with_all(begun(preview))
        .with(Part::facts("The preview", facts(preview)))
        .with_all(debts(preview))
        .with(Part::Table(wallets(preview)))
        .with(Part::Table(planned(preview)));
    let vouched = match preview.without_proof {
        true => " --without-proof",
        false => "",
    };
    let command = format!(
        "paynowctl dead replay {}{vouched} --by <name> --why <text> --yes --expect {}",
        numbers(preview),
        preview.expect
    );
    let may_look_again = preview.action_id.is_none();
    document
        .with(Part::Form(go_form(visit, preview)))
        .with_all(may_look_again.then(|| again::part(visit, preview)))
        .with_all(may_look_again.then(|| Part::command(command)))
}

fn numbers(preview: &Preview) -> String {
    let letters = rows(preview, "letters").iter();
    let numbers: Vec<&str> = letters.map(|row| word(row, "dead_letter_id")).collect();
    numbers.join(" ")
}

fn begun(preview: &Preview) -> Option<Part> {
    let action = preview.action_id?;
    let link = Link::new(
        format!("/replays/{action}"),
        format!("Replay {action} was begun from this preview"),
    );
    Some(Part::Links {
        label: "The replay".to_owned(),
        links: vec![link],
    })
}

fn facts(preview: &Preview) -> Vec<(&'static str, Cell)> {
    let would_be = |outlook: &str| {
        let alike = rows(preview, "letters")
            .iter()
            .filter(|row| word(row, "would_be") == outlook);
        Cell::text(text::count(
            u32::try_from(alike.count()).unwrap_or(u32::MAX),
        ))
    };
    let changes = rows(preview, "wallets")
        .iter()
        .map(|row| number(row, "change"));
    let total = changes.fold(0, i64::saturating_add);
    let unsigned = preview
        .effect
        .get("without_signature")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    vec![
        ("Made by", Cell::text(preview.made_by.as_str())),
        ("Made", Cell::time(&preview.made_at)),
        ("Letters", Cell::text(text::count(preview.letters))),
        ("Would be applied", would_be("applied")),
        ("Would wait", would_be("deferred")),
        ("Would die again", would_be("dead_again")),
        ("Points in all", Cell::text(text::change(total))),
        (
            "Left out without a signature",
            Cell::text(unsigned.to_string()),
        ),
        (
            "Vouched for without a signature",
            Cell::text(if preview.without_proof { "yes" } else { "no" }),
        ),
        (
            "SHA-256 of the numbers",
            Cell::text(word(&preview.effect, "sha256")),
        ),
    ]
}

fn debts(preview: &Preview) -> Option<Part> {
    let debts = rows(preview, "wallets")
        .iter()
        .filter(|row| number(row, "balance_after") < 0);
    let debts = u64::try_from(debts.count()).unwrap_or(u64::MAX);
    (debts > 0).then(|| {
        let wallets = text::counted(debts, "wallet", "wallets");
        Part::notice(Tone::Warning, format!("{wallets} would be in debt."))
    })
}

fn wallets(preview: &Preview) -> Table {
    let mut sorted: Vec<&Value> = rows(preview, "wallets").iter().collect();
    sorted.sort_by_key(|row| number(row, "balance_after"));
    let cells = sorted.into_iter().take(ROWS_MAX).map(|row| {
        vec![
            Cell::id("/wallets", word(row, "wallet_id")),
            Cell::balance(number(row, "balance")),
            Cell::change(number(row, "change")),
            Cell::balance(number(row, "balance_after")),
        ]
    });
    Table {
        caption: format!("Wallets, the lowest balance first, {ROWS_MAX} at most"),
        columns: vec![
            column("Wallet"),
            number_column("Balance"),
            number_column("Change"),
            number_column("After"),
        ],
        rows: cells.collect(),
        empty: "no balance would change".to_owned(),
    }
}

fn planned(preview: &Preview) -> Table {
    let cells = rows(preview, "letters").iter().take(ROWS_MAX).map(|row| {
        let would_be = word(row, "would_be");
        let tone = match would_be {
            "applied" => Tone::Good,
            "dead_again" => Tone::Bad,
            _deferred => Tone::Warning,
        };
        vec![
            Cell::id("/dead", word(row, "dead_letter_id")),
            Cell::id("/events", word(row, "event_id")),
            Cell::text(word(row, "died_of")),
            Cell::code(would_be.replace('_', " "), tone),
            Cell::maybe(row.get("because").and_then(Value::as_str)),
            Cell::change(number(row, "points")),
        ]
    });
    Table {
        caption: format!("Letters, {ROWS_MAX} at most"),
        columns: vec![
            column("Letter"),
            column("Event"),
            column("Died of"),
            column("Would be"),
            column("Because"),
            number_column("Points"),
        ],
        rows: cells.collect(),
        empty: "none".to_owned(),
    }
}

fn go_form<P>(visit: &Visit<'_, P>, preview: &Preview) -> Form {
    let action = format!("/dead/preview/{}/go", preview.preview_id);
    let legend = format!(
        "Replay {}",
        text::counted(preview.letters.unsigned_abs(), "letter", "letters")
    );
    let why = Field::new("why", "Why", visit.call.field("why").unwrap_or_default());
    let form = Form::post("go", action, &legend)
        .field(why.kind(FieldKind::Lines).required())
        .field(ticket_field(visit.call.field("ticket").unwrap_or_default()));
    let form = match preview.letters {
        1 => form,
        _several => form.field(
            Field::new("count", "Type how many letters these are", "")
                .kind(FieldKind::Number)
                .required(),
        ),
    };
    let old = preview
        .is_too_old
        .then(|| "it is older than 15 minutes: look again.".to_owned());
    let done = preview
        .action_id
        .map(|action| format!("replay {action} was begun from it."));
    let again = is_large(preview.letters, points(preview)).then(|| visit.must_sign_in_again());
    let why = visit.lacks(Right::Replay).or(done).or(old);
    pace_fields(form, visit.call).disabled_because(why.or(again.flatten()))
}

/// The fields of the pace, with what was typed, or else what the command line takes.
pub(super) fn pace_fields(form: Form, call: &Call) -> Form {
    PACE.iter().fold(form, |form, (name, label, usual, _, _)| {
        let typed = call.field(name).map(str::to_owned);
        form.field(
            Field::new(name, label, typed.unwrap_or_else(|| usual.to_string()))
                .kind(FieldKind::Number)
                .required(),
        )
    })
}

pub(super) fn pace(call: &Call) -> Result<Pace, Problem> {
    let [canary, rate, max_failures, wait, max_depth, max_depth_wait] =
        PACE.map(|field| one(call, field));
    Ok(Pace {
        canary: canary?,
        rate: rate?,
        max_failures: max_failures?,
        wait: wait?,
        max_depth: max_depth?,
        max_depth_wait: max_depth_wait?,
    })
}

fn one(call: &Call, field: (&str, &str, u32, u32, u32)) -> Result<u32, Problem> {
    let (name, label, usual, least, most) = field;
    let given: u32 = match call.field(name) {
        Some(text) => value(label, text)?,
        None => usual,
    };
    let problem = || Problem::Invalid(format!("{label}: from {least} to {most}"));
    (least..=most)
        .contains(&given)
        .then_some(given)
        .ok_or_else(problem)
}

/// Begins the replay, and runs it here.
pub(crate) fn went(
    console: &Console,
    visit: &Visit<'_, Permit<Replay>>,
) -> Result<Answer, Problem> {
    let call = visit.call;
    let preview = of(
        &visit.seat(console),
        value("the preview", call.parameter("preview"))?,
    )?;
    if let Some(action) = preview.action_id {
        return Ok(Answer::see(format!("/replays/{action}")));
    }
    if is_large(preview.letters, points(&preview)) {
        visit.check_recent()?;
    }
    let (why, ticket, pace) = match asked(call, &preview) {
        // What was typed is kept.
        Err(Problem::Invalid(text)) if !call.wants_json() => {
            return visit.wrong_form(&document(visit, &preview, Some(&text)));
        }
        asked => asked?,
    };
    let turn = console.runner.turn()?;
    match go(
        &console.database,
        &visit.permit,
        preview.preview_id,
        &console.policy,
        Because { why, ticket },
    )? {
        Went::Begun(replay) => {
            let action = replay.action_id();
            let broker = Broker {
                address: console.broker.clone(),
                api: console.management(),
            };
            turn.run(replay, broker, pace)?;
            Ok(Answer::see(format!("/replays/{action}")))
        }
        Went::Already { action_id } => Ok(Answer::see(format!("/replays/{action_id}"))),
        Went::TooOld => Err(Problem::Refused(
            "the preview is older than 15 minutes: look again".to_owned(),
        )),
        Went::Changed(differences) => visit.conflict(&differences, |differences| {
            again::changed(visit, &preview, differences)
        }),
    }
}

/// Why, for which case, how fast, and how many letters somebody believes that these are.
fn asked<'a>(
    call: &'a Call,
    preview: &Preview,
) -> Result<(&'a str, Option<Ticket>, Pace), Problem> {
    let why = needed(call, "why")?;
    let ticket = ticket(call)?;
    let pace = pace(call)?;
    typed_count(call, usize::try_from(preview.letters).unwrap_or(usize::MAX))?;
    Ok((why, ticket, pace))
}
