//! What can be typed at the dead-letter desk, and to correct a balance.

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use paynow_shared::event::EventType;
use paynow_shared::ids::{OrderId, WalletId};
use paynow_shared::reason::Reason;

use super::ReplayOptions;
use crate::arguments::message_id;
use crate::output::Format;

/// Longer than any ticket number or idempotency key that a person gives.
const KEY_LENGTH_MAX: usize = 200;

#[derive(Debug, Subcommand)]
pub(crate) enum DeadCommand {
    /// Counts dead letters by reason, with their age and the points at stake
    List(ListOptions),
    /// Shows everything about one dead letter; personal data is masked
    Show(ShowOptions),
    /// Gives dead letters up: nothing of them is ever credited
    Discard(DiscardOptions),
    /// Gives dead letters to the worker once more, a few first, and watches what becomes of them
    Replay(ReplayOptions),
}

/// Which dead letters are meant; all conditions must hold.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Filter {
    /// Died for this reason: a code, as `dead list` shows it
    #[arg(long)]
    pub(crate) reason: Option<Reason>,
    /// Of this event type, such as `ON_ORDER_COMPLETED`
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) event_type: Option<EventType>,
    /// About this wallet: the buyer's, a gift receiver's, or one that its order was credited to
    #[arg(long)]
    pub(crate) wallet: Option<WalletId>,
    /// About this order
    #[arg(long)]
    pub(crate) order: Option<OrderId>,
    /// Died at this time or later, such as 2026-11-24T08:00:00Z
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    pub(crate) since: Option<String>,
    /// Died at least so many seconds ago
    #[arg(long, value_name = "SECONDS")]
    pub(crate) older_than: Option<u32>,
}

/// Where a dead letter stands; the words of `dead_letters.state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StateChoice {
    Open,
    Replayed,
    Discarded,
    Resolved,
    All,
}

impl StateChoice {
    /// `None` when every state is meant.
    pub(crate) fn code(self) -> Option<&'static str> {
        match self {
            Self::Open => Some("open"),
            Self::Replayed => Some("replayed"),
            Self::Discarded => Some("discarded"),
            Self::Resolved => Some("resolved"),
            Self::All => None,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    #[command(flatten)]
    pub(crate) filter: Filter,
    /// Which states
    #[arg(long, value_enum, default_value_t = StateChoice::Open)]
    pub(crate) state: StateChoice,
    /// List single letters instead of reasons, oldest number first
    #[arg(long)]
    pub(crate) each: bool,
    /// How many single letters
    #[arg(long, requires = "each", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct ShowOptions {
    /// Number of the dead letter, or the event id or SHA-256 it is kept under
    #[arg(value_parser = message_id)]
    pub(crate) letter: String,
    /// Show personal data too, and a body that is no JSON
    #[arg(long)]
    pub(crate) reveal: bool,
    #[command(flatten)]
    pub(crate) format: Format,
}

/// Who answers for an action; kept in `operator_actions` for ever.
#[derive(Debug, Args)]
pub(crate) struct Note {
    /// Who you are
    #[arg(long, value_name = "NAME", value_parser = some_text)]
    pub(crate) by: String,
    /// Why you do it
    #[arg(long, value_name = "TEXT", value_parser = some_text)]
    pub(crate) why: String,
}

const DISCARD_EXAMPLES: &str = "\
One letter that is named is discarded at once; more than one, or a selection, is only shown until
you add --yes. Only open letters can be discarded, and either all that are meant are, or none.

Examples:
  paynowctl dead discard 17 --by anna --why 'test order of our own'
  paynowctl dead discard 17 18 19 --by anna --why 'ticket 4711' --yes
  paynowctl dead discard --reason wrong_store --older-than 86400 --by anna --why 'old subscription'";

#[derive(Debug, Args)]
#[command(
    after_help = DISCARD_EXAMPLES,
    group = ArgGroup::new("meant").required(true).multiple(true)
        .args(["letters", "reason", "event_type", "wallet", "order", "since", "older_than"])
)]
pub(crate) struct DiscardOptions {
    /// Numbers of dead letters, or event ids
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
    /// Do it: without, more than one letter is only shown
    #[arg(long)]
    pub(crate) yes: bool,
}

