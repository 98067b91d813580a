//! What can be typed to compare PayNow's history of deliveries with our books.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use url::Url;

use super::Note;
use crate::arguments::http_url;
use crate::output::Format;

#[derive(Debug, Subcommand)]
pub(crate) enum HistoryCommand {
    /// Lists events that PayNow delivered and that are nowhere here; exits 1 when there is any
    Missing(MissingOptions),
    /// Posts these events to a receiver, signed as PayNow signs; a dry run without --yes
    Send(HistorySendOptions),
}

/// What PayNow says it delivered.
#[derive(Debug, Args)]
pub(crate) struct Downloaded {
    /// Pages of PayNow's history, byte for byte as its API gave them
    #[arg(long = "file", required = true, num_args = 1.., value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Leave out what PayNow made before this time, such as 2026-11-24T08:00:00Z
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    pub(crate) since: DateTime<Utc>,
}

const MISSING_EXAMPLES: &str = "\
An event is missing when PayNow delivered it, or gave it up, and it is neither in the books nor at the
desk. What waits in the broker is in neither, so drain that first: the depths are shown.

Examples:
  paynowctl history missing --file history/*.json --since 2026-11-24T08:00:00Z
  paynowctl history missing --file page-1.json page-2.json --since 2026-11-24T08:00:00Z --json";

#[derive(Debug, Args)]
#[command(after_help = MISSING_EXAMPLES)]
pub(crate) struct MissingOptions {
    #[command(flatten)]
    pub(crate) downloaded: Downloaded,
    /// Do not ask the broker what waits there
    #[arg(long)]
    pub(crate) skip_broker: bool,
    #[command(flatten)]
    pub(crate) format: Format,
}

const SEND_EXAMPLES: &str = "\
Sends what `history missing` lists, oldest first, and watches what becomes of it. While events wait
for the worker it sends nothing, and while some wait on the retry ladder only what never waits there:
what is missing may be among them, and PayNow's history may write an event with other bytes than its
first delivery had. The second of two such copies is never credited; it becomes a dead letter
`conflict`. Safe to repeat: what has arrived is not missing any more. Exits 1 unless all is applied.

Examples:
  paynowctl history send --file history/*.json --since 2026-11-24T08:00:00Z --by anna --why 'restore'
  paynowctl history send --file history/*.json --since 2026-11-24T08:00:00Z --by anna --why 'restore' \\
      --url http://receiver:8080/webhooks/paynow --yes";

#[derive(Debug, Args)]
#[command(after_help = SEND_EXAMPLES)]
pub(crate) struct HistorySendOptions {
    #[command(flatten)]
    pub(crate) downloaded: Downloaded,
    #[command(flatten)]
    pub(crate) note: Note,
    /// Where the receiver listens
    #[arg(long, default_value = "http://127.0.0.1:8080/webhooks/paynow", value_parser = http_url)]
    pub(crate) url: Url,
    /// Posts per second
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) rate: u32,
    /// Stop trying an event after this many seconds
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    pub(crate) give_up_after: u32,
    /// How long to wait for the outcome of what was sent
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(0..=86_400))]
    pub(crate) wait: u32,
    /// Send all of it although events wait in the broker
    #[arg(long)]
    pub(crate) despite_waiting: bool,
    /// Do it: without, what would be sent is only shown
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) format: Format,
}

fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .map_err(|_error| "write a time like 2026-11-24T08:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::Cli;

    fn exit_code(line: &str) -> i32 {
        Cli::try_parse_from(line.split(' ')).map_or_else(|error| error.exit_code(), |_cli| 0)
    }

    #[test]
    fn history_needs_its_pages_and_a_beginning_and_an_act_who_and_why() {
        for line in [
            "paynowctl history missing --file a.json",
            "paynowctl history missing --since 2026-11-24T08:00:00Z",
            "paynowctl history missing --file a.json --since yesterday",
            "paynowctl history send --file a.json --since 2026-11-24T08:00:00Z --by anna",
        ] {
            assert_eq!(exit_code(line), 2, "{line}");
        }
        for line in [
            "paynowctl history missing --file a.json b.json --since 2026-11-24T08:00:00Z --json",
            "paynowctl history send --file a.json --since 2026-11-24T08:00:00Z --by a --why b --yes",
        ] {
            assert_eq!(exit_code(line), 0, "{line}");
        }
    }
}
