//! Everything that goes to standard output: plain lines, tables and JSON documents, never ANSI
//! codes. A reader that went away (`| head`) is no failure: the exit code still reports the result.

use std::io::{self, Write};

use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::failure::Failure;

/// A person reads no more rows than this before they act.
const FIRST_ROWS: usize = 20;

/// How a command prints what it read.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Format {
    /// Print one JSON document: ids are strings, points are numbers, times are UTC
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::failed("standard output cannot be written", error)),
    }
}

/// Prints one indented document, its fields in alphabetical order.
pub(crate) fn json(document: &impl Serialize) -> Result<(), Failure> {
    let document = serde_json::to_value(document)
        .map_err(|error| Failure::failed("the document cannot be written as JSON", error))?;
    line(&format!("{document:#}"))
}

/// A struct that is a row of a table, and a member of a list in JSON.
pub(crate) trait Row: Serialize + Sized + 'static {
    const COLUMNS: &'static [Column<Self>];
}

/// A column of a table: its heading, its alignment and the text of its cells.
pub(crate) struct Column<R>(&'static str, CellAlignment, fn(&R) -> String);

pub(crate) const fn text<R>(heading: &'static str, cell: fn(&R) -> String) -> Column<R> {
    Column(heading, CellAlignment::Left, cell)
}

pub(crate) const fn number<R>(heading: &'static str, cell: fn(&R) -> String) -> Column<R> {
    Column(heading, CellAlignment::Right, cell)
}

/// Prints the rows as a JSON list or as a table.
pub(crate) fn list<R: Row>(rows: &[R], format: Format) -> Result<(), Failure> {
    if format.json {
        json(&rows)
    } else {
        table(rows)
    }
}

/// Prints a table without lines, so that other tools can cut and search it.
pub(crate) fn table<'a, R: Row>(rows: impl IntoIterator<Item = &'a R>) -> Result<(), Failure> {
    let cells = rows.into_iter().map(|row| {
        R::COLUMNS
            .iter()
            .map(|Column(.., cell)| cell(row))
            .collect()
    });
    let headings = R::COLUMNS
        .iter()
        .map(|Column(heading, alignment, _cell)| (*heading, *alignment));
    line(&layout(&headings.collect::<Vec<_>>(), cells))
}

/// Prints a table under its title, or nothing without rows.
pub(crate) fn titled_table<R: Row>(title: &str, rows: &[R]) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    line(&format!("\n{title}"))?;
    table(rows)
}

/// Prints a table of the first rows, and how many more there are.
pub(crate) fn first_rows<'a, R: Row>(
    rows: impl ExactSizeIterator<Item = &'a R>,
) -> Result<(), Failure> {
    let more = rows.len().saturating_sub(FIRST_ROWS);
    table(rows.take(FIRST_ROWS))?;
    match more {
        0 => Ok(()),
        more => line(&format!("and {more} more")),
    }
}

/// Prints names and values, one pair a line.
pub(crate) fn facts(facts: &[(&str, String)]) -> Result<(), Failure> {
    let rows = facts
        .iter()
        .map(|(name, value)| vec![(*name).to_owned(), value.clone()]);
    line(&layout(&[], rows))
}

/// The one place that makes cells: whatever a table or a fact shows passes here.
fn layout(
    headings: &[(&str, CellAlignment)],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> String {
    let mut table = Table::new();
    let printable_cells = |row: Vec<String>| row.into_iter().map(|cell| printable(&cell));
    table
        .load_style(presets::NOTHING)
        .add_rows(rows.into_iter().map(printable_cells));
    if !headings.is_empty() {
        table.set_header(headings.iter().map(|(heading, _alignment)| *heading));
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if let Some((_heading, alignment)) = headings.get(index) {
            column.set_cell_alignment(*alignment);
        }
    }
    table.trim_fmt()
}

/// The text with its control characters escaped, so that a terminal shows them and obeys none.
pub(crate) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if character == '\n' || !character.is_control() {
            printable.push(character);
        } else {
            printable.extend(character.escape_unicode());
        }
    }
    printable
}

/// A duration in its two largest units: what matters is whether it is minutes or days.
pub(crate) fn age_text(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {}m", minutes % 60),
        _days => format!("{days}d {}h", hours % 24),
    }
}

/// The value, or a dash where there is none.
pub(crate) fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_plain_aligned_text() {
        let headings = [
            ("product", CellAlignment::Left),
            ("points", CellAlignment::Right),
        ];
        let rows = [("7", "500"), ("600000000000000040", "5")]
            .map(|(product, points)| vec![product.to_owned(), points.to_owned()]);
        assert_eq!(
            layout(&headings, rows),
            "product             points\n\
             7                      500\n\
             600000000000000040       5"
        );
    }

    #[test]
    fn a_terminal_obeys_no_cell() {
        assert_eq!(
            printable("a\u{1b}[2J\u{9b}\n\u{17c}"),
            "a\\u{1b}[2J\\u{9b}\n\u{17c}"
        );
        assert_eq!(layout(&[], [vec!["\u{1b}[2J".to_owned()]]), "\\u{1b}[2J");
    }

    #[test]
    fn an_age_has_two_units() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (61, "1m 1s"),
            (3_600, "1h 0m"),
            (90_000, "1d 1h"),
        ] {
            assert_eq!(age_text(seconds), text);
        }
    }
}
