//! Replays of every process: how far they are, and what people ask of them.

use paynow_desk::console::control::{Control, ask, asked};
use paynow_desk::console::permit::Permit;
use paynow_desk::console::permit::right::{ControlReplay, Look, Replay as MayReplay};
use paynow_desk::console::replays::{ReplayLetter, ReplayRow, letters, list, show};
use paynow_desk::console::roles::Right;
use paynow_desk::replay::{Asked, Broker, FullQueue, Replay, points_left};
use serde::Serialize;

use super::preview::{is_large, pace, pace_fields};
use super::tables;
use crate::answer::Answer;
use crate::ask::{PAGE_ROWS, needed, parsed, value};
use crate::console::Console;
use crate::document::{
    Cell, Document, Field, FieldKind, Form, Link, Part, Table, Tone, column, number_column,
};
use crate::problem::Problem;
use crate::text;
use crate::visit::Visit;

pub(crate) fn page(console: &Console, visit: &Visit<'_, Permit<Look>>) -> Result<Answer, Problem> {
    let page = list(
        &visit.seat(console),
        parsed(visit.call, "after")?,
        PAGE_ROWS,
    )?;
    let last = page.rows.last().map(|row| row.action_id.to_string());
    let after = last.filter(|_last| page.has_more);
    visit.reply(&page.rows, |rows| {
        Document::new("Replays, newest first")
            .with(Part::text(
                "Replays share their numbers with all actions at /audit, so there are gaps.",
            ))
            .with(Part::Table(table(rows)))
            .with_all(tables::next_page(visit.call, after))
    })
}

fn table(rows: &[ReplayRow]) -> Table {
    let cells = rows.iter().map(|row| {
        let (end, tone) = end(row);
        vec![
            Cell::id("/replays", row.action_id),
            Cell::time(&row.acted_at),
            Cell::text(row.operator.as_str()),
            Cell::count(row.letters),
            Cell::count(row.applied),
            Cell::count(row.dead_again),
            Cell::count(unfinished(row)),
            Cell::code(end, tone),
            Cell::text(row.why.as_str()),
        ]
    });
    Table {
        caption: "Replays".to_owned(),
        columns: vec![
            column("Replay"),
            column("Begun"),
            column("Who"),
            number_column("Letters"),
            number_column("Applied"),
            number_column("Dead again"),
            number_column("Without an outcome"),
            column("End"),
            column("Why"),
        ],
        rows: cells.collect(),
        empty: "nothing was replayed yet".to_owned(),
    }
}

/// The letters that nobody knows the outcome of: they are to be sent, or were sent and not looked at since.
fn unfinished(row: &ReplayRow) -> i64 {
    row.waiting.saturating_add(row.sent)
}

/// How it stands, in words.
fn end(row: &ReplayRow) -> (String, Tone) {
    match (row.is_running, &row.ended) {
        (true, _) => (running(row), Tone::Warning),
        (false, Some(ended)) if unfinished(row) > 0 => (ended.clone(), Tone::Bad),
        (false, Some(ended)) if row.dead_again > 0 => (ended.clone(), Tone::Warning),
        (false, Some(ended)) => (ended.clone(), Tone::Good),
        (false, None) => {
            let (at, _ago) = text::time(row.updated_at.as_deref().unwrap_or(&row.acted_at));
            let text = format!("its run ended without a word after {at}");
            (text, Tone::Bad)
        }
    }
}

/// Whether a process sends the letters, or waits until somebody lets it go on.
fn running(row: &ReplayRow) -> String {
    match (&row.paused_by, &row.paused_at) {
        (Some(by), Some(at)) => format!("paused by {by} since {}", text::time(at).0),
        (None, _) | (_, None) => "runs".to_owned(),
    }
}

#[derive(Serialize)]
struct Course {
    #[serde(flatten)]
    replay: ReplayRow,
    /// How it stands, in words.
    state: String,
    asked: Option<Control>,
    /// How far it is, in words.
    course: String,
    letter_rows: Vec<ReplayLetter>,
}

