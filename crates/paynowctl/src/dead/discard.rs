//! `dead discard`: gives dead letters up.

use clap::{ArgGroup, Args};
use paynow_desk::discard::discard;
use paynow_desk::letters::Letter;
use paynow_desk::text::counted;

use super::options::{FILTERS, SelectionOptions};
use crate::arguments::{NoteOptions, mode};
use crate::config::Config;
use crate::failure::Failure;
use crate::output::{self, Column, Row, number, or_dash, text};

const EXAMPLES: &str = "\
One letter that is named is discarded at once; several, or a selection, are only shown until you add
--yes. Only open letters can be discarded, and either all selected letters are, or none. When another
copy of its event is applied afterwards, a discarded letter becomes resolved; dead show still tells who
discarded it and why.

Examples:
  paynowctl dead discard 17 --by anna --why 'test order of our own'
  paynowctl dead discard 17 18 19 --by anna --why 'ticket 4711' --yes
  paynowctl dead discard --reason wrong_store --older-than 86400 --by anna --why 'old subscription'";

#[derive(Debug, Args)]
#[command(
    after_help = EXAMPLES,
    group = ArgGroup::new("selection").required(true).multiple(true).arg("letters").args(FILTERS)
)]
pub(crate) struct DiscardOptions {
    #[command(flatten)]
    selection: SelectionOptions,
    #[command(flatten)]
    note: NoteOptions,
    /// Discard the letters; without --yes, more than one is only shown
    #[arg(long)]
    yes: bool,
}

impl Row for Letter {
    const COLUMNS: &'static [Column<Self>] = &[
        number("id", |it| it.summary.dead_letter_id.to_string()),
        text("event", |it| it.event_id.clone()),
        text("type", |it| or_dash(it.summary.event_type.as_ref())),
        text("reason", |it| it.summary.reason.clone()),
    ];
}

pub(super) fn run(options: &DiscardOptions, config: &Config) -> Result<(), Failure> {
    // A letter that is named alone has been seen already; more may be more than the operator thinks.
    let is_dry_run = !options.yes && !options.selection.is_one_letter();
    let (selection, note) = (options.selection.selection(), options.note.note());
    let letters = discard(&config.database()?, &selection, &note, mode(is_dry_run))?;
    output::first_rows(letters.iter())?;
    let count = u64::try_from(letters.len()).unwrap_or(u64::MAX);
    let count = counted(count, "dead letter", "dead letters");
    output::line(&if is_dry_run {
        format!("dry run: {count} would be discarded; --yes does it")
    } else {
        format!("discarded {count}; recorded for {}", note.by)
    })
}
