//! The command line: what can be typed, and what `--help` says.

mod desk;
mod history;
mod replay;

use clap::{Args, Parser, Subcommand};
use paynow_shared::ids::{ProductId, WalletId};
use paynow_shared::points::Points;

use crate::arguments::message_id;
use crate::output::Format;
use crate::send::SendOptions;
use crate::top::TopOptions;

pub(crate) use desk::{
    CorrectOptions, DeadCommand, DiscardOptions, Filter, ListOptions, Note, ShowOptions,
};
pub(crate) use history::{Downloaded, HistoryCommand, HistorySendOptions, MissingOptions};
pub(crate) use replay::{Pace, ReplayOptions};

const EXIT_CODES: &str = "\
Exit codes:
  0   fine
  1   it failed, or an invariant is broken
  2   the command line is wrong
  3   there is no such wallet, event or dead letter
  64  a setting is missing or wrong

Settings come from the environment; a command asks only for those it needs:
  DATABASE_URL            postgres://user:password@host/database
  AMQP_URL                amqp://user:password@host/vhost
  AMQP_MANAGEMENT_URL     http://user:password@host:15672 (default: host and user of AMQP_URL)
  PAYNOW_SIGNING_SECRETS  `send` and `history send` sign with the first one
  RETRY_LADDER            delays in seconds (default: 1,4,16,64,256,1024,3600)
The first four may also come from a file: DATABASE_URL_FILE and so on.

Examples:
  paynowctl setup
  paynowctl products set 600000000000000040 500
  paynowctl send --count 20
  paynowctl wallet show 600000000000100000
  paynowctl dead list
  paynowctl check
  paynowctl top";

/// Sets up, feeds, reads and checks the pipeline from PayNow webhooks to points.
#[derive(Debug, Parser)]
#[command(name = "paynowctl", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes the database and the broker ready; safe to repeat, and to run while all is running
    Setup(SetupOptions),
    /// What a product gives
    #[command(subcommand)]
    Products(ProductsCommand),
    /// Signs events as PayNow does and posts them to a receiver
    Send(SendOptions),
    /// What a player has, and why
    #[command(subcommand)]
    Wallet(WalletCommand),
    /// What became of an event
    #[command(subcommand)]
    Events(EventsCommand),
    /// What could not be credited: lists, shows and discards dead letters
    #[command(subcommand)]
    Dead(DeadCommand),
    /// Finds and brings what PayNow delivered and we have lost, as after a restore
    #[command(subcommand)]
    History(HistoryCommand),
    /// Gives or takes points by one more ledger entry; a dry run without --yes
    Correct(CorrectOptions),
    /// Proves the invariants: exits 1 when one is broken or cannot be looked at
    Check(CheckOptions),
    /// Shows what goes on, and refreshes in place: rates, latencies, queues, dead letters, processes
    Top(TopOptions),
    /// The broker's exchanges, queues, bindings and policies
    #[command(subcommand)]
    Topology(TopologyCommand),
}

#[derive(Debug, Args)]
pub(crate) struct SetupOptions {
    /// Leave the broker alone
    #[arg(long, conflicts_with = "skip_database")]
    pub(crate) skip_broker: bool,
    /// Leave the database alone
    #[arg(long)]
    pub(crate) skip_database: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProductsCommand {
    /// Says how many points one unit of a product gives; 0 means that it gives none
    Set {
        /// PayNow's product id
        product: ProductId,
        /// Points of one unit
        points: Points,
    },
    /// Lists every product and its points
    List {
        #[command(flatten)]
        format: Format,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum WalletCommand {
    /// Shows a balance
    Show {
        /// PayNow's customer id of the player
        wallet: WalletId,
        #[command(flatten)]
        format: Format,
    },
    /// Lists ledger entries, newest first, with the balance after each
    History(HistoryQuery),
}

#[derive(Debug, Args)]
pub(crate) struct HistoryQuery {
    /// PayNow's customer id of the player
    pub(crate) wallet: WalletId,
    /// How many entries
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) format: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EventsCommand {
    /// Tells one event's story, from its arrival to the balances
    Show {
        /// The event id, or the SHA-256 under which an unreadable event is kept
        #[arg(value_parser = message_id)]
        event: String,
        #[command(flatten)]
        format: Format,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CheckOptions {
    /// Check the database only
    #[arg(long)]
    pub(crate) skip_broker: bool,
    /// Account for this many different events that were answered 202: fails when one is nowhere
    #[arg(long, value_name = "EVENTS")]
    pub(crate) accepted: Option<u64>,
    #[command(flatten)]
    pub(crate) format: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TopologyCommand {
    /// Prints the definitions document that a broker loads at boot
    Export,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_cannot_be_meant_is_a_usage_error() {
        for line in [
            "paynowctl wallet show 0",
            "paynowctl wallet history 7 --limit 0",
            "paynowctl events show evt_1",
            "paynowctl products set 7 -5",
            "paynowctl setup --skip-broker --skip-database",
            "paynowctl send --url ftp://host/",
            "paynowctl send --file - --count 3",
            "paynowctl send --product 7=-1",
        ] {
            let error = Cli::try_parse_from(line.split(' ')).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
            assert_ne!(error.kind(), ErrorKind::DisplayHelp, "{line}");
        }
    }
}
