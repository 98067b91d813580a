//! `unrouted list` and `unrouted move`: messages that no binding routed to the workers.

use clap::{Args, Subcommand};
use paynow_desk::expect::PreviewHash;
use paynow_desk::text::counted;
use paynow_desk::unrouted::{Move, Moved, Previewed, Unrouted, list, preview};
use paynow_process::interrupt::Interrupt;
use serde::Serialize;

use crate::arguments::NoteOptions;
use crate::config::Config;
use crate::failure::Failure;
use crate::frozen::{chosen_anew, exactly_this};
use crate::output::{self, Column, Format, Row, number, or_dash, text};

/// More than a person reads.
const LIST_MAX: i64 = 1000;
/// Their ids fit into the record of the action.
const MOVE_MAX: i64 = 100_000;

const LIST_EXAMPLES: &str = "\
Examples:
  paynowctl unrouted list
  paynowctl unrouted list --limit 100 --json";
const MOVE_EXAMPLES: &str = "\
Repair the broker first (`paynowctl setup --skip-database`), or more messages arrive there.
What is only shown ends with the command that does it: with its hash exactly these messages are moved, or none
(exit code 1) if others wait since.
Examples:
  paynowctl unrouted move --by anna --why 'the binding is back'
  paynowctl unrouted move --by anna --why 'the binding is back' --yes \\
      --expect 5e884898da28047151d0e56f8dc62927";

#[derive(Debug, Subcommand)]
pub(crate) enum UnroutedCommand {
    /// Shows how many messages wait in paynow.unrouted, and the first of them; they stay there
    #[command(after_help = LIST_EXAMPLES)]
    List(ListOptions),
    /// Moves them to the workers' queue, each as it is; a dry run without --yes
    #[command(after_help = MOVE_EXAMPLES)]
    Move(MoveOptions),
}

#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    /// Show at most this many
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(1..=LIST_MAX))]
    limit: u32,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct MoveOptions {
    #[command(flatten)]
    note: NoteOptions,
    /// Move at most this many, the oldest first
    #[arg(long, value_name = "N", default_value_t = 10_000,
          value_parser = clap::value_parser!(u32).range(1..=MOVE_MAX))]
    limit: u32,
    /// Move them; without --yes only their number is shown
    #[arg(long)]
    yes: bool,
    /// Only if they are still exactly the messages of the preview that printed this hash
    #[arg(long, value_name = "HASH", requires = "yes")]
    expect: Option<PreviewHash>,
    #[command(flatten)]
    format: Format,
}

impl Row for Unrouted {
    const COLUMNS: &'static [Column<Self>] = &[
        text("received", |it| or_dash(it.received_at.as_deref())),
        text("type", |it| or_dash(it.event_type.as_deref())),
        text("event", |it| or_dash(it.message_id.as_deref())),
        text("routing key", |it| it.routing_key.clone()),
        number("bytes", |it| it.body_bytes.to_string()),
    ];
}

#[derive(Serialize)]
struct DryRun {
    dry_run: bool,
    #[serde(flatten)]
    previewed: Previewed,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    moved: &'a Moved,
    /// Several messages were chosen, and no preview was named.
    chosen_anew: bool,
}

pub(crate) fn run(command: &UnroutedCommand, config: &Config) -> Result<(), Failure> {
    match command {
        UnroutedCommand::List(options) => show(options, config),
        UnroutedCommand::Move(options) => move_them(options, config),
    }
}

fn show(options: &ListOptions, config: &Config) -> Result<(), Failure> {
    let list = list(&config.broker()?, options.limit)?;
    if options.format.json {
        return output::json(&list);
    }
    output::line(&waiting(list.waiting))?;
    output::titled_table("The first of them:", &list.messages)
}

fn waiting(messages: u64) -> String {
    let messages = counted(messages, "message waits", "messages wait");
    format!("{messages} in paynow.unrouted")
}

fn move_them(options: &MoveOptions, config: &Config) -> Result<(), Failure> {
    let (address, database) = (config.broker()?, config.database()?);
    if !options.yes {
        return dry_run(preview(&address, options.limit)?, options.format);
    }
    let interrupt = Interrupt::listen()
        .map_err(|error| Failure::failed("signals cannot be listened to", error))?;
    let note = options.note.note();
    let moved = Move {
        address: &address,
        database: &database,
        note: &note,
        limit: options.limit,
        expected: options.expect.as_ref(),
        interrupt: &interrupt,
    }
    .run()?;
    print(&moved, options)?;
    match interrupt.asked() {
        Some(signal) if moved.left > 0 => Err(Failure::Interrupted {
            signal,
            what: "interrupted: run it again for the others".to_owned(),
        }),
        Some(_) | None => Ok(()),
    }
}

fn dry_run(previewed: Previewed, format: Format) -> Result<(), Failure> {
    if format.json {
        return output::json(&DryRun {
            dry_run: true,
            previewed,
        });
    }
    output::line(&format!(
        "{}; dry run: nothing was moved, --yes moves {}",
        waiting(previewed.waiting),
        counted(previewed.would_move, "message", "messages")
    ))?;
    match previewed.would_move {
        0 => Ok(()),
        _some => output::line(&exactly_this(&previewed.expect, "--yes")),
    }
}

fn print(moved: &Moved, options: &MoveOptions) -> Result<(), Failure> {
    if !moved.recorded {
        output::error("paynowctl: the database cannot be reached, so this move is not recorded");
    }
    let is_anew = options.expect.is_none() && moved.moved > 1;
    if options.format.json {
        return output::json(&Document {
            moved,
            chosen_anew: is_anew,
        });
    }
    if is_anew {
        let messages = counted(moved.moved, "message", "messages");
        output::line(&chosen_anew(&messages, &moved.expect))?;
    }
    output::line(&format!(
        "moved {} to paynow.credits, {} left{}",
        counted(moved.moved, "message", "messages"),
        moved.left,
        match moved.recorded {
            true => format!("; recorded for {}", options.note.note().by),
            false => String::new(),
        }
    ))
}