pub(crate) fn one(console: &Console, visit: &Visit<'_, Permit<Look>>) -> Result<Answer, Problem> {
    let call = visit.call;
    let number = value("the replay", call.parameter("replay"))?;
    let database = visit.seat(console);
    let replay = show(&database, number)?;
    let page = letters(
        &database,
        replay.action_id,
        call.query("state"),
        parsed(call, "after")?,
        PAGE_ROWS,
    )?;
    let last = page.rows.last().map(|row| row.dead_letter_id.to_string());
    let after = last.filter(|_last| page.has_more);
    let asked = asked(&database, replay.action_id)?;
    let held_up = console.runner.held_up(replay.action_id);
    let course = Course {
        course: course_text(&replay, held_up),
        state: end(&replay).0,
        replay,
        asked,
        letter_rows: page.rows,
    };
    let is_resumable = !course.replay.is_running && unfinished(&course.replay) > 0;
    let permit = visit.session.permit::<MayReplay>().ok();
    let permit = permit.filter(|_permit| is_resumable && !visit.call.wants_json());
    // Who may not replay is told that, and not this.
    let is_large = permit.map(|permit| is_rest_large(console, &permit, &course.replay));
    let is_large = is_large.transpose()?.unwrap_or_default();
    visit.reply(&course, |course| document(visit, course, is_large, after))
}

fn document<P>(
    visit: &Visit<'_, P>,
    course: &Course,
    is_large: bool,
    after: Option<String>,
) -> Document {
    let replay = &course.replay;
    let (end, tone) = end(replay);
    let resumable = unfinished(replay) > 0;
    let forms = match (replay.is_running, resumable) {
        (true, _) => vec![control_form(visit, replay)],
        (false, true) => vec![resume_form(visit, replay, is_large)],
        (false, false) => Vec::new(),
    };
    let command = format!(
        "paynowctl dead replay --resume {} --by <name> --why <text>",
        replay.action_id
    );
    Document::new(format!("Replay {}: {end}", replay.action_id))
        .under("/replays", "Replays")
        .with(course_part(replay, tone, &course.course))
        .with(ways_on(replay))
        .with_all(course.asked.as_ref().map(asked_part))
        .with(Part::facts("The replay", facts(replay)))
        .with_all(forms.into_iter().map(Part::Form))
        .with(Part::Table(letters_table(&course.letter_rows)))
        .with_all(tables::next_page(visit.call, after))
        .with_all(resumable.then(|| Part::command(command)))
}

/// A script keeps it up to date while the replay runs.
fn course_part(replay: &ReplayRow, tone: Tone, text: &str) -> Part {
    match replay.is_running {
        true => Part::Watched(tone, text.to_owned()),
        false => Part::notice(tone, text),
    }
}

/// Where somebody goes from here.
fn ways_on(replay: &ReplayRow) -> Part {
    let number = replay.action_id;
    let link = |href: String, text: &str| Link::new(href, text);
    let mut links = vec![link(format!("/replays/{number}"), "Look again")];
    if replay.dead_again > 0 {
        let dead_again = format!("/replays/{number}?state=dead_again");
        links.push(link(dead_again, "Only the letters that died again"));
    }
    links.push(link("/checks".to_owned(), "Check the ledger"));
    let actions = format!("/audit?about={number}");
    links.push(link(actions, "What operators did about it"));
    Part::Links {
        label: "From here".to_owned(),
        links,
    }
}

fn course_text(replay: &ReplayRow, held_up: Option<FullQueue>) -> String {
    let waits = held_up.map_or_else(String::new, |queue| {
        format!(
            " Live traffic goes first: the workers' queue had {} when the replay last looked, more than {}.",
            text::counted(queue.depth, "message", "messages"),
            text::count(queue.limit)
        )
    });
    format!(
        "{} of {} letters applied, {} dead again, {} sent and without an outcome, {} skipped, {} to do.{waits}",
        text::count(replay.applied),
        text::count(replay.letters),
        text::count(replay.dead_again),
        text::count(replay.sent),
        text::count(replay.skipped),
        text::count(replay.waiting)
    )
}

fn asked_part(control: &Control) -> Part {
    let (at, ago) = text::time(&control.asked_at);
    let text = format!(
        "{} asked for {} at {at} ({ago}): {}",
        control.asked_by, control.asked, control.why
    );
    Part::notice(Tone::Plain, text)
}

fn facts(replay: &ReplayRow) -> Vec<(&'static str, Cell)> {
    let (end, tone) = end(replay);
    vec![
        ("State", Cell::code(end, tone)),
        ("Begun", Cell::time(&replay.acted_at)),
        ("By", Cell::text(replay.operator.as_str())),
        ("Why", Cell::text(replay.why.as_str())),
        ("Ticket", Cell::maybe(replay.ticket.as_deref())),
        ("Last step", Cell::maybe_time(replay.updated_at.as_deref())),
    ]
}

