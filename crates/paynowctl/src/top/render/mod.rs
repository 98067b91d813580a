//! A view as lines of text: pure, and for any size of screen.

mod body;
mod rows;
mod text;

use chrono::DateTime;

use super::view::View;
use text::flow;

pub(super) use text::{Line, Tone};

/// What there is to write on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) columns: usize,
    /// `None` on paper: everything is shown.
    pub(super) rows: Option<usize>,
}

/// Lines each part would like, and how many it gets.
struct Share {
    wanted: usize,
    given: usize,
}

pub(super) fn screen(view: &View, size: Size) -> Vec<Line> {
    let columns = size.columns;
    let mut lines = vec![title(view)];
    let middle = [
        body::body(view, columns),
        rows::rungs(view, columns),
        vec![rows::state(view)],
    ];
    let middle: Vec<Line> = middle.into_iter().flatten().collect();
    // The title and the header of the processes have a line each.
    let fixed = middle.len() + 2;
    let all = usize::MAX;
    let mut shares = [
        problems(view, columns, all).len(),
        view.processes.len(),
        rows::letters(view, columns, all).len(),
        rows::log_records(view, columns, all).len(),
    ]
    .map(|wanted| Share {
        wanted,
        given: wanted.min(1),
    });
    let mut left = size.rows.map_or(all, |rows| rows.saturating_sub(fixed));
    left = left.saturating_sub(shares.iter().map(|share| share.given).sum());
    share_out(&mut shares, left);
    let [for_problems, for_processes, for_letters, for_log] = shares.map(|share| share.given);
    lines.extend(problems(view, columns, for_problems));
    lines.extend(middle);
    lines.extend(rows::letters(view, columns, for_letters));
    lines.extend(rows::processes(view, columns, for_processes));
    lines.extend(rows::log_records(view, columns, for_log));
    lines.truncate(size.rows.unwrap_or(all));
    lines.into_iter().map(|line| line.cut(columns)).collect()
}

/// A line more for everybody in turn, as long as there are lines and anybody wants one.
fn share_out(shares: &mut [Share], mut left: usize) {
    while left > 0 && shares.iter().any(|share| share.given < share.wanted) {
        for share in shares.iter_mut().filter(|share| share.given < share.wanted) {
            if left > 0 {
                share.given += 1;
                left -= 1;
            }
        }
    }
}

/// Unix milliseconds as a time of day in UTC.
pub(super) fn time_text(unix_ms: i64, format: &str) -> String {
    DateTime::from_timestamp_millis(unix_ms)
        .map_or_else(String::new, |time| time.format(format).to_string())
}

fn title(view: &View) -> Line {
    let (all, answering) = (view.processes.len(), view.processes.iter());
    let answering = answering.filter(|row| row.told.is_ok()).count();
    let tone = |is_there: bool| if is_there { Tone::Plain } else { Tone::Alarm };
    let no = |is_there: bool| if is_there { "" } else { "no " };
    let (has_broker, has_books) = (view.broker.is_ok(), view.books.is_ok());
    let mut line = Line::of(Tone::Heading, "paynowctl top");
    for (tone, text) in [
        (Tone::Plain, time_text(view.taken_at_ms, "%H:%M:%S UTC")),
        (
            tone(answering == all),
            format!("{answering} of {all} processes"),
        ),
        (tone(has_broker), format!("{}broker", no(has_broker))),
        (tone(has_books), format!("{}database", no(has_books))),
    ] {
        line.push(Tone::Plain, "  ");
        line.push(tone, &text);
    }
    line
}

fn problems(view: &View, columns: usize, lines_max: usize) -> Vec<Line> {
    let items: Vec<(Tone, String)> = view
        .problems
        .iter()
        .map(|problem| (problem.level.into(), problem.what.clone()))
        .collect();
    let title = match items.len() {
        0 => Line::of(Tone::Plain, "nothing needs attention"),
        _some => Line::of(Tone::Alarm, "!"),
    };
    flow(&title, &items, columns, lines_max)
}

#[cfg(test)]
mod tests;
