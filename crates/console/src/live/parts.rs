//! The parts of the page, each in a box of its own: what needs attention first, then the way of an event.

mod checks;
mod letters;
mod processes;
mod queues;
mod state;
mod table;
mod traffic;

use paynow_desk::text::counted;
use paynow_desk::top::figures::{duration_text, time_text};
use paynow_desk::top::snapshot::Unknown;
use paynow_desk::top::view::{About, Level, Problem, View};

use super::course::Course;
use super::node::{Element, element};
use super::silence::Silences;
use super::stakes::Answered;
use crate::checks::Checked;

/// Everything that is known at one moment.
pub(super) struct Sight<'a> {
    pub(super) view: &'a View,
    pub(super) course: &'a Course,
    pub(super) silences: &'a Silences,
    /// `None` before the first answer.
    pub(super) stakes: Option<&'a Answered>,
    /// `None` before the first check.
    pub(super) checked: Option<&'a Checked>,
}

/// Each has an `id`, by which the stream replaces what it contains.
pub(super) fn parts(sight: &Sight<'_>) -> Vec<Element> {
    vec![
        problems(sight.view),
        traffic::rates(sight),
        traffic::latencies(sight),
        queues::queues(sight),
        queues::rungs(sight),
        letters::letters(sight),
        state::state(sight),
        checks::checks(sight),
        processes::processes(sight),
        processes::log_records(sight),
    ]
}

fn part(id: &'static str, title: &str) -> Element {
    let title_id = format!("{id}-title");
    let title = element("h2").with("id", title_id.clone()).text(title);
    let part = element("section").with("id", id).class("part");
    part.with("aria-labelledby", title_id).child(title)
}

fn problems(view: &View) -> Element {
    let needs = match view.problems.len() as u64 {
        0 => "Nothing is wrong.".to_owned(),
        problems => format!(
            "{} attention.",
            counted(problems, "thing needs", "things need")
        ),
    };
    let part = part("live-problems", "Needs attention")
        // Only a change of the number is read aloud, and not every change of an age.
        .child(element("p").with("role", "status").text(needs))
        .child(element("p").class("looked").text(looked(view)));
    match view.problems.is_empty() {
        true => part,
        false => part.child(element("ul").children(view.problems.iter().map(problem))),
    }
}

fn looked(view: &View) -> String {
    let at = time_text(view.taken_at_ms, "%H:%M:%S");
    let answering = view.processes.iter().filter(|row| row.answer.is_ok());
    format!(
        "Looked at {at} UTC: {} of {} answer.",
        answering.count(),
        counted(view.processes.len() as u64, "program", "programs")
    )
}

fn problem(problem: &Problem) -> Element {
    let (href, place) = cause(problem.about);
    element("li")
        .with("data-key", key(&problem.what))
        .child(mark(problem.level))
        .text(format!(" {} ", problem.what))
        .child(element("a").with("href", href).text(place))
}

/// The words of a problem, which stay the same while its numbers change.
fn key(what: &str) -> String {
    let digits = |letter: char| letter.is_ascii_digit();
    what.split(digits).collect::<Vec<_>>().concat()
}

/// Where the cause of a problem is shown.
fn cause(about: About) -> (&'static str, &'static str) {
    match about {
        About::Broker | About::Queues => ("#live-queues", "Queues"),
        About::Database => ("#live-letters", "Database"),
        About::Processes => ("#live-processes", "Programs"),
        About::Webhooks => ("#live-rates", "Rates"),
        About::Latencies => ("#live-latencies", "Times"),
        About::Ledger => ("/checks", "Checks"),
        About::DeadLetters => ("/dead?state=open", "Dead letters"),
    }
}

/// A level as a word: a colour alone is not seen by everybody.
fn mark(level: Level) -> Element {
    let (class, word) = match level {
        Level::Fine => ("good", "Fine"),
        Level::Warning => ("warning", "Warning"),
        Level::Alarm => ("bad", "Alarm"),
    };
    element("strong").class(class).text(word)
}

/// Why a source is unknown, and since when.
fn silent(name: &str, unknown: &Unknown, since_ms: Option<i64>, now_ms: i64) -> Element {
    let text = match (unknown, since_ms) {
        (Unknown::NotConfigured(reason), _) => format!("{name} is not configured: {reason}"),
        (Unknown::NoAnswer(reason), Some(since)) => {
            format!(
                "{name} has been silent {}: {reason}",
                since_text(since, now_ms)
            )
        }
        (Unknown::NoAnswer(reason), None) => format!("{name} is silent: {reason}"),
    };
    let notice = element("p").class("silent").child(mark(unknown.into()));
    notice.text(format!(" {text}"))
}

fn since_text(since_ms: i64, now_ms: i64) -> String {
    let at = time_text(since_ms, "%H:%M:%S");
    let seconds = now_ms.saturating_sub(since_ms) as f64 / 1000.0;
    format!("since {at} UTC, for {}", duration_text(seconds))
}

#[cfg(test)]
mod tests;
