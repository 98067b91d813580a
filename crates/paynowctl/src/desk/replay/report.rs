//! What the operator is told of a replay: before, meanwhile and after.

use serde_json::{Value, json};

use super::effect::{Effect, Foreseen, Obstacle};
use super::ended::Ended;
use super::selection::Chosen;
use super::store::Progress;
use crate::cli::ReplayOptions;
use crate::failure::Failure;
use crate::output::{self, Column};

/// More say nothing more to a person.
const SHOWN_MAX: usize = 20;

/// Where to go on.
pub(super) fn unfinished(action_id: i64) -> String {
    format!(
        "replay {action_id} is not finished, `paynowctl dead replay --resume {action_id}` goes on"
    )
}

pub(super) fn dry_run(
    chosen: &Chosen,
    foreseen: &Effect,
    options: &ReplayOptions,
) -> Result<(), Failure> {
    if options.format.json {
        return output::json(&json!({
            "dry_run": true,
            "letters": letters(chosen, foreseen),
            "sha256": chosen.hash(),
            "wallets": wallets(foreseen),
        }));
    }
    effect(chosen, foreseen, options)?;
    output::line(&format!(
        "dry run: {} dead letters would be replayed; --yes does it",
        chosen.letters.len()
    ))
}

/// The preview, for a person.
pub(super) fn effect(
    chosen: &Chosen,
    foreseen: &Effect,
    options: &ReplayOptions,
) -> Result<(), Failure> {
    if options.format.json {
        return Ok(());
    }
    let shown = foreseen.letters.iter().zip(&chosen.letters);
    output::table(
        &[
            Column::Number("id"),
            Column::Text("event"),
            Column::Text("died of"),
            Column::Text("would be"),
            Column::Number("points"),
        ],
        shown.take(SHOWN_MAX).map(|(foreseen, letter)| {
            vec![
                letter.dead_letter_id.to_string(),
                letter.event_id.clone(),
                letter.reason.clone(),
                in_words(foreseen),
                format!("{:+}", foreseen.points),
            ]
        }),
    )?;
    more(chosen.letters.len())?;
    if !foreseen.wallets.is_empty() {
        output::line("")?;
        output::table(
            &[
                Column::Number("wallet"),
                Column::Number("balance"),
                Column::Number("change"),
                Column::Number("after"),
            ],
            foreseen
                .wallets
                .iter()
                .take(SHOWN_MAX)
                .map(|(wallet, change)| {
                    vec![
                        wallet.to_string(),
                        change.before.to_string(),
                        format!("{:+}", change.points),
                        change.before.saturating_add(change.points).to_string(),
                    ]
                }),
        )?;
        more(foreseen.wallets.len())?;
    }
    output::line(&format!(
        "\n{} would be applied, {} deferred, {} would die again",
        foreseen.count(|obstacle| obstacle.is_none()),
        foreseen.count(|obstacle| matches!(obstacle, Some(Obstacle::Deferred(_)))),
        foreseen.count(|obstacle| matches!(obstacle, Some(Obstacle::DeadAgain(_)))),
    ))
}

fn more(all: usize) -> Result<(), Failure> {
    match all.saturating_sub(SHOWN_MAX) {
        0 => Ok(()),
        more => output::line(&format!("and {more} more")),
    }
}

fn in_words(letter: &Foreseen) -> String {
    match letter.obstacle {
        None => "applied".to_owned(),
        Some(Obstacle::Deferred(reason)) => format!("deferred: {reason}"),
        Some(Obstacle::DeadAgain(reason)) => format!("dead again: {reason}"),
    }
}

fn letters(chosen: &Chosen, foreseen: &Effect) -> Value {
    let rows = foreseen.letters.iter().zip(&chosen.letters);
    rows.map(|(foreseen, letter)| {
        let (would_be, reason) = match foreseen.obstacle {
            None => ("applied", None),
            Some(Obstacle::Deferred(reason)) => ("deferred", Some(reason.code())),
            Some(Obstacle::DeadAgain(reason)) => ("dead_again", Some(reason.code())),
        };
        json!({
            "dead_letter_id": foreseen.dead_letter_id.to_string(),
            "event_id": letter.event_id,
            "died_of": letter.reason,
            "would_be": would_be,
            "because": reason,
            "points": foreseen.points,
        })
    })
    .collect()
}

fn wallets(foreseen: &Effect) -> Value {
    let rows = foreseen.wallets.iter().map(|(wallet, change)| {
        json!({
            "wallet_id": wallet.to_string(),
            "balance": change.before,
            "change": change.points,
            "balance_after": change.before.saturating_add(change.points),
        })
    });
    rows.collect()
}

pub(super) fn begun(action_id: i64, options: &ReplayOptions) -> Result<(), Failure> {
    if options.format.json {
        return Ok(());
    }
    output::line(&format!(
        "replay {action_id}, recorded for {}; if it is interrupted: --resume {action_id}",
        options.note.by
    ))
}

/// As `operator_actions.outcome` keeps it, and as `--json` tells it.
pub(super) fn outcome(action_id: i64, progress: &Progress, ended: &str) -> Value {
    json!({
        "replay": action_id.to_string(),
        "ended": ended,
        "applied": progress.applied,
        "dead_again": progress.dead_again,
        "deferred": progress.sent,
        "skipped": progress.skipped,
        "to_do": progress.waiting,
    })
}

pub(super) fn ended(
    action_id: i64,
    progress: &Progress,
    ended: Ended,
    options: &ReplayOptions,
) -> Result<(), Failure> {
    if options.format.json {
        output::json(&outcome(action_id, progress, &ended.told()))?;
    }
    let what = format!("{}; {}", ended.told(), unfinished(action_id));
    match ended {
        Ended::Finished => finished(action_id, progress, options),
        Ended::Interrupted { signal } => Err(Failure::Interrupted { signal, what }),
        Ended::TooManyFailures { .. }
        | Ended::CanaryWithoutOutcome { .. }
        | Ended::TooDeep { .. } => Err(Failure::Refused(what)),
    }
}

/// All is sent; whether all is well is told by what came of it.
fn finished(action_id: i64, progress: &Progress, options: &ReplayOptions) -> Result<(), Failure> {
    if progress.dead_again > 0 {
        let again = progress.dead_again;
        return Err(Failure::Refused(format!(
            "replay {action_id} is finished, and {again} letters died again: they are open"
        )));
    }
    if progress.sent > 0 {
        return Err(Failure::Refused(format!(
            "replay {action_id} has sent all, and {} are on the retry ladder: --resume {action_id} \
             looks again",
            progress.sent
        )));
    }
    if options.format.json {
        return Ok(());
    }
    output::line(&format!("replay {action_id} is finished"))
}
