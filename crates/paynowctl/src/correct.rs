//! `correct`: gives or takes points by one more ledger entry.

use clap::Args;
use paynow_desk::correct::{Corrected, Correction, CorrectionState, Earlier, correct};
use paynow_desk::expect::PreviewHash;
use paynow_shared::ids::WalletId;
use serde_json::{Value, json};

use crate::arguments::{NoteOptions, mode};
use crate::config::Config;
use crate::failure::Failure;
use crate::frozen::exactly_this;
use crate::output::{self, Format, age_text};

/// Longer than any ticket number or idempotency key that a person gives.
const KEY_LENGTH_MAX: usize = 200;

const EXAMPLES: &str = "\
Without --key, the same points for the same wallet and the same reason within 15 minutes are likely
meant once: on a terminal you are asked, elsewhere the command is refused (exit code 1) unless you
add --again.

What is only shown ends with the command that does it: with its hash the points are given only if the
balance is still the same.

Examples:
  paynowctl correct --wallet 600000000000100000 --points 250 --by anna --why 'ticket 4711'
  paynowctl correct --wallet 600000000000100000 --points -250 --by anna --why 'paid twice' \\
      --key ticket-4711 --yes";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CorrectOptions {
    /// PayNow's customer id of the player
    #[arg(long)]
    wallet: WalletId,
    /// Points to give, or to take with a minus
    #[arg(long, allow_negative_numbers = true, value_parser = change)]
    points: i64,
    #[command(flatten)]
    note: NoteOptions,
    /// Makes the command safe to repeat: a key corrects once
    #[arg(long, value_parser = key)]
    key: Option<String>,
    /// Apply the correction; without --yes its effect is only shown
    #[arg(long)]
    yes: bool,
    /// Only if the balance is still that of the preview that printed this hash
    #[arg(long, value_name = "HASH", requires = "yes")]
    expect: Option<PreviewHash>,
    /// Correct once more, although the same wallet got the same points for the same reason minutes ago
    #[arg(long, conflicts_with = "key")]
    again: bool,
    #[command(flatten)]
    format: Format,
}

fn key(text: &str) -> Result<String, String> {
    let is_clean = text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_clean && (1..=KEY_LENGTH_MAX).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "a key is 1 to {KEY_LENGTH_MAX} letters, digits and signs without spaces"
        ))
    }
}

fn change(text: &str) -> Result<i64, String> {
    match text.parse::<i64>() {
        Ok(points) if points != 0 => Ok(points),
        Ok(_zero) => Err("0 points change nothing".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

pub(crate) fn run(options: &CorrectOptions, config: &Config) -> Result<(), Failure> {
    let mut correction = Correction {
        wallet: options.wallet,
        points: options.points,
        key: options.key.clone(),
        is_again: options.again,
    };
    let (database, note) = (config.database()?, options.note.note());
    let mode = mode(!options.yes);
    let expected = options.expect.as_ref();
    let mut corrected = correct(&database, &correction, &note, mode, expected)?;
    if let (CorrectionState::Repeated, Some(earlier)) = (corrected.outcome, &corrected.earlier)
        && is_meant_again(earlier, options)
    {
        correction.is_again = true;
        corrected = correct(&database, &correction, &note, mode, expected)?;
    }
    if options.format.json {
        output::json(&document(&corrected, options))?;
    } else {
        print(&corrected, options)?;
    }
    match (corrected.outcome, &corrected.earlier) {
        (CorrectionState::Repeated, Some(earlier)) => Err(Failure::Refused(format!(
            "{}: nothing was done; --again makes it once more, and with --key a command can be repeated \
             safely",
            earlier_text(earlier)
        ))),
        (_, _) => Ok(()),
    }
}

fn is_meant_again(earlier: &Earlier, options: &CorrectOptions) -> bool {
    !options.format.json && output::ask(&format!("{}. Correct once more?", earlier_text(earlier)))
}

fn earlier_text(earlier: &Earlier) -> String {
    format!(
        "{} made the same correction {} ago ({})",
        earlier.operator,
        age_text(earlier.seconds_ago),
        earlier.entry_key
    )
}

fn print(corrected: &Corrected, options: &CorrectOptions) -> Result<(), Failure> {
    let (before, after) = (corrected.balance_before, corrected.balance_after);
    let debt = if after < 0 { " (debt)" } else { "" };
    let entry_key = &corrected.entry_key;
    let (balance, result) = match corrected.outcome {
        CorrectionState::Foreseen => (
            format!("{before} -> {after}{debt}"),
            "dry run: nothing was done; --yes does it".to_owned(),
        ),
        CorrectionState::Applied => (
            format!("{before} -> {after}{debt}"),
            format!(
                "corrected by entry {entry_key}; recorded for {}",
                options.note.note().by
            ),
        ),
        CorrectionState::AlreadyApplied => (
            format!("{after}{debt}"),
            format!("entry {entry_key} was made before: nothing was done"),
        ),
        CorrectionState::Repeated => return Ok(()),
    };
    let new = match corrected.is_new_wallet {
        true => " (new: nobody has had points under this id)",
        false => "",
    };
    output::facts(&[
        ("wallet", format!("{}{new}", options.wallet)),
        ("points", format!("{:+}", options.points)),
        ("balance", balance),
    ])?;
    if let (CorrectionState::Foreseen, Some(earlier)) = (corrected.outcome, &corrected.earlier) {
        output::line(&earlier_text(earlier))?;
    }
    output::line(&result)?;
    match corrected.outcome {
        CorrectionState::Foreseen => output::line(&exactly_this(&corrected.expect, "--yes")),
        CorrectionState::Applied | CorrectionState::AlreadyApplied | CorrectionState::Repeated => {
            Ok(())
        }
    }
}

fn document(corrected: &Corrected, options: &CorrectOptions) -> Value {
    let is_made = match corrected.outcome {
        CorrectionState::Applied | CorrectionState::AlreadyApplied => true,
        CorrectionState::Foreseen | CorrectionState::Repeated => false,
    };
    let (balance_before, balance_after) = (corrected.balance_before, corrected.balance_after);
    json!({
        "dry_run": !options.yes,
        "outcome": corrected.outcome,
        "wallet_id": options.wallet.to_string(),
        "is_new_wallet": corrected.is_new_wallet,
        "points": options.points,
        "balance_before": balance_before,
        "balance_after": balance_after,
        // A key that was made up for this run is nobody's without its entry.
        "entry_key": (is_made || options.key.is_some()).then_some(&corrected.entry_key),
        "earlier": corrected.earlier,
        "expect": corrected.expect,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_no_spaces_and_a_correction_changes_something() {
        assert!(key("two words").is_err() && key("").is_err());
        assert!(change("0").is_err());
        assert_eq!(change("-5"), Ok(-5));
    }
}
