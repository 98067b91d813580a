//! The queues, how far behind the workers are, and the events that wait for another try.

use paynow_desk::top::figures::{change_text, duration_text, or_none, rate_text};
use paynow_desk::top::view::{Backlog, Level, QueueRow, Rung};

use super::super::chart::bar;
use super::super::course::Traced;
use super::super::node::{Element, element};
use super::super::silence::BROKER;
use super::table::{Row, number, table, words};
use super::traffic::drawn;
use super::{Sight, mark, part, silent};

pub(super) fn queues(sight: &Sight<'_>) -> Element {
    let view = sight.view;
    let part = part("live-queues", "Queues");
    let part = match &view.broker {
        Ok(broker) => {
            let headings = [
                words("Queue"),
                number("ready"),
                number("in hand"),
                number("consumers"),
                number("change, per second"),
            ];
            let rows = broker.queues.iter().map(queue_row).collect();
            part.child(table("Messages by queue", &headings, rows))
        }
        Err(unknown) => {
            let since = sight.silences.since_ms(BROKER);
            part.child(silent("The broker", unknown, since, view.taken_at_ms))
        }
    };
    let waiting = drawn(&sight.course.of(Traced::Waiting), whole, "messages");
    part.child(backlog(&view.backlog)).child(
        element("p")
            .text("Events that wait for a worker: ")
            .child(waiting),
    )
}

fn whole(number: f64) -> String {
    format!("{number:.0}")
}

fn queue_row(row: &QueueRow) -> Row {
    let name = match &row.problem {
        None => element("span").text(row.name),
        Some(problem) => {
            let name = element("span").text(format!("{} ", row.name));
            name.child(mark(problem.level))
        }
    };
    let count = |number: Option<u64>| or_none(number, |number| number.to_string());
    let ready = match row.exists {
        true => count(row.ready),
        false => "is missing".to_owned(),
    };
    Row::of(row.name, name)
        .cell(ready)
        .cell(count(row.unacked))
        .cell(count(row.consumers))
        .cell(or_none(row.change, change_text))
}

/// How far the workers are behind.
fn backlog(backlog: &Backlog) -> Element {
    let drain = backlog.drain.map(rate_text);
    let text = match (backlog.work_seconds, backlog.messages, drain) {
        (_, Some(0), _) => "The workers' queue is empty.".to_owned(),
        (_, Some(_), _) if backlog.is_consumed == Some(false) => {
            "The workers' queue will not get empty: no worker consumes it.".to_owned()
        }
        (Some(seconds), _, Some(drain)) => format!(
            "The workers' queue is empty in {} at {drain} events per second.",
            duration_text(seconds.max(1.0))
        ),
        (None, Some(_), Some(_)) => {
            "The workers' queue will not get empty: no event is finished.".to_owned()
        }
        (_, _, None) => {
            "When the workers' queue is empty is unknown: no worker has answered twice.".to_owned()
        }
        (_, None, _) => "When the workers' queue is empty is unknown: its depth is.".to_owned(),
    };
    match backlog.level() {
        Level::Fine => element("p").text(text),
        level @ (Level::Warning | Level::Alarm) => {
            element("p").child(mark(level)).text(format!(" {text}"))
        }
    }
}

pub(super) fn rungs(sight: &Sight<'_>) -> Element {
    let rungs = &sight.view.rungs;
    let part = part("live-rungs", "Events that wait for another try");
    if rungs.is_empty() {
        return part.child(element("p").text("Unknown: neither the broker nor a worker answers."));
    }
    let most = rungs.iter().filter_map(|rung| rung.waiting).max();
    let headings = [
        words("Tried again after"),
        number("waiting"),
        words("share"),
        number("overdue"),
        number("put there in the last minute"),
    ];
    let rows = rungs.iter().map(|rung| rung_row(rung, most.unwrap_or(0)));
    part.child(table("Messages by delay", &headings, rows.collect()))
}

fn rung_row(rung: &Rung, most: u64) -> Row {
    let count = |number: Option<u64>| or_none(number, |number| number.to_string());
    let waiting = count(rung.waiting);
    let words = format!("{waiting} of at most {most}");
    let drawn = bar(rung.waiting.unwrap_or(0) as f64, most as f64, &words);
    let delay = duration_text(rung.seconds.into());
    Row::of(delay.clone(), element("span").text(delay))
        .cell(waiting)
        .cell(drawn)
        .cell(count(rung.overdue))
        .cell(or_none(rung.put, whole))
}
