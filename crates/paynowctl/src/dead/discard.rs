//! `dead discard`: gives dead letters up.

use clap::{ArgGroup, Args};
use paynow_desk::discard::{Discarded, discard};
use paynow_desk::expect::PreviewHash;
use paynow_desk::letters::Letter;
use paynow_desk::text::counted;
use serde::Serialize;

use super::options::{FILTERS, SelectionOptions};
use crate::arguments::{NoteOptions, mode};
use crate::config::Config;
use crate::failure::Failure;
use crate::frozen::{chosen_anew, exactly_this};
use crate::output::{self, Column, Format, Row, number, or_dash, text};

const EXAMPLES: &str = "\
One letter that is named is discarded at once; several, or a selection, are only shown until you add
--yes. What is only shown ends with the command that does it: with its hash exactly these letters are
discarded, or nothing (exit code 1) if others match or one died again since. Only open letters can
be discarded, and either all selected letters are, or none. When another copy of its event is
applied afterwards, a discarded letter becomes resolved; dead show still tells who discarded it and
why.

Examples:
  paynowctl dead discard 17 --by anna --why 'test order of our own'
  paynowctl dead discard 17 18 19 --by anna --why 'ticket 4711' --yes
  paynowctl dead discard --reason wrong_store --older-than 1d --by anna --why 'old subscription'
  paynowctl dead discard --reason wrong_store --older-than 1d --by anna --why 'old subscription' \\
      --yes --expect 5e884898da28047151d0e56f8dc62927";

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
    /// Only if the selection is still the one of the preview that printed this hash
    #[arg(long, value_name = "HASH", requires = "yes")]
    expect: Option<PreviewHash>,
    #[command(flatten)]
    format: Format,
}

#[derive(Serialize)]
struct Document<'a> {
    dry_run: bool,
    expect: &'a PreviewHash,
    /// A filter chose several letters, and no preview was named.
    chosen_anew: bool,
    letters: &'a [Letter],
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
    let mode = mode(is_dry_run);
    let expected = options.expect.as_ref();
    let Discarded { letters, expect } =
        discard(&config.database()?, &selection, &note, mode, expected)?;
    let is_anew =
        !is_dry_run && expected.is_none() && options.selection.is_choice_of(letters.len());
    if options.format.json {
        return output::json(&Document {
            dry_run: is_dry_run,
            expect: &expect,
            chosen_anew: is_anew,
            letters: &letters,
        });
    }
    output::first_rows(letters.iter())?;
    let count = u64::try_from(letters.len()).unwrap_or(u64::MAX);
    let count = counted(count, "dead letter", "dead letters");
    if is_anew {
        output::line(&chosen_anew(&count, &expect))?;
    }
    if !is_dry_run {
        return output::line(&format!("discarded {count}; recorded for {}", note.by));
    }
    output::line(&format!(
        "dry run: {count} would be discarded; --yes does it"
    ))?;
    output::line(&exactly_this(&expect, "--yes"))
}
