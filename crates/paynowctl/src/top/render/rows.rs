//! The lower part of the screen: retries, state, dead letters, processes, log records.

use super::text::{Line, Tone, fit, flow};
use crate::top::figures::{NONE, count_text, duration_text, memory_text};
use crate::top::sample::Silent;
use crate::top::view::{Level, Process, ProcessRow, Rung, View};

const RUNG_TITLE_WIDTH: usize = 15;
const RUNG_WIDTH: usize = 7;
const STATE_WIDTH: usize = 13;

/// The retry ladder: rungs that nothing is on give way to those that are busy.
pub(super) fn rungs(view: &View, columns: usize) -> Vec<Line> {
    let room = columns.saturating_sub(RUNG_TITLE_WIDTH) / RUNG_WIDTH;
    let is_quiet = |rung: &Rung| rung.waiting == Some(0) && rung.put.unwrap_or(0.0) <= 0.0;
    let mut shown: Vec<&Rung> = view.rungs.iter().collect();
    while shown.len() > room {
        let last_quiet = shown.iter().rposition(|rung| is_quiet(rung));
        shown.remove(last_quiet.unwrap_or(shown.len() - 1));
    }
    let covered = format!("in last {:.0}s", view.window_seconds);
    let mut titles = Line::default();
    titles.left(Tone::Heading, "retry after", RUNG_TITLE_WIDTH);
    let mut waiting = Line::default();
    waiting.left(Tone::Plain, "waiting", RUNG_TITLE_WIDTH);
    let mut put = Line::default();
    put.left(Tone::Plain, &covered, RUNG_TITLE_WIDTH);
    for rung in &shown {
        let depth = rung.waiting.map(|messages| messages as f64);
        titles.right(Tone::Heading, &format!("{}s", rung.seconds), RUNG_WIDTH);
        waiting.right(Tone::Plain, &or_none(depth), RUNG_WIDTH);
        put.right(Tone::Plain, &or_none(rung.put), RUNG_WIDTH);
    }
    if shown.is_empty() {
        titles.push(Tone::Plain, "unknown: neither broker nor worker answers");
    }
    vec![titles, waiting, put]
}

fn or_none(count: Option<f64>) -> String {
    count.map_or_else(|| NONE.to_owned(), count_text)
}

/// Pauses, blocked connections, alarms and debts, each in a few words.
pub(super) fn state(view: &View) -> Line {
    let mut line = Line::default();
    let mut say = |name: &str, tone: Tone, text: &str| {
        line.push(Tone::Heading, name);
        line.push(tone, &format!(" {text}  "));
    };
    let fine_or = |bad: bool| if bad { Tone::Alarm } else { Tone::Plain };
    match &view.pauses {
        None => say("pauses", Tone::Plain, NONE),
        Some(pauses) if pauses.is_empty() => say("pauses", Tone::Plain, "none"),
        Some(pauses) => {
            let texts = pauses
                .iter()
                .map(|(cause, times)| format!("{cause} {times:.0}"));
            say(
                "pauses",
                Tone::Warning,
                &texts.collect::<Vec<_>>().join(" "),
            );
        }
    }
    let answering = view
        .processes
        .iter()
        .filter_map(|row| row.told.as_ref().ok());
    let (blocked, lanes) = answering.fold((0, 0), |(blocked, lanes), process| {
        (blocked + process.lanes_blocked, lanes + process.lanes)
    });
    say(
        "blocked",
        fine_or(blocked > 0),
        &format!("{blocked} of {lanes}"),
    );
    match view.broker.as_ref().map(|broker| &broker.alarms) {
        Ok(Ok(alarms)) if alarms.is_empty() => say("alarms", Tone::Plain, "none"),
        Ok(Ok(alarms)) => say("alarms", Tone::Alarm, &alarms.len().to_string()),
        Ok(Err(_)) | Err(_) => say("alarms", Tone::Plain, NONE),
    }
    match &view.books {
        Ok(books) if books.debt_wallets == 0 => say("debts", Tone::Plain, "none"),
        Ok(books) => {
            let wallets = count_text(books.debt_wallets as f64);
            let points = count_text(books.debt_points as f64);
            say(
                "debts",
                Tone::Plain,
                &format!("{points} points of {wallets} wallets"),
            );
        }
        Err(_) => say("debts", Tone::Plain, NONE),
    }
    line
}

pub(super) fn letters(view: &View, columns: usize, lines_max: usize) -> Vec<Line> {
    let mut title = Line::of(Tone::Heading, "open dead letters");
    let books = match &view.books {
        Ok(books) => books,
        Err(silent) => {
            let tone = match silent {
                Silent::NotAsked(_) => Tone::Warning,
                Silent::NoAnswer(_) => Tone::Alarm,
            };
            let items = [(tone, format!("unknown: {silent}"))];
            return flow(&title, &items, columns, lines_max);
        }
    };
    let tone = books.letters_level().into();
    match books.open_letters() {
        0 => title.push(Tone::Plain, " none"),
        open => title.push(tone, &format!(" {open}:")),
    }
    let items: Vec<(Tone, String)> = books
        .letters
        .iter()
        .map(|of| {
            let age = duration_text(of.oldest_age_seconds as f64);
            let text = format!("{} {} oldest {age}", of.reason, of.letters);
            (tone, text)
        })
        .collect();
    flow(&title, &items, columns, lines_max)
}

