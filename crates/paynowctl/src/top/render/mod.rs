//! The view as lines of text, for any size of screen.

mod body;
mod rows;
mod text;

use paynow_desk::top::figures::time_text;
use paynow_desk::top::view::View;
use text::flow;

pub(super) use text::{Line, Tone};

/// The size of the screen or of other output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) columns: usize,
    /// `None` for output that scrolls, which shows everything.
    pub(super) rows: Option<usize>,
}

pub(super) fn screen(view: &View, size: Size) -> Vec<Line> {
    let columns = size.columns;
    let rows_max = size.rows.unwrap_or(usize::MAX);
    let mut middle = body::body(view, columns);
    middle.extend(rows::rungs(view, columns));
    middle.push(rows::state(view));
    let wanted = [
        problems(view, columns, usize::MAX).len(),
        view.processes.len(),
        rows::letters(view, columns, usize::MAX).len(),
        rows::log_records(view, columns, usize::MAX).len(),
    ];
    // The title and the header of the processes take a line each.
    let left = rows_max.saturating_sub(middle.len() + 2);
    let [for_problems, for_processes, for_letters, for_log] = share_out(wanted, left);
    let mut lines = vec![title(view)];
    lines.extend(problems(view, columns, for_problems));
    lines.extend(middle);
    lines.extend(rows::letters(view, columns, for_letters));
    lines.extend(rows::processes(view, columns, for_processes));
    lines.extend(rows::log_records(view, columns, for_log));
    lines.truncate(rows_max);
    lines.into_iter().map(|line| line.cut(columns)).collect()
}

/// Gives each part one line in turn, until no line is left or no part wants one. The first line is
/// given even if there are not enough.
fn share_out(wanted: [usize; 4], mut left: usize) -> [usize; 4] {
    let mut given = wanted.map(|lines| lines.min(1));
    left = left.saturating_sub(given.iter().sum());
    while left > 0 && given != wanted {
        for (given, wanted) in given.iter_mut().zip(wanted) {
            if left > 0 && *given < wanted {
                *given += 1;
                left -= 1;
            }
        }
    }
    given
}

fn title(view: &View) -> Line {
    let (all, rows) = (view.processes.len(), view.processes.iter());
    let answering = rows.filter(|row| row.answer.is_ok()).count();
    let alarm_unless = |fine: bool| if fine { Tone::Plain } else { Tone::Alarm };
    let reached = |name: &str, answers: bool| {
        let no = if answers { "" } else { "no " };
        (alarm_unless(answers), format!("{no}{name}"))
    };
    let mut line = Line::of(Tone::Heading, "paynowctl top");
    for (tone, text) in [
        (Tone::Plain, time_text(view.taken_at_ms, "%H:%M:%S UTC")),
        (
            alarm_unless(answering == all),
            format!("{answering} of {all} processes"),
        ),
        reached("broker", view.broker.is_ok()),
        reached("database", view.database.is_ok()),
    ] {
        line.push(Tone::Plain, "  ");
        line.push(tone, &text);
    }
    line
}

fn problems(view: &View, columns: usize, lines_max: usize) -> Vec<Line> {
    let items = view.problems.iter();
    let items: Vec<(Tone, String)> = items
        .map(|problem| (problem.level.into(), problem.what.clone()))
        .collect();
    let title = match items.is_empty() {
        true => Line::of(Tone::Plain, "nothing needs attention"),
        false => Line::of(Tone::Alarm, "!"),
    };
    flow(&title, &items, columns, lines_max)
}

#[cfg(test)]
mod tests;
