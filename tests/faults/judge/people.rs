//! What people do when the faults are over: they replay dead letters, and decide the refunds that
//! wait for somebody who knows.

use std::collections::BTreeSet;
use std::thread;

use crate::model::history::Answer;
use crate::model::told::{Told, decision};
use crate::world::World;

const PEOPLE: usize = 8;
const NOTE: [&str; 4] = ["--by", "anna", "--why", "seen at PayNow"];
const PACE: [&str; 6] = [
    "--canary",
    "1000",
    "--rate",
    "5000",
    "--max-failures",
    "100",
];
const ROUNDS_MAX: usize = 20;

/// Letters that may be applied later: the order came, the lock went, the worker that crashed is gone.
const REPLAYED: [&str; 8] = [
    "order_unknown",
    "partial_refund",
    "wallet_locked",
    "row_locked",
    "crash_loop",
    "ledger_rejected",
    "unsigned",
    "unspecified",
];

/// Replays the letters of these reasons until none is applied any more. An error says what `paynowctl`
/// said instead of an outcome.
pub(super) fn replay(world: &World) -> Result<(), String> {
    for reason in REPLAYED {
        let one = ["dead", "replay", "--reason", reason, "--yes", "--json"];
        let arguments = [&one[..], &PACE, &NOTE].concat();
        for _round in 0..ROUNDS_MAX {
            if open_letters(world, reason).is_empty() {
                break;
            }
            let outcome = world.ctl(&arguments);
            let report: Option<serde_json::Value> = serde_json::from_str(&outcome.stdout).ok();
            let applied = report.and_then(|report| report["applied"].as_i64());
            let Some(applied) = applied else {
                return Err(format!("dead replay --reason {reason}: {outcome:?}"));
            };
            world.note(format!("{applied} letters replayed: {reason}"));
            if applied == 0 {
                break;
            }
        }
    }
    Ok(())
}

/// Decides every refund that waits for a person and of which the truth is known. Returns how many.
pub(super) fn decide(world: &World, told: &[Told]) -> usize {
    let answer = |event: i64| {
        let answer = told.iter().find_map(|one| one.answer_to(event))?;
        Some((event, answer))
    };
    let answers: Vec<(i64, Answer)> = open_letters(world, "partial_refund")
        .into_iter()
        .filter_map(|event| answer(event.parse().ok()?))
        .collect();
    thread::scope(|scope| {
        for part in answers.chunks(answers.len().div_ceil(PEOPLE).max(1)) {
            scope.spawn(move || {
                for (event, answer) in part {
                    let decision = decision(*event, *answer);
                    let decision: Vec<&str> = decision.iter().map(String::as_str).collect();
                    let outcome = world.ctl(&[&decision[..], &NOTE].concat());
                    if outcome.code != Some(0) {
                        world.note(format!("{decision:?}: {outcome:?}"));
                    }
                }
            });
        }
    });
    answers.len()
}

/// The events of the open letters with this reason.
fn open_letters(world: &World, reason: &str) -> BTreeSet<String> {
    let letters = world.database.texts(&format!(
        "SELECT event_id AS value FROM dead_letters WHERE state = 'open' AND reason = '{reason}'"
    ));
    letters.into_iter().collect()
}
