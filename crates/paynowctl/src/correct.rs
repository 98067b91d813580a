//! `correct`: gives or takes points by one more ledger entry.

use clap::Args;
use paynow_desk::correct::{Correction, CorrectionState, correct};
use paynow_shared::ids::WalletId;

use crate::arguments::{NoteOptions, mode};
use crate::config::Config;
use crate::failure::Failure;
use crate::output;

/// Longer than any ticket number or idempotency key that a person gives.
const KEY_LENGTH_MAX: usize = 200;

const EXAMPLES: &str = "\
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
    /// Makes the command safe to repeat: a key corrects once. Without it, each run corrects again
    #[arg(long, value_parser = key)]
    key: Option<String>,
    /// Apply the correction; without --yes its effect is only shown
    #[arg(long)]
    yes: bool,
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
    let correction = Correction {
        wallet: options.wallet,
        points: options.points,
        key: options.key.clone(),
    };
    let note = options.note.note();
    let corrected = correct(&config.database()?, &correction, &note, mode(!options.yes))?;
    let entry_key = corrected.entry_key;
    let (before, after) = (corrected.balance_before, corrected.balance_after);
    let debt = if after < 0 { " (debt)" } else { "" };
    let result = match corrected.outcome {
        CorrectionState::Foreseen => "dry run: nothing was done; --yes does it".to_owned(),
        CorrectionState::Applied => {
            format!("corrected by entry {entry_key}; recorded for {}", note.by)
        }
        CorrectionState::AlreadyApplied => {
            format!("entry {entry_key} was made before: nothing was done")
        }
    };
    let balance = match corrected.outcome {
        CorrectionState::Foreseen | CorrectionState::Applied => {
            format!("{before} -> {after}{debt}")
        }
        CorrectionState::AlreadyApplied => format!("{after}{debt}"),
    };
    output::facts(&[
        ("wallet", options.wallet.to_string()),
        ("points", format!("{:+}", options.points)),
        ("balance", balance),
    ])?;
    output::line(&result)
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
