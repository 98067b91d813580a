//! The command line: its commands, and what `--help` prints.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use paynow_desk::error::in_one_line;

use crate::actions::{self, ActionsCommand};
use crate::check::{self, CheckOptions};
use crate::config::Config;
use crate::correct::{self, CorrectOptions};
use crate::dead::{self, DeadCommand};
use crate::doctor::{self, DoctorOptions};
use crate::escape::Printable;
use crate::events::{self, EventsCommand};
use crate::failure::Failure;
use crate::find::{self, FindOptions};
use crate::forget::{self, ForgetOptions};
use crate::generate::{self, CompletionsOptions, ManOptions};
use crate::history::{self, HistoryCommand};
use crate::orders::{self, OrdersCommand};
use crate::output;
use crate::people::{self, PeopleCommand};
use crate::products::{self, ProductsCommand};
use crate::refund::{self, RefundCommand};
use crate::send::{self, SendOptions};
use crate::setup::{self, SetupOptions};
use crate::top::{self, TopOptions};
use crate::topology::{self, TopologyCommand};
use crate::unrouted::{self, UnroutedCommand};
use crate::wallet::{self, WalletCommand};

const EXIT_CODES: &str = "\
Exit codes:
  0   fine
  1   the command failed, or an invariant is broken
  2   the command line is wrong
  3   there is no such wallet, event, order or dead letter, or nothing was found
  64  a setting is missing or wrong

Settings come from the environment; a command asks only for those it needs:
  DATABASE_URL            postgres://user:password@host/database
  AMQP_URL                amqp://user:password@host/vhost
  AMQP_MANAGEMENT_URL     http://user:password@host:15672 (default: host and user of AMQP_URL)
  PAYNOW_SIGNING_SECRETS  `send` and `history send` sign with the first one
  PAYNOW_WEBHOOK_URL      `send` and `history send` post to it (default: port 8080 of this machine)
  PAYNOW_PUBLIC_URL       `doctor` looks at its certificate: where PayNow posts to
  PAYNOW_METRICS_URLS     `top` reads them, comma separated (default: ports 9464 and 9465 of this machine)
  RETRY_LADDER            delays in seconds (default: 1,4,16,64,256,1024,3600)
  PAYNOW_API_KEY          `products import --from-paynow` and `find` read the store PAYNOW_STORE_ID with it
  PAYNOW_API_URL          where PayNow's API is (default: https://api.paynow.gg)
DATABASE_URL, AMQP_URL, AMQP_MANAGEMENT_URL, PAYNOW_SIGNING_SECRETS and PAYNOW_API_KEY may also come from a file: DATABASE_URL_FILE and so on.

`dead replay` and `refund` show what the worker will do, so give them the worker's settings of the shop:
  PAYNOW_STORE_ID, PARTIAL_REFUNDS, ORDER_TYPES, TRIALS, UNKNOWN_PRODUCTS, POINTS_METADATA_KEY
`products import --from-paynow` reads PAYNOW_STORE_ID and POINTS_METADATA_KEY too.

Examples:
  paynowctl setup
  paynowctl products set 600000000000000040 500 --by anna --why 'new product'
  paynowctl send --count 20
  paynowctl find Notch
  paynowctl wallet show 600000000000100000
  paynowctl dead list
  paynowctl check
  paynowctl doctor
  paynowctl top";

/// The exit code for a wrong command line.
const USAGE: u8 = 2;

const LOGIN_LIMITS: &str = "\
Settings, in seconds, of every database login but setup's own (0 is no limit; unset leaves values that were
set by hand, and gives 30, 10 and 60, or 900 for readers and operators, to a login without one):
  PAYNOW_LOGIN_IDLE_IN_TRANSACTION_SECONDS
  PAYNOW_LOGIN_LOCK_SECONDS
  PAYNOW_LOGIN_STATEMENT_SECONDS";

