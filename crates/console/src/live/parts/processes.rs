//! Receivers and workers, and what they warn of.

use paynow_desk::top::figures::{duration_text, memory_text, or_none};
use paynow_desk::top::snapshot::Unknown;
use paynow_desk::top::view::{Level, LogRecords, Process, ProcessRow};

use super::super::node::{Element, element};
use super::table::{Row, number, table, words};
use super::{Sight, mark, part, silent};

pub(super) fn processes(sight: &Sight<'_>) -> Element {
    let headings = [
        words("Program"),
        words("address"),
        words("state"),
        words("version"),
        number("up"),
        number("CPU"),
        number("memory"),
        number("connections"),
    ];
    let rows = &sight.view.processes;
    let answering = rows.iter().filter_map(|row| {
        let process = row.answer.as_ref().ok()?;
        Some(process_row(row, process))
    });
    let part = part("live-processes", "Receivers and workers");
    let part = part.child(table(
        "Programs that answer",
        &headings,
        answering.collect(),
    ));
    let now_ms = sight.view.taken_at_ms;
    part.children(rows.iter().filter_map(|row| {
        let reason = row.answer.as_ref().err()?;
        let program = row.program.as_deref().unwrap_or("The program at");
        let name = format!("{program} {}", row.address);
        let unknown = Unknown::NoAnswer(reason.clone());
        Some(silent(
            &name,
            &unknown,
            sight.silences.since_ms(&row.address),
            now_ms,
        ))
    }))
}

fn process_row(row: &ProcessRow, process: &Process) -> Row {
    let state = match row.level() {
        Level::Fine => element("span").text(process.state),
        level @ (Level::Warning | Level::Alarm) => element("span")
            .child(mark(level))
            .text(format!(" {}", process.state)),
    };
    let program = row.program.clone().unwrap_or_default();
    Row::of(row.address.clone(), program)
        .cell(row.address.clone())
        .cell(state)
        .cell(process.version.clone())
        .cell(or_none(process.up_seconds, duration_text))
        .cell(or_none(process.cpu_share, |share| {
            format!("{:.0} %", share * 100.0)
        }))
        .cell(or_none(process.memory_bytes, memory_text))
        .cell(format!("{} of {}", process.lanes_connected, process.lanes))
}

pub(super) fn log_records(sight: &Sight<'_>) -> Element {
    let records = &sight.view.log_records;
    let part = part("live-log", "Warnings and errors in the logs");
    if records.is_empty() {
        let answers = sight.view.processes.iter().any(|row| row.answer.is_ok());
        let text = if answers {
            "None."
        } else {
            "Unknown: no program answers."
        };
        return part.child(element("p").text(text));
    }
    let headings = [
        words("Event"),
        words("level"),
        number("last minute"),
        number("since the start"),
    ];
    let rows = records.iter().map(record_row).collect();
    part.child(table("Log records by event", &headings, rows))
}

fn record_row(records: &LogRecords) -> Row {
    let level = match records.urgency() {
        Level::Fine => element("span").text(records.level.as_str()),
        Level::Warning | Level::Alarm => element("strong").text(records.level.as_str()),
    };
    Row::of(
        format!("{} {}", records.level, records.event),
        records.event.clone(),
    )
    .cell(level)
    .cell(format!("{:.0}", records.recent))
    .cell(format!("{:.0}", records.total))
}
