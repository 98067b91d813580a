//! Everything that commands write: plain lines, tables and JSON documents, never ANSI codes. What a
//! line or a cell says passes [`Printable`], and only this file and the screen of `top` have a writer,
//! so that no text of others reaches a terminal as it is.
//! A reader that went away (`| head`) is no failure: the exit code still reports the result.

use std::cell::RefCell;
use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;

use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use paynow_desk::error::in_one_line;
use paynow_desk::page::Page;
pub(crate) use paynow_desk::text::age_text;
use serde::Serialize;
use serde_json::Value;

use crate::escape::{Printable, printable_json};
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

thread_local! {
    /// The lines of [`kept_lines`].
    static KEPT: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Prints one line, whatever the text contains.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let is_kept = KEPT.with_borrow_mut(|kept| match kept {
        Some(lines) => {
            lines.push(text.to_owned());
            true
        }
        None => false,
    });
    if is_kept {
        return Ok(());
    }
    print(Printable::of(text).as_str())
}

/// Runs a command that tells what it does while it does it, and returns its lines instead of printing them.
pub(crate) fn kept_lines(
    run: impl FnOnce() -> Result<(), Failure>,
) -> (Vec<String>, Result<(), Failure>) {
    KEPT.set(Some(Vec::new()));
    let result = run();
    (KEPT.take().unwrap_or_default(), result)
}

pub(crate) fn empty_line() -> Result<(), Failure> {
    print("")
}

/// Prints a text of many lines that contains nothing but our own words.
pub(crate) fn script(text: &str) -> Result<(), Failure> {
    print(text.trim_end())
}

/// Prints one indented document, its fields in alphabetical order.
pub(crate) fn json(document: &impl Serialize) -> Result<(), Failure> {
    let document = serde_json::to_value(document)
        .map_err(|error| Failure::failed("the document cannot be written as JSON", error))?;
    print(&printable_json(&format!("{document:#}")))
}

/// Writes one document in one line. Unlike the others it tells that the reader went away, to a
/// command that would go on for ever.
pub(crate) fn json_line(document: &Value) -> io::Result<()> {
    write(&printable_json(&document.to_string()))
}

/// Prints one sentence on standard error when the command failed, and returns its exit code.
pub(crate) fn report(result: Result<(), Failure>) -> ExitCode {
    let Err(failure) = result else {
        return ExitCode::SUCCESS;
    };
    if !matches!(failure, Failure::AlreadyPrinted) {
        error(&format!("paynowctl: {}", in_one_line(&failure)));
    }
    ExitCode::from(failure.exit_code())
}

/// Writes one line to standard error, whatever the text contains.
#[expect(
    clippy::print_stderr,
    reason = "standard error is where a command line tool says why it failed"
)]
pub(crate) fn error(text: &str) {
    eprintln!("{}", Printable::of(text).as_str());
}

/// Asks a person; `false` where nobody can answer.
#[expect(
    clippy::disallowed_methods,
    reason = "whether somebody reads the question; it is printed as all others are"
)]
pub(crate) fn ask(question: &str) -> bool {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return false;
    }
    error(&format!("{question} Type yes to go on:"));
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.is_ok() && answer.trim() == "yes"
}

/// Prints what this file has laid out and escaped.
fn print(text: &str) -> Result<(), Failure> {
    match write(text) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::failed("standard output cannot be written", error)),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the writer that all commands share"
)]
fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
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

/// Prints a page of a list, and how the next one is asked for; in JSON the last row says it.
pub(crate) fn page<R: Row>(
    page: &Page<R>,
    format: Format,
    singular: &str,
    place: impl Fn(&R) -> String,
) -> Result<(), Failure> {
    if format.json {
        return json(&page.rows);
    }
    let Some(last) = page.rows.last() else {
        return line(&format!("no {singular} matches"));
    };
    table(&page.rows)?;
    match page.has_more {
        true => line(&format!("and more: --after {}", place(last))),
        false => Ok(()),
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
    print(&layout(&headings.collect::<Vec<_>>(), cells))
}

/// Prints a table under its title, or nothing without rows.
pub(crate) fn titled_table<R: Row>(title: &str, rows: &[R]) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    empty_line()?;
    line(title)?;
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
    print(&layout(&[], rows))
}

/// The one place that makes cells: whatever a table or a fact shows passes here.
fn layout(
    headings: &[(&str, CellAlignment)],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> String {
    let mut table = Table::new();
    let printable = |cell: String| Printable::of(&cell).into_string();
    table
        .load_style(presets::NOTHING)
        .add_rows(rows.into_iter().map(|row| row.into_iter().map(printable)));
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
    fn a_cell_is_in_one_line_and_the_columns_stay_aligned() {
        let rows = [("a\nb", "1"), ("\u{1b}[2J\u{202e}", "2"), ("日本", "3")]
            .map(|(key, points)| vec![key.to_owned(), points.to_owned()]);
        assert_eq!(
            layout(&[], rows),
            "a\\u{a}b            1\n\
             \\u{1b}[2J\\u{202e}  2\n\
             日本               3"
        );
    }
}