/// Sets up, feeds, reads and checks the pipeline from PayNow webhooks to points.
#[derive(Debug, Parser)]
#[command(name = "paynowctl", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The command line of this process, or its exit code after help or an explanation was printed.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let error = match Cli::try_parse_from(&arguments) {
        Ok(cli) => return Ok(cli),
        Err(error) => error,
    };
    // The explanation repeats arguments as they are, so it is taken from printable ones.
    let printable = arguments
        .iter()
        .map(|argument| Printable::of(&argument.to_string_lossy()).into_string());
    match Cli::try_parse_from(printable) {
        Err(explained) if explained.kind() == error.kind() => {
            // Where nobody reads the explanation, the exit code still tells.
            let _unread = explained.print();
        }
        Err(_) | Ok(_) => output::error(&in_one_line(&error)),
    }
    Err(
        if error.kind() == ErrorKind::DisplayHelp || error.kind() == ErrorKind::DisplayVersion {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(USAGE)
        },
    )
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Prepares the database and the broker; safe to repeat, also while the programs are running
    #[command(after_help = LOGIN_LIMITS)]
    Setup(SetupOptions),
    /// Sets, imports, exports and lists the points that products give
    #[command(subcommand)]
    Products(ProductsCommand),
    /// Signs events as PayNow does and posts them to a receiver
    Send(SendOptions),
    /// Finds anything by an id, a key, or what a game calls a player
    Find(FindOptions),
    /// Shows a player's balance and ledger entries, and lists wallets
    #[command(subcommand)]
    Wallet(WalletCommand),
    /// Shows what became of an event, and lists events
    #[command(subcommand)]
    Events(EventsCommand),
    /// Shows what an order gave, and what was taken back
    #[command(subcommand)]
    Orders(OrdersCommand),
    /// Lists, shows, discards and replays dead letters: events that could not be credited
    #[command(subcommand)]
    Dead(DeadCommand),
    /// Decides what a refund was for when its amounts do not tell
    #[command(subcommand)]
    Refund(RefundCommand),
    /// Lists what operators did, when and why
    #[command(subcommand)]
    Actions(ActionsCommand),
    /// Finds and sends again what PayNow delivered and we have lost, as after a restore
    #[command(subcommand)]
    History(HistoryCommand),
    /// Shows messages that no binding routed to the workers, and moves them there
    #[command(subcommand)]
    Unrouted(UnroutedCommand),
    /// Gives or takes points by one more ledger entry; a dry run without --yes
    Correct(CorrectOptions),
    /// Sees to who may use the console
    #[command(subcommand)]
    People(PeopleCommand),
    /// Removes what names a person: ids, names, payloads and bodies; a dry run without --yes
    Forget(ForgetOptions),
    /// Checks the invariants: exits 1 when one is broken or cannot be checked
    Check(CheckOptions),
    /// Looks at settings, logins, rights, schema, clock, products, secrets and webhooks, and says what mends each
    Doctor(DoctorOptions),
    /// Shows rates, latencies, queues, dead letters and processes on a screen that refreshes in place
    Top(TopOptions),
    /// Prints the broker's exchanges, queues, bindings and policies
    #[command(subcommand)]
    Topology(TopologyCommand),
    /// Prints the completions of a shell
    #[command(hide = true)]
    Completions(CompletionsOptions),
    /// Writes the manual pages
    #[command(hide = true)]
    Man(ManOptions),
}

