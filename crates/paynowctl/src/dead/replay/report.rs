//! What a replay prints: its effect before, its progress meanwhile, its result after.

use paynow_desk::replay::{
    Outlook, Plan, PlannedLetter, ReplayEnd, Report, Step, WalletChange, unfinished,
};
use paynow_desk::text::counted;
use paynow_shared::topology::CREDITS_QUEUE;
use serde::Serialize;

use crate::failure::Failure;
use crate::frozen::exactly_this;
use crate::output::{self, Column, Format, Row, number, text};

impl Row for PlannedLetter {
    const COLUMNS: &'static [Column<Self>] = &[
        number("id", |it| it.dead_letter_id.to_string()),
        text("event", |it| it.event_id.clone()),
        text("died of", |it| it.died_of.clone()),
        text("would be", outlook_text),
        number("points", |it| format!("{:+}", it.points)),
    ];
}

impl Row for WalletChange {
    const COLUMNS: &'static [Column<Self>] = &[
        number("wallet", |it| it.wallet_id.to_string()),
        number("balance", |it| it.balance.to_string()),
        number("change", |it| format!("{:+}", it.change)),
        number("after", |it| it.balance_after.to_string()),
    ];
}

#[derive(Serialize)]
struct DryRun<'a> {
    dry_run: bool,
    #[serde(flatten)]
    plan: &'a Plan,
}

pub(super) fn dry_run(plan: &Plan, format: Format) -> Result<(), Failure> {
    if format.json {
        return output::json(&DryRun {
            dry_run: true,
            plan,
        });
    }
    effect(plan)?;
    let letters = u64::try_from(plan.letters.len()).unwrap_or(u64::MAX);
    output::line(&format!(
        "dry run: {} would be replayed; --yes does it",
        counted(letters, "dead letter", "dead letters")
    ))?;
    output::line(&exactly_this(&plan.expect, "--yes"))
}

pub(super) fn effect(plan: &Plan) -> Result<(), Failure> {
    letters_and_wallets(&plan.letters, &plan.wallets)?;
    if plan.without_proof {
        output::empty_line()?;
        output::line(
            "without proof: whoever starts this vouches that PayNow sent these bodies; the worker applies \
             them without a signature, and the action is kept with their points",
        )?;
    }
    if !plan.without_signature.is_empty() {
        let numbers: Vec<String> = plan.without_signature.iter().map(i64::to_string).collect();
        output::empty_line()?;
        output::line(&format!(
            "left out, because no signature proves that PayNow sent them (--without-proof vouches for \
             them): {}",
            numbers.join(", ")
        ))?;
    }
    output::empty_line()?;
    output::line(&format!(
        "{} would be applied, {} deferred, {} would die again",
        plan.count(Outlook::Applied),
        plan.count(Outlook::Deferred),
        plan.count(Outlook::DeadAgain),
    ))
}

/// What becomes of letters, then of balances.
pub(crate) fn letters_and_wallets(
    letters: &[PlannedLetter],
    wallets: &[WalletChange],
) -> Result<(), Failure> {
    output::first_rows(letters.iter())?;
    if wallets.is_empty() {
        return Ok(());
    }
    output::empty_line()?;
    output::first_rows(wallets.iter())
}

fn outlook_text(letter: &PlannedLetter) -> String {
    let outlook = match letter.would_be {
        Outlook::Applied => "applied",
        Outlook::Deferred => "deferred",
        Outlook::DeadAgain => "dead again",
    };
    match letter.because {
        Some(reason) => format!("{outlook}: {reason}"),
        None => outlook.to_owned(),
    }
}

pub(super) fn step(step: Step) -> Result<(), Failure> {
    output::line(&match step {
        Step::Progressed(of) => format!(
            "{} applied, {} dead again, {} deferred, {} skipped, {} to do",
            of.applied, of.dead_again, of.sent, of.skipped, of.waiting
        ),
        Step::HeldUp(by) => format!(
            "{} in {CREDITS_QUEUE}: waiting up to {} s until there are {} or fewer",
            counted(by.depth, "message is", "messages are"),
            by.seconds,
            by.limit
        ),
        Step::Paused { by } => format!("paused by {by}"),
    })
}

/// Fails unless every letter was applied.
pub(super) fn outcome(report: &Report, format: Format) -> Result<(), Failure> {
    let action_id = report.action_id;
    let what = format!("{}; {}", report.ended, unfinished(action_id));
    match report.ended {
        ReplayEnd::Finished => {}
        ReplayEnd::Interrupted { signal } => return Err(Failure::Interrupted { signal, what }),
        ReplayEnd::TooManyFailures { .. }
        | ReplayEnd::CanaryWithoutOutcome { .. }
        | ReplayEnd::TooDeep(_)
        | ReplayEnd::StoppedBy { .. } => return Err(Failure::Refused(what)),
    }
    // All letters were sent; their outcomes decide about success.
    let count = |letters: i64| letters.unsigned_abs();
    match (report.progress.dead_again, report.progress.sent) {
        (0, 0) if report.progress.skipped > 0 => {
            let were = counted(
                count(report.progress.skipped),
                "letter was skipped: it was",
                "letters were skipped: they were",
            );
            Err(Failure::Refused(format!(
                "replay {action_id} is finished, and {were} settled by somebody else meanwhile"
            )))
        }
        (0, 0) if format.json => Ok(()),
        (0, 0) => output::line(&format!("replay {action_id} is finished")),
        (0, deferred) => {
            let are = counted(count(deferred), "letter is", "letters are");
            Err(Failure::Refused(format!(
                "replay {action_id} has sent all letters, and {are} on the retry ladder: \
                 --resume {action_id} checks them again"
            )))
        }
        (again, _deferred) => {
            let died = counted(
                count(again),
                "letter died again: it is open",
                "letters died again: they are open",
            );
            Err(Failure::Refused(format!(
                "replay {action_id} is finished, and {died}"
            )))
        }
    }
}