fn letters_table(rows: &[ReplayLetter]) -> Table {
    let cells = rows.iter().map(|row| {
        vec![
            Cell::id("/dead", row.dead_letter_id),
            Cell::id("/events", &row.event_id),
            Cell::text(row.state.replace('_', " ")),
            Cell::text(row.reason.as_str()),
            Cell::time(&row.updated_at),
        ]
    });
    Table {
        caption: "Its letters".to_owned(),
        columns: vec![
            column("Letter"),
            column("Event"),
            column("State"),
            column("Reason"),
            column("Last step"),
        ],
        rows: cells.collect(),
        empty: "none".to_owned(),
    }
}

fn control_form<P>(visit: &Visit<'_, P>, replay: &ReplayRow) -> Form {
    let go_or_pause = match replay.paused_by {
        Some(_) => ("go", "go on"),
        None => ("pause", "pause"),
    };
    let options = [go_or_pause, ("stop", "stop")];
    let options = options.map(|(code, text)| (code.to_owned(), text.to_owned()));
    Form::post(
        "control",
        format!("/replays/{}/ask", replay.action_id),
        "Pause, stop or continue the replay",
    )
    .field(Field::new("what", "Ask it to", go_or_pause.0).kind(FieldKind::Select(options.into())))
    .field(
        Field::new("why", "Why", "")
            .kind(FieldKind::Lines)
            .required(),
    )
    .disabled_because(visit.lacks(Right::ControlReplay))
}

fn resume_form<P>(visit: &Visit<'_, P>, replay: &ReplayRow, is_large: bool) -> Form {
    let legend = format!(
        "Go on with {}",
        text::counted(unfinished(replay).unsigned_abs(), "letter", "letters")
    );
    let form = Form::post(
        "resume",
        format!("/replays/{}/resume", replay.action_id),
        &legend,
    )
    .field(
        Field::new("why", "Why", "")
            .kind(FieldKind::Lines)
            .required(),
    );
    let again = is_large.then(|| visit.must_sign_in_again());
    pace_fields(form, visit.call).disabled_because(visit.lacks(Right::Replay).or(again.flatten()))
}

pub(crate) fn control(
    console: &Console,
    visit: &Visit<'_, Permit<ControlReplay>>,
) -> Result<Answer, Problem> {
    let call = visit.call;
    let number = value("the replay", call.parameter("replay"))?;
    let what: Asked = match call.field("what") {
        Some("pause") => Asked::Pause,
        Some("stop") => Asked::Stop,
        Some("go") => Asked::Go,
        Some(_) | None => {
            return Err(Problem::Invalid(
                "what is asked is pause, stop or go".to_owned(),
            ));
        }
    };
    let note = visit.permit.note(needed(call, "why")?);
    ask(&visit.seat(console), number, what, &note)?;
    Ok(Answer::see(format!("/replays/{number}")))
}

/// Whether what is left takes a fresh sign-in, as a replay that begins does.
fn is_rest_large(
    console: &Console,
    permit: &Permit<MayReplay>,
    replay: &ReplayRow,
) -> Result<bool, Problem> {
    let letters = unfinished(replay);
    // Many bodies need not be read to know it.
    if is_large(letters, 0) {
        return Ok(true);
    }
    let database = console.database.seat(permit);
    let points = points_left(&database, replay.action_id, &console.policy)?;
    Ok(is_large(letters, points))
}

/// Goes on with what is left, after whoever ran it is gone.
pub(crate) fn resumed(
    console: &Console,
    visit: &Visit<'_, Permit<MayReplay>>,
) -> Result<Answer, Problem> {
    let call = visit.call;
    let number = value("the replay", call.parameter("replay"))?;
    let note = visit.permit.note(needed(call, "why")?);
    let pace = pace(call)?;
    if is_rest_large(console, &visit.permit, &show(&visit.seat(console), number)?)? {
        visit.check_recent()?;
    }
    let turn = console.runner.turn()?;
    let replay = Replay::resume(&visit.seat(console), number, note)?;
    let broker = Broker {
        address: console.broker.clone(),
        api: console.management(),
    };
    turn.run(replay, broker, pace)?;
    Ok(Answer::see(format!("/replays/{number}")))
}
