//! The lower part of the screen: retries, state, dead letters, processes and log records.

use super::text::{Line, Tone, fit, flow};
use paynow_desk::top::figures::{NONE, count_text, duration_text, memory_text, or_none};
use paynow_desk::top::snapshot::OpenDeadLetters;
use paynow_desk::top::view::{Level, LogRecords, Process, ProcessRow, Rung, View};

const RUNG_TITLE_WIDTH: usize = 15;
const RUNG_WIDTH: usize = 7;
const STATE_WIDTH: usize = 13;

/// The retry ladder. When it is too wide, rungs without events are left out first.
pub(super) fn rungs(view: &View, columns: usize) -> Vec<Line> {
    let rungs_max = columns.saturating_sub(RUNG_TITLE_WIDTH) / RUNG_WIDTH;
    let is_quiet = |rung: &&Rung| rung.waiting == Some(0) && rung.put.unwrap_or(0.0) <= 0.0;
    let mut shown: Vec<&Rung> = view.rungs.iter().collect();
    while shown.len() > rungs_max {
        let last_quiet = shown.iter().rposition(is_quiet);
        shown.remove(last_quiet.unwrap_or(shown.len() - 1));
    }
    let row = |tone, title: &str, text: fn(&Rung) -> String| {
        let cells = shown.iter().map(|rung| (text(rung), RUNG_WIDTH));
        Line::row(tone, (title, RUNG_TITLE_WIDTH), cells)
    };
    let mut titles = row(Tone::Heading, "retry after", |rung| {
        format!("{}s", rung.seconds)
    });
    if shown.is_empty() {
        titles.push(Tone::Plain, "unknown: neither broker nor worker answers");
    }
    let waiting = row(Tone::Plain, "waiting", |rung| {
        or_none(rung.waiting, |messages| count_text(messages as f64))
    });
    let in_last = format!("in last {:.0}s", view.window_seconds);
    let put = row(Tone::Plain, &in_last, |rung| or_none(rung.put, count_text));
    vec![titles, waiting, put]
}

/// Pauses, blocked connections, alarms and debts on one line.
pub(super) fn state(view: &View) -> Line {
    let none = || (Tone::Plain, "none".to_owned());
    let unknown = (Tone::Plain, NONE.to_owned());
    let pauses = view.pauses.as_ref().map(|by_cause| {
        let text = |(cause, times): (&String, &f64)| format!("{cause} {times:.0}");
        match by_cause.iter().map(text).collect::<Vec<_>>() {
            texts if texts.is_empty() => none(),
            texts => (Tone::Warning, texts.join(" ")),
        }
    });
    let answers = view.processes.iter().flat_map(|row| &row.answer);
    let (blocked, lanes) = answers.fold((0, 0), |(blocked, lanes), process| {
        (blocked + process.lanes_blocked, lanes + process.lanes)
    });
    let tone = if blocked > 0 {
        Tone::Alarm
    } else {
        Tone::Plain
    };
    let blocked = Some((tone, format!("{blocked} of {lanes}")));
    let alarms = view.broker_alarms().map(|alarms| match alarms.len() {
        0 => none(),
        count => (Tone::Alarm, count.to_string()),
    });
    let debts = view.database.as_ref().ok().map(|database| {
        let wallets = count_text(database.debts.wallets as f64);
        let points = count_text(database.debts.points as f64);
        match database.debts.wallets {
            0 => none(),
            _ => (Tone::Plain, format!("{points} points of {wallets} wallets")),
        }
    });
    let mut line = Line::default();
    for (name, figure) in [
        ("pauses", pauses),
        ("blocked", blocked),
        ("alarms", alarms),
        ("debts", debts),
    ] {
        let (tone, text) = figure.unwrap_or_else(|| unknown.clone());
        line.push(Tone::Heading, name);
        line.push(tone, &format!(" {text}  "));
    }
    line
}