const CORRECT_EXAMPLES: &str = "\
Examples:
  paynowctl correct --wallet 600000000000100000 --points 250 --by anna --why 'ticket 4711'
  paynowctl correct --wallet 600000000000100000 --points -250 --by anna --why 'paid twice' \\
      --key ticket-4711 --yes";

#[derive(Debug, Args)]
#[command(after_help = CORRECT_EXAMPLES)]
pub(crate) struct CorrectOptions {
    /// PayNow's customer id of the player
    #[arg(long)]
    pub(crate) wallet: WalletId,
    /// Points to give, or to take with a minus
    #[arg(long, allow_negative_numbers = true, value_parser = change)]
    pub(crate) points: i64,
    #[command(flatten)]
    pub(crate) note: Note,
    /// Makes it safe to repeat: the same key corrects once; a new one is made without
    #[arg(long, value_parser = key)]
    pub(crate) key: Option<String>,
    /// Do it: without, the effect is only shown
    #[arg(long)]
    pub(crate) yes: bool,
}

fn some_text(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("it must not be empty".to_owned()),
        text => Ok(text.to_owned()),
    }
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

/// The shape of a time; whether there is such a day is the database's to say.
fn moment(text: &str) -> Result<String, String> {
    const SHAPE: &str = "dddd-dd-ddtdd:dd:dd";
    let shape: String = text
        .chars()
        .map(|character| match character {
            '0'..='9' => 'd',
            other => other.to_ascii_lowercase(),
        })
        .collect();
    let zone = shape
        .strip_prefix(SHAPE)
        .map(|rest| match rest.strip_prefix('.') {
            Some(fraction) if fraction.starts_with('d') => fraction.trim_start_matches('d'),
            Some(_) | None => rest,
        });
    match zone {
        Some("z" | "+dd:dd" | "-dd:dd") => Ok(text.to_owned()),
        Some(_) | None => Err("write a time like 2026-11-24T08:00:00Z".to_owned()),
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
    fn an_action_needs_what_it_is_about_and_who_and_why() {
        for line in [
            "paynowctl dead discard --by a --why b",
            "paynowctl dead discard 7 --by a",
            "paynowctl dead discard 7 --why b",
            "paynowctl dead discard 7 --reason conflict --by a --why b",
            "paynowctl dead discard --reason typo --by a --why b",
            "paynowctl dead list --since yesterday",
            "paynowctl dead list --limit 5",
            "paynowctl correct --wallet 7 --points 0 --by a --why b",
            "paynowctl correct --wallet 7 --points 1.5 --by a --why b",
            "paynowctl correct --wallet 7 --points 5 --why b",
        ] {
            assert_eq!(exit_code(line), 2, "{line}");
        }
        for line in [
            "paynowctl dead discard 7 8 --by a --why b",
            "paynowctl dead discard --reason conflict --wallet 7 --by a --why b --yes",
            "paynowctl dead list --state all --each --limit 5",
            "paynowctl correct --wallet 7 --points -5 --by a --why b",
            "paynowctl correct --wallet 7 --points +5 --by a --why b --key k",
        ] {
            assert_eq!(exit_code(line), 0, "{line}");
        }
        assert!(some_text("  ").is_err());
        assert!(key("two words").is_err() && key("").is_err());
    }

    #[test]
    fn a_time_has_a_date_a_time_of_day_and_a_zone() {
        for text in [
            "2026-11-24T08:00:00Z",
            "2026-11-24t08:00:00.25z",
            "2026-11-24T08:00:00+01:00",
        ] {
            assert_eq!(moment(text).as_deref(), Ok(text));
        }
        for text in [
            "2026-11-24",
            "2026-11-24T08:00:00",
            "2026-11-24T08:00:00.Z",
            "",
        ] {
            assert!(moment(text).is_err(), "{text}");
        }
    }
}
