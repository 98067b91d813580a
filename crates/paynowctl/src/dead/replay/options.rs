//! The options of `dead replay`.

use clap::{ArgGroup, Args};
use paynow_desk::expect::PreviewHash;
use paynow_desk::replay::Pace;
use paynow_desk::ticket::Ticket;

use crate::arguments::NoteOptions;
use crate::dead::options::{FILTERS, SelectionOptions};
use crate::output::Format;

const RATE_MAX: u32 = 10_000;

const EXAMPLES: &str = "\
Shows first how the letters would change balances. One letter that would not die again is then
replayed at once; any other one, and several, are only shown until you add --yes. What is only shown
ends with the command that does it: with its hash exactly that is replayed, or nothing (exit code 1) if a
letter, a death, the effect of a price or setting, or a balance of a wallet concerned has changed
since. The canary goes first, and its outcome decides about the rest. The ledger credits nothing
twice, however often a letter is replayed. After Ctrl-C, a crash or a stop at one of the limits,
--resume continues with the remaining letters: a canary of them goes first again, and only letters
of the new run count as its failures. Exits 1 unless all letters were applied, 130 after Ctrl-C.
Letters without a signature of PayNow are left out: the worker would refuse them as `unsigned`.
Compare such a letter with PayNow's dashboard before you use --without-proof.

Examples:
  paynowctl dead replay 17 --by anna --why 'ticket 4711'
  paynowctl dead replay --reason unknown_product --by anna --why 'price list is complete now'
  paynowctl dead replay --reason unknown_product --by anna --why 'as above' --canary 5
  paynowctl dead replay --reason unknown_product --by anna --why 'as above' --yes \
      --expect 5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8
  paynowctl dead replay 17 --without-proof --by anna --why 'order 4711 is paid, seen at PayNow'
  paynowctl dead replay --resume 12 --by anna --why 'after the restart'";

#[derive(Debug, Args)]
#[command(
    after_help = EXAMPLES,
    group = ArgGroup::new("selection").required(true).multiple(true)
        .arg("letters").args(FILTERS).arg("resume")
)]
pub(crate) struct ReplayOptions {
    #[command(flatten)]
    pub(super) selection: SelectionOptions,
    #[command(flatten)]
    pub(super) note: NoteOptions,
    /// The number of the case in another system, kept with the replay
    #[arg(long, value_name = "TEXT", conflicts_with = "resume")]
    pub(super) ticket: Option<Ticket>,
    #[command(flatten)]
    pub(super) pace: PaceOptions,
    /// Replay the letters; without --yes, more than one, and one that would die again, are only shown
    #[arg(long)]
    pub(super) yes: bool,
    /// Only if everything is still as in the preview that printed this hash
    #[arg(long, value_name = "HASH", requires = "yes")]
    pub(super) expect: Option<PreviewHash>,
    /// Vouch for letters that no signature proves: the worker applies them because you say so, and your
    /// name stays with their points
    #[arg(long)]
    pub(super) without_proof: bool,
    /// Continue with the letters of this replay that are still to do; with or without --yes
    #[arg(
        long,
        value_name = "ACTION_ID",
        value_parser = clap::value_parser!(i64).range(1..),
        conflicts_with_all = ["letters", "expect", "without_proof"],
        conflicts_with_all = FILTERS
    )]
    pub(super) resume: Option<i64>,
    #[command(flatten)]
    pub(super) format: Format,
}

/// How fast and how far a replay goes.
#[derive(Debug, Args)]
pub(super) struct PaceOptions {
    /// Send this many letters first, and the rest only after their outcome
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    canary: u32,
    /// Letters per second, at most; each batch of a second, or of 1,000, waits for the outcome of the one before
    #[arg(long, default_value = "50/s", value_parser = rate)]
    rate: u32,
    /// Stop when more than this percentage of the letters that this run has sent died again
    #[arg(long, value_name = "PERCENT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=100))]
    max_failures: u32,
    /// How long to wait for the outcome of a sent letter before it counts as deferred
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    wait: u32,
    /// Send nothing while paynow.credits has more messages than this: live traffic goes first
    #[arg(long, value_name = "MESSAGES", default_value_t = 1000)]
    max_depth: u32,
    /// Stop when paynow.credits has had more messages than that for this long
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u32).range(0..=86_400))]
    max_depth_wait: u32,
}

fn rate(text: &str) -> Result<u32, String> {
    match text.trim_end_matches("/s").parse() {
        Ok(rate) if (1..=RATE_MAX).contains(&rate) => Ok(rate),
        Ok(_) | Err(_) => Err(format!("a rate is 1 to {RATE_MAX} letters per second")),
    }
}

impl PaceOptions {
    pub(super) fn pace(&self) -> Pace {
        Pace {
            canary: self.canary,
            rate: self.rate,
            max_failures: self.max_failures,
            wait: self.wait,
            max_depth: self.max_depth,
            max_depth_wait: self.max_depth_wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_with_or_without_its_unit() {
        assert_eq!((rate("50/s"), rate("7")), (Ok(50), Ok(7)));
        assert!(rate("10001").is_err() && rate("0").is_err());
    }
}