pub(super) fn letters(view: &View, columns: usize, lines_max: usize) -> Vec<Line> {
    let mut title = Line::of(Tone::Heading, "open dead letters");
    let items: Vec<(Tone, String)> = match &view.database {
        Ok(database) => {
            let tone = database.letters_level().into();
            match database.open_letters() {
                0 => title.push(Tone::Plain, " none"),
                open => title.push(tone, &format!(" {open}:")),
            }
            let item = |of: &OpenDeadLetters| {
                let age = duration_text(of.oldest_age_seconds as f64);
                (tone, format!("{} {} oldest {age}", of.reason, of.letters))
            };
            database.dead_letters.iter().map(item).collect()
        }
        Err(unknown) => vec![(Level::from(unknown).into(), format!("unknown: {unknown}"))],
    };
    flow(&title, &items, columns, lines_max)
}

pub(super) fn log_records(view: &View, columns: usize, lines_max: usize) -> Vec<Line> {
    let title = format!("log in last {:.0}s (total)", view.window_seconds);
    let mut title = Line::of(Tone::Heading, &title);
    let item = |of: &LogRecords| {
        let (recent, total) = (count_text(of.recent), count_text(of.total));
        let text = format!("{} {} {recent} ({total})", of.level, of.event);
        (of.urgency().into(), text)
    };
    let items: Vec<(Tone, String)> = view.log_records.iter().map(item).collect();
    if items.is_empty() {
        let has_answer = view.processes.iter().any(|row| row.answer.is_ok());
        let text = match has_answer {
            true => " no warnings",
            false => " unknown",
        };
        title.push(Tone::Plain, text);
    }
    flow(&title, &items, columns, lines_max)
}

/// A header and a row for each process. When there are too many, those without problems are left
/// out first.
pub(super) fn processes(view: &View, columns: usize, rows_max: usize) -> Vec<Line> {
    let rows = &view.processes;
    let width = |text: fn(&ProcessRow) -> &str| {
        let widths = rows.iter().map(|row| text(row).len());
        widths.fold(7, usize::max) + 1
    };
    let widths = (width(name), width(|row| &row.address));
    let is_bad = |row: &&ProcessRow| row.level() != Level::Fine;
    let mut shown: Vec<&ProcessRow> = rows.iter().collect();
    let mut hidden = Vec::new();
    if rows.len() > rows_max {
        shown.sort_by_key(|row| !is_bad(row));
        hidden = shown.split_off(rows_max.saturating_sub(1));
    }
    let mut lines = vec![processes_header(widths)];
    lines.extend(shown.iter().map(|row| process_line(row, widths, columns)));
    if !hidden.is_empty() {
        let bad = hidden.iter().filter(|row| is_bad(row)).count();
        let tone = if bad > 0 { Tone::Alarm } else { Tone::Plain };
        let text = format!("and {} more, {bad} of them with problems", hidden.len());
        lines.push(Line::of(tone, &text));
    }
    lines
}

fn name(row: &ProcessRow) -> &str {
    row.program.as_deref().unwrap_or("unknown")
}

/// The widths of the columns with the name and the address.
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
    let tone = row.level().into();
    let mut line = Line::default();
    line.left(tone, name(row), names);
    line.left(tone, &row.address, addresses);
    match &row.answer {
        Ok(process) => process_cells(&mut line, process, tone),
        Err(reason) => {
            let width = columns.saturating_sub(line.width());
            line.push(tone, &fit(&format!("no answer: {reason}"), width));
        }
    }
    line
}

fn process_cells(line: &mut Line, process: &Process, tone: Tone) {
    let percent = |share: f64| format!("{:.0}%", share * 100.0);
    let lanes = format!("{}/{}", process.lanes_connected, process.lanes);
    line.right(tone, &or_none(process.up_seconds, duration_text), 7);
    line.right(tone, &or_none(process.cpu_share, percent), 5);
    line.right(tone, &or_none(process.memory_bytes, memory_text), 9);
    line.right(tone, &lanes, 6);
    line.push(Tone::Plain, " ");
    line.left(tone, process.state, STATE_WIDTH);
    line.push(tone, &process.version);
}