impl Command {
    pub(crate) fn run(&self, config: &Config) -> Result<(), Failure> {
        match self {
            Self::Setup(options) => setup::run(options, config),
            Self::Products(command) => products::run(command, config),
            Self::Send(options) => send::run(options, config),
            Self::Find(options) => find::run(options, config),
            Self::Wallet(command) => wallet::run(command, config),
            Self::Events(command) => events::run(command, config),
            Self::Orders(command) => orders::run(command, config),
            Self::Dead(command) => dead::run(command, config),
            Self::Refund(command) => refund::run(command, config),
            Self::Actions(command) => actions::run(command, config),
            Self::History(command) => history::run(command, config),
            Self::Unrouted(command) => unrouted::run(command, config),
            Self::Correct(options) => correct::run(options, config),
            Self::People(command) => people::run(command, config),
            Self::Forget(options) => forget::run(options, config),
            Self::Check(options) => check::run(options, config),
            Self::Doctor(options) => doctor::run(options, config),
            Self::Top(options) => top::run(options, config),
            Self::Topology(command) => topology::run(command, config),
            Self::Completions(options) => generate::completions(*options, Cli::command()),
            Self::Man(options) => generate::man(options, Cli::command()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_invalid_command_line_is_a_usage_error() {
        for line in [
            "paynowctl wallet show 0",
            "paynowctl wallet history 7 --limit 0",
            "paynowctl events show evt_1",
            "paynowctl products set 7 -5",
            "paynowctl setup --skip-broker --skip-database",
            "paynowctl setup --skip-database --game-login game",
            "paynowctl setup --game-login Game",
            "paynowctl setup --password-file f",
            "paynowctl send --url ftp://host/",
            "paynowctl send --file - --count 3",
            "paynowctl send --product 7=-1",
        ] {
            let error = Cli::try_parse_from(line.split(' ')).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
            assert_ne!(error.kind(), ErrorKind::DisplayHelp, "{line}");
        }
    }

    fn exit_code(line: &str) -> i32 {
        Cli::try_parse_from(line.split(' ')).map_or_else(|error| error.exit_code(), |_cli| 0)
    }

    #[test]
    fn products_come_from_a_file_or_from_paynow_and_need_a_name_and_a_reason() {
        parse(
            &[
                "products set 7 5",
                "products set 7 5 --valid-from 2026-11-24T08:00:00Z --by a --why b --yes",
                "products remove 7 --by a --why b",
                "products import a.csv --by a --why b",
                "products import - --by a --why b --apply --yes --json",
                "products import --from-paynow --by a --why b",
                "products export --csv",
                "products list --history --product 7 --json",
            ],
            &[
                "products set 7 5 --valid-from tomorrow",
                "products remove 7 --by a",
                "products import --by a --why b",
                "products import a.csv --from-paynow --by a --why b",
                "products import a.csv --why b",
                "products import a.csv --by a --why b --yes",
                "products export --csv --json",
                "products list --product 7",
            ],
        );
    }

    fn parse(valid: &[&str], invalid: &[&str]) {
        for line in valid {
            assert_eq!(exit_code(&format!("paynowctl {line}")), 0, "{line}");
        }
        for line in invalid {
            assert_eq!(exit_code(&format!("paynowctl {line}")), 2, "{line}");
        }
    }

    #[test]
    fn an_action_needs_a_selection_a_name_and_a_reason() {
        parse(
            &[
                "dead discard 7 8 --by a --why b",
                "dead discard --reason conflict --wallet 7 --by a --why b --yes",
                "dead list --state all --each --limit 5",
                "dead list --since 2h --older-than 1d --type on_refund",
                "correct --wallet 7 --points -5 --by a --why b",
                "correct --wallet 7 --points +5 --by a --why b --key k",
                "forget 7 --by a --why b --yes --json",
                "correct --wallet 7 --points +5 --by a --why b --key k --json",
                "correct --wallet 7 --points +5 --by a --why b --yes --again",
                "correct --wallet 7 --points 5 --by a --why b --yes --expect 0123456789abcdef",
                "forget 7 --by a --why b --yes --expect 0123456789abcdef",
                "unrouted move --by a --why b --yes --expect 0123456789abcdef",
                "products import a.csv --by a --why b --apply --expect 0123456789abcdef",
            ],
            &[
                "dead discard --by a --why b",
                "dead discard 7 --by a",
                "dead discard 7 --why b",
                "dead discard 7 --reason conflict --by a --why b",
                "dead discard --reason typo --by a --why b",
                "dead list --since tomorrow",
                "dead list --type ON_ORDER_COMPLETE",
                "dead list --older-than 1y",
                "dead list --limit 5",
                "correct --wallet 7 --points 0 --by a --why b",
                "correct --wallet 7 --points 1.5 --by a --why b",
                "correct --wallet 7 --points 5 --why b",
                "forget 7 --by a",
                "forget --by a --why b",
                "forget 7 --by a --why b --expect 0123456789abcdef",
                "correct --wallet 7 --points 5 --by a --why b --expect 0123456789abcdef",
                "unrouted move --by a --why b --expect 0123456789abcdef",
                "products import a.csv --by a --why b --expect 0123456789abcdef",
                "correct --wallet 7 --points 5 --by a --why b --key k --again",
            ],
        );
    }

    #[test]
    fn a_replay_takes_named_letters_or_a_selection_or_resumes() {
        parse(
            &[
                "dead replay 7 8 --by a --why b --rate 20/s",
                "dead replay --wallet 7 --canary 3 --max-failures 0 --yes --by a --why b",
                "dead replay --resume 1 --rate 5 --by a --why b --json",
                "dead replay --resume 1 --by a --why b --yes",
            ],
            &[
                "dead replay --by a --why b",
                "dead replay 7 --by a",
                "dead replay 7 --reason conflict --by a --why b",
                "dead replay 7 --resume 1 --by a --why b",
                "dead replay 7 --by a --why b --expect 0123456789abcdef",
                "dead replay --resume 1 --reason conflict --by a --why b",
                "dead replay 7 --rate 0 --by a --why b",
                "dead replay 7 --canary 0 --by a --why b",
                "dead replay 7 --max-failures 101 --by a --why b",
                "dead replay 7 --max-depth-wait 86401 --by a --why b",
            ],
        );
    }

    #[test]
    fn a_refund_is_for_a_line_or_for_points() {
        parse(
            &[
                "refund attribute 17 --line 31 --by a --why b",
                "refund attribute 17 --points 0 --by a --why b",
                "refund attribute 17 --points 5 --wallet 20 --by a --why b --wait 1",
                "refund attribute 17 --everything --by a --why b",
                "refund attribute 17 --everything --by a --why b --dry-run",
                "refund attribute 17 --everything --by a --why b --yes --expect 0123456789abcdef",
            ],
            &[
                "refund attribute 17 --by a --why b",
                "refund attribute 17 --line 31 --points 5 --by a --why b",
                "refund attribute 17 --line 31 --wallet 20 --by a --why b",
                "refund attribute 17 --everything --wallet 20 --by a --why b",
                "refund attribute 17 --everything --points 0 --by a --why b",
                "refund attribute 17 --points -5 --by a --why b",
                "refund attribute 17 --line 31 --by a",
                "refund attribute --line 31 --by a --why b",
                "refund attribute 17 --line 31 --by a --why b --dry-run --yes",
                "refund attribute 17 --line 31 --by a --why b --dry-run --expect 0123456789abcdef",
            ],
        );
    }

    #[test]
    fn history_needs_pages_and_a_time_and_sending_needs_a_name_and_a_reason() {
        let since = "--since 2026-11-24T08:00:00Z";
        parse(
            &[
                &format!("history missing --file a.json b.json {since} --json"),
                &format!("history send --file a.json {since} --by a --why b --yes"),
            ],
            &[
                "history missing --file a.json",
                &format!("history missing {since}"),
                "history missing --file a.json --since tomorrow",
                &format!("history send --file a.json {since} --by anna"),
            ],
        );
    }
}
