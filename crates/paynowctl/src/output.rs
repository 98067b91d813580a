//! Everything that goes to standard output: plain lines, tables and JSON documents, never ANSI
//! codes. A reader that went away (`| head`) is no failure: the exit code still tells the result.

use std::io::{self, Write};

use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::Value;

use crate::failure::Failure;

/// How a command prints what it read.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Format {
    /// Print one JSON document: ids are strings, points are numbers, times are UTC
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.write_all(b"\n"))
        .and_then(|()| stdout.flush());
    match written {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::failed("standard output took nothing more", error)),
    }
}

/// One document, laid out for people too.
pub(crate) fn json(document: &Value) -> Result<(), Failure> {
    // `{:#}` of a JSON value is its pretty form, and cannot fail.
    line(&format!("{document:#}"))
}

/// How a column stands.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Column {
    Text(&'static str),
    Number(&'static str),
}

/// A table without lines, so that what it says can be cut and searched by other tools.
pub(crate) fn table(
    columns: &[Column],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> Result<(), Failure> {
    line(&layout(columns, rows))
}

/// Names and values, one pair a line.
pub(crate) fn facts(facts: &[(&str, String)]) -> Result<(), Failure> {
    let rows = facts
        .iter()
        .map(|(name, value)| vec![(*name).to_owned(), value.clone()]);
    line(&layout(&[], rows))
}

fn layout(columns: &[Column], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).add_rows(rows);
    if !columns.is_empty() {
        table.set_header(columns.iter().map(|column| match column {
            Column::Text(name) | Column::Number(name) => *name,
        }));
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        match columns.get(index) {
            Some(Column::Number(_)) => column.set_cell_alignment(CellAlignment::Right),
            Some(Column::Text(_)) | None => {}
        }
    }
    table.trim_fmt()
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

/// What is shown where there is no value.
pub(crate) fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_plain_aligned_text() {
        let columns = [Column::Text("product"), Column::Number("points")];
        let rows = [("7", "500"), ("600000000000000040", "5")]
            .map(|(product, points)| vec![product.to_owned(), points.to_owned()]);
        assert_eq!(
            layout(&columns, rows),
            "product             points\n\
             7                      500\n\
             600000000000000040       5"
        );
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
