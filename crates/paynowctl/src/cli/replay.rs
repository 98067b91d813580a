//! What can be typed to replay dead letters.

use clap::{ArgGroup, Args};

use super::{Filter, Note};
use crate::arguments::message_id;
use crate::output::Format;

const RATE_MAX: u32 = 10_000;

const REPLAY_EXAMPLES: &str = "\
Shows first what the letters would do to which balances. One letter is then replayed at once; more
are only shown until you add --yes. The canary goes first, and its outcome decides about the rest.
The ledger credits nothing twice, however often a letter is replayed. After Ctrl-C, a crash, or when
it stopped by itself, --resume goes on with what is left. Exits 1 unless all letters were applied,
130 after Ctrl-C.

Examples:
  paynowctl dead replay 17 --by anna --why 'ticket 4711'
  paynowctl dead replay --reason unknown_product --by anna --why 'price list is complete now'
  paynowctl dead replay --reason unknown_product --by anna --why 'as above' --canary 5 --yes
  paynowctl dead replay --resume 12 --by anna --why 'after the restart'";

#[derive(Debug, Args)]
#[command(
    after_help = REPLAY_EXAMPLES,
    group = ArgGroup::new("meant").required(true).multiple(true)
        .args(["letters", "reason", "event_type", "wallet", "order", "since", "older_than", "resume"])
)]
pub(crate) struct ReplayOptions {
    /// Numbers of open dead letters, or event ids
    #[arg(
        value_name = "LETTER",
        value_parser = message_id,
        conflicts_with_all = ["reason", "event_type", "wallet", "order", "since", "older_than"]
    )]
    pub(crate) letters: Vec<String>,
    #[command(flatten)]
    pub(crate) filter: Filter,
    #[command(flatten)]
    pub(crate) note: Note,
    #[command(flatten)]
    pub(crate) pace: Pace,
    /// Do it: without, more than one letter is only shown
    #[arg(long)]
    pub(crate) yes: bool,
    /// Go on with the letters of this action that are still to do
    #[arg(
        long,
        value_name = "ACTION_ID",
        value_parser = clap::value_parser!(i64).range(1..),
        conflicts_with_all = [
            "letters", "reason", "event_type", "wallet", "order", "since", "older_than", "yes"
        ]
    )]
    pub(crate) resume: Option<i64>,
    #[command(flatten)]
    pub(crate) format: Format,
}

/// How fast, and how far.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Pace {
    /// So many letters first, and the rest only after their outcome
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) canary: u32,
    /// Letters per second, at most; each second's letters, or each 1,000, wait for the outcome of those before
    #[arg(long, default_value = "50/s", value_parser = rate)]
    pub(crate) rate: u32,
    /// Stop when more than this share of the letters replayed so far died again
    #[arg(long, value_name = "PERCENT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub(crate) max_failures: u32,
    /// How long to wait for the outcome of what was sent, before it counts as deferred
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) wait: u32,
    /// Send nothing while more messages than this are in paynow.credits: live traffic goes first
    #[arg(long, value_name = "MESSAGES", default_value_t = 1000)]
    pub(crate) max_depth: u32,
    /// Stop when there are more messages than that for this long
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u32).range(0..=86_400))]
    pub(crate) max_depth_wait: u32,
}

fn rate(text: &str) -> Result<u32, String> {
    match text.trim_end_matches("/s").parse() {
        Ok(rate) if (1..=RATE_MAX).contains(&rate) => Ok(rate),
        Ok(_) | Err(_) => Err(format!("a rate is 1 to {RATE_MAX} letters per second")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::Cli;
    use super::*;

    fn exit_code(line: &str) -> i32 {
        Cli::try_parse_from(line.split(' ')).map_or_else(|error| error.exit_code(), |_cli| 0)
    }

    #[test]
    fn a_replay_is_of_named_letters_or_of_a_selection_or_goes_on() {
        for line in [
            "paynowctl dead replay --by a --why b",
            "paynowctl dead replay 7 --by a",
            "paynowctl dead replay 7 --reason conflict --by a --why b",
            "paynowctl dead replay 7 --resume 1 --by a --why b",
            "paynowctl dead replay --resume 1 --reason conflict --by a --why b",
            "paynowctl dead replay 7 --rate 0 --by a --why b",
            "paynowctl dead replay 7 --canary 0 --by a --why b",
            "paynowctl dead replay 7 --max-failures 101 --by a --why b",
            "paynowctl dead replay 7 --max-depth-wait 86401 --by a --why b",
        ] {
            assert_eq!(exit_code(line), 2, "{line}");
        }
        for line in [
            "paynowctl dead replay 7 8 --by a --why b --rate 20/s",
            "paynowctl dead replay --wallet 7 --canary 3 --max-failures 0 --yes --by a --why b",
            "paynowctl dead replay --resume 1 --rate 5 --by a --why b --json",
        ] {
            assert_eq!(exit_code(line), 0, "{line}");
        }
        assert_eq!((rate("50/s"), rate("7")), (Ok(50), Ok(7)));
        assert!(rate("10001").is_err());
    }
}
