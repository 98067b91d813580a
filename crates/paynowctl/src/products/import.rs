//! `products import`: a list of products becomes the price list.

use std::path::PathBuf;

use clap::Args;
use paynow_desk::expect::PreviewHash;
use paynow_desk::products::{self, Change, Difference, Extent, Listed};
use paynow_desk::text::counted;

use super::change::unusual;
use super::file;
use crate::arguments::{NoteOptions, mode};
use crate::config::Config;
use crate::failure::Failure;
use crate::frozen::exactly_this;
use crate::output::{self, Column, Format, Row, number, or_dash, text};

const EXAMPLES: &str = "\
A file is JSON, [{\"product_id\": \"600000000000000040\", \"points\": 500, \"name\": \"Coins\"}], or CSV whose first
line names its columns: product_id,points,name. The name may be left out. `products export` prints both.

From PayNow, points are read from the metadata that POINTS_METADATA_KEY names. A product without it keeps
its price; a new one is proposed with 0 points, and marked as UNUSUAL.

All products are changed, or none: one UNUSUAL row without --yes stops the whole import with exit code 1.
--yes accepts every row that is marked, so look at each first. Products that are not in the list stay as
they are.

What is only shown ends with the command that does it: with its hash exactly these changes are made, or none
(exit code 1) if the list or a price has changed since.

Examples:
  paynowctl products import prices.csv --by anna --why 'prices of december'
  paynowctl products import prices.csv --by anna --why 'prices of december' --apply \\
      --expect 5e884898da28047151d0e56f8dc62927
  paynowctl products import --from-paynow --by anna --why 'new ranks'
  paynowctl products import --from-paynow --by anna --why 'new ranks' --apply

Only when every row that is marked UNUSUAL is right:
  paynowctl products import --from-paynow --by anna --why 'new ranks' --apply --yes";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ImportOptions {
    /// A JSON or CSV file; - is the standard input
    #[arg(value_name = "FILE", required_unless_present = "from_paynow")]
    file: Option<PathBuf>,
    /// Read the products of the store `PAYNOW_STORE_ID` from PayNow's API, with `PAYNOW_API_KEY`
    #[arg(long, conflicts_with = "file")]
    from_paynow: bool,
    #[command(flatten)]
    note: NoteOptions,
    /// Change the price list; without --apply the difference is only shown
    #[arg(long)]
    apply: bool,
    /// Apply also every change that is marked UNUSUAL; without --yes, one of them stops the whole import
    #[arg(long, requires = "apply")]
    yes: bool,
    /// Only if the list and the price list are still those of the preview that printed this hash
    #[arg(long, value_name = "HASH", requires = "apply")]
    expect: Option<PreviewHash>,
    #[command(flatten)]
    format: Format,
}

impl Row for Change {
    const COLUMNS: &'static [Column<Self>] = &[
        text("product", |it| it.product_id.to_string()),
        number("was", |it| or_dash(it.points_before)),
        number("points", |it| it.points.to_string()),
        text("mark", |it| {
            it.caution()
                .map_or_else(|| "-".to_owned(), |caution| format!("UNUSUAL: {caution}"))
        }),
        text("name", |it| or_dash(it.name.as_ref())),
    ];
}

pub(super) fn run(options: &ImportOptions, config: &Config) -> Result<(), Failure> {
    let listed = read(options, config)?;
    let (database, note) = (config.database()?, options.note.note());
    let extent = Extent {
        mode: mode(!options.apply),
        unusual: unusual(options.yes),
        expected: options.expect.as_ref(),
    };
    let difference = products::import(&database, &listed, &note, extent)?;
    let unusual = difference
        .changes
        .iter()
        .filter(|it| it.caution().is_some());
    let unusual = u64::try_from(unusual.count()).unwrap_or(u64::MAX);
    if options.format.json {
        output::json(&difference)?;
    } else {
        show(&difference)?;
        output::line(&match (difference.is_applied, options.apply) {
            (true, _) => format!("done; recorded for {}", note.by),
            (false, true) => "nothing was done".to_owned(),
            (false, false) => "dry run: nothing was done; --apply does it".to_owned(),
        })?;
        if !options.apply && !difference.changes.is_empty() {
            output::line(&how_to_apply(&difference, unusual > 0))?;
        }
    }
    if options.apply && !difference.is_applied {
        return Err(Failure::Refused(format!(
            "{} unusual: look at each, then confirm with --yes",
            counted(unusual, "change is", "changes are")
        )));
    }
    Ok(())
}

fn how_to_apply(difference: &Difference, is_unusual: bool) -> String {
    match is_unusual {
        true => format!(
            "if every row that is marked UNUSUAL is right, and {}",
            exactly_this(&difference.expect, "--apply --yes")
        ),
        false => exactly_this(&difference.expect, "--apply"),
    }
}

fn read(options: &ImportOptions, config: &Config) -> Result<Vec<Listed>, Failure> {
    match &options.file {
        Some(file) => file::read(file),
        None => {
            let (api, store, policy) = (config.paynow_api()?, config.store()?, config.policy()?);
            let key = policy.points_metadata_key.as_deref();
            Ok(products::of_store(&api, store, key)?)
        }
    }
}

fn show(difference: &Difference) -> Result<(), Failure> {
    let Difference {
        is_applied: _,
        changes,
        unchanged,
        unlisted,
        expect: _,
    } = difference;
    if !changes.is_empty() {
        output::table(changes)?;
    }
    let news = changes.iter().filter(|it| it.points_before.is_none());
    let repriced = changes
        .iter()
        .filter(|it| it.points_before.is_some_and(|before| before != it.points));
    let (news, repriced) = (news.count(), repriced.count());
    let renamed = changes.len() - news - repriced;
    output::line(&format!(
        "{news} new, {repriced} with another price, {renamed} with another name only, \
         {unchanged} as they were"
    ))?;
    if unlisted.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = unlisted.iter().map(ToString::to_string).collect();
    output::line(&format!("not in the list, and kept: {}", ids.join(", ")))
}
