//! The options of `history`.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::Args;
use paynow_desk::expect::PreviewHash;
use url::Url;

use crate::arguments::{NoteOptions, http_url, moment};
use crate::output::Format;

/// PayNow's record of its deliveries.
#[derive(Debug, Args)]
pub(super) struct Downloaded {
    /// Pages of PayNow's history, byte for byte as its API returned them
    #[arg(long = "file", required = true, num_args = 1.., value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Leave out events that PayNow made before: 2026-11-24T08:00:00Z, a date, today, yesterday, or 30m, 2h,
    /// 3d ago
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(super) since: DateTime<Utc>,
}

const MISSING_EXAMPLES: &str = "\
An event is missing when PayNow delivered it, or gave it up, and it is neither settled nor a dead
letter. An event that waits in the broker is neither of these, so let the workers drain the queues
first: their depths are shown.

Examples:
  paynowctl history missing --file history/*.json --since 2026-11-24T08:00:00Z
  paynowctl history missing --file page-1.json page-2.json --since 2026-11-24T08:00:00Z --json";

#[derive(Debug, Args)]
#[command(after_help = MISSING_EXAMPLES)]
pub(crate) struct MissingOptions {
    #[command(flatten)]
    pub(super) downloaded: Downloaded,
    /// Do not ask the broker how many events wait there
    #[arg(long)]
    pub(super) skip_broker: bool,
    #[command(flatten)]
    pub(super) format: Format,
}

const SEND_EXAMPLES: &str = "\
Sends the events that `history missing` lists, oldest first, and reports what becomes of them. While
events wait for the worker it sends nothing, because missing events may be among them; while events
wait on the retry ladder it sends no refunds and chargebacks. A second copy of an event is never
credited; where PayNow's history has other bytes than the first delivery had, it becomes a dead letter
`conflict`. Safe to repeat: an event that has arrived is not missing any more. Exits 1 unless all
events are applied.
What is only shown ends with the command that does it: with its hash exactly these events are sent, or
none (exit code 1) if others are missing since.

Examples:
  paynowctl history send --file history/*.json --since 2026-11-24T08:00:00Z --by anna --why 'restore'
  paynowctl history send --file history/*.json --since 2026-11-24T08:00:00Z --by anna --why 'restore' \\
      --url http://receiver:8080/webhooks/paynow --yes \\
      --expect 5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";

#[derive(Debug, Args)]
#[command(after_help = SEND_EXAMPLES)]
pub(crate) struct HistorySendOptions {
    #[command(flatten)]
    pub(super) downloaded: Downloaded,
    #[command(flatten)]
    pub(super) note: NoteOptions,
    /// Where the receiver listens [default: `PAYNOW_WEBHOOK_URL`, or port 8080 of this machine]
    #[arg(long, value_parser = http_url)]
    pub(super) url: Option<Url>,
    /// Posts per second
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) rate: u32,
    /// Stop trying an event after this many seconds
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    pub(super) give_up_after: u32,
    /// How long to wait for the outcome of the sent events
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(0..=86_400))]
    pub(super) wait: u32,
    /// Send all missing events although events wait in the broker
    #[arg(long)]
    pub(super) despite_waiting: bool,
    /// Send the events; without --yes they are only counted
    #[arg(long)]
    pub(super) yes: bool,
    /// Only if they are still exactly the events of the preview that printed this hash, for the same receiver
    #[arg(long, value_name = "HASH", requires = "yes")]
    pub(super) expect: Option<PreviewHash>,
    #[command(flatten)]
    pub(super) format: Format,
}