pub(super) fn log_records(view: &View, columns: usize, lines_max: usize) -> Vec<Line> {
    let covered = format!("log, in last {:.0}s (ever)", view.window_seconds);
    let mut title = Line::of(Tone::Heading, &covered);
    let items: Vec<(Tone, String)> = view
        .log_records
        .iter()
        .map(|of| {
            let (recent, total) = (count_text(of.recent), count_text(of.total));
            let text = format!("{} {} {recent} ({total})", of.level, of.event);
            (of.weight().into(), text)
        })
        .collect();
    if items.is_empty() {
        let answers = view.processes.iter().any(|row| row.told.is_ok());
        title.push(
            Tone::Plain,
            if answers { " no warning" } else { " unknown" },
        );
    }
    flow(&title, &items, columns, lines_max)
}

/// The header, and a row for each process; those that do not answer stay when there is no room.
pub(super) fn processes(view: &View, columns: usize, rows_max: usize) -> Vec<Line> {
    let widest = |texts: Vec<usize>, least: usize| texts.into_iter().fold(least, usize::max) + 1;
    let names = view.processes.iter().map(|row| name(row).len()).collect();
    let addresses = view.processes.iter().map(|row| row.address.len()).collect();
    let widths = (widest(names, 7), widest(addresses, 7));
    let mut shown: Vec<&ProcessRow> = view.processes.iter().collect();
    let all = shown.len();
    let is_bad = |row: &&ProcessRow| tone(row) != Tone::Plain;
    if all > rows_max {
        shown.sort_by_key(|row| !is_bad(row));
        shown.truncate(rows_max.saturating_sub(1));
    }
    let mut lines = vec![processes_header(widths)];
    lines.extend(shown.iter().map(|row| process_line(row, widths, columns)));
    if all > shown.len() {
        let (more, bad) = (
            all - shown.len(),
            view.processes.iter().filter(is_bad).count(),
        );
        let also_bad = bad.saturating_sub(shown.iter().filter(|row| is_bad(row)).count());
        let text = format!("and {more} more, {also_bad} of them not well");
        let level = if also_bad > 0 {
            Level::Alarm
        } else {
            Level::Fine
        };
        lines.push(Line::of(level.into(), &text));
    }
    lines
}

fn name(row: &ProcessRow) -> &str {
    row.program.as_deref().unwrap_or("unknown")
}

fn tone(row: &ProcessRow) -> Tone {
    match &row.told {
        Ok(process) => process.state().level().into(),
        Err(_reason) => Tone::Alarm,
    }
}

/// Of name and address.
type Widths = (usize, usize);

fn processes_header((names, addresses): Widths) -> Line {
    let mut line = Line::default();
    line.left(Tone::Heading, "process", names);
    line.left(Tone::Heading, "address", addresses);
    for (title, width) in [("up", 7), ("cpu", 5), ("memory", 9), ("lanes", 6)] {
        line.right(Tone::Heading, title, width);
    }
    line.push(Tone::Plain, " ");
    line.left(Tone::Heading, "state", STATE_WIDTH);
    line.push(Tone::Heading, "version");
    line
}

fn process_line(row: &ProcessRow, (names, addresses): Widths, columns: usize) -> Line {
    let tone = tone(row);
    let mut line = Line::default();
    line.left(tone, name(row), names);
    line.left(tone, &row.address, addresses);
    match &row.told {
        Ok(process) => process_cells(&mut line, process, tone),
        Err(reason) => {
            let room = columns.saturating_sub(line.width());
            line.push(tone, &fit(&format!("no answer: {reason}"), room));
        }
    }
    line
}

fn process_cells(line: &mut Line, process: &Process, tone: Tone) {
    let text =
        |figure: Option<f64>, text: fn(f64) -> String| figure.map_or_else(|| NONE.to_owned(), text);
    let lanes = format!("{}/{}", process.lanes_connected, process.lanes);
    line.right(tone, &text(process.up_seconds, duration_text), 7);
    line.right(
        tone,
        &text(process.cpu_share, |share| format!("{:.0}%", share * 100.0)),
        5,
    );
    line.right(tone, &text(process.memory_bytes, memory_text), 9);
    line.right(tone, &lanes, 6);
    line.push(Tone::Plain, " ");
    line.left(tone, process.state().word(), STATE_WIDTH);
    line.push(tone, &process.version);
}
