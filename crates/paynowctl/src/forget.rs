//! `forget`: removes what names a person.

use clap::Args;
use paynow_desk::expect::PreviewHash;
use paynow_desk::forget::{Forgotten, forget};
use paynow_desk::identities::KnownIdentity;
use paynow_desk::text::counted;
use paynow_shared::ids::WalletId;

use crate::arguments::{NoteOptions, mode};
use crate::config::Config;
use crate::failure::Failure;
use crate::frozen::exactly_this;
use crate::output::{self, Column, Format, Row, or_dash, text};

const EXAMPLES: &str = "\
It removes the ids and names of the customer in games, the payloads of all events about the customer, and
the bodies of dead letters that are discarded or resolved. A payload goes as a whole, so that of a gift goes
with what it says about the other person.

What stays: balances, ledger entries, orders and the customer's id in them, which prove what was paid, and the
digest of each event, so that PayNow's next repeat moves nothing. The body of an open or replayed dead letter
stays too, because a replay needs it: the command lists these letters and exits 1. Settle them
(`dead replay`, `dead discard`) and run it again.

What is only shown ends with the command that does it: with its hash exactly that is removed, or nothing (exit
code 1) if an id, an event or a dead letter has come or gone since.

The customer's next order is recorded with ids and names again. Backups, and what waits in the broker, are not
reached.

Examples:
  paynowctl forget 600000000000100000 --by anna --why 'request of 2026-11-20'
  paynowctl forget 600000000000100000 --by anna --why 'request of 2026-11-20' --yes \\
      --expect 5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ForgetOptions {
    /// PayNow's customer id of the player
    wallet: WalletId,
    #[command(flatten)]
    note: NoteOptions,
    /// Remove it; without --yes it is only shown
    #[arg(long)]
    yes: bool,
    /// Only if it is still exactly what the preview that printed this hash showed
    #[arg(long, value_name = "HASH", requires = "yes")]
    expect: Option<PreviewHash>,
    #[command(flatten)]
    format: Format,
}

impl Row for KnownIdentity {
    const COLUMNS: &'static [Column<Self>] = &[
        text("platform", |it| it.platform.clone()),
        text("id", |it| it.external_id.clone()),
        text("name", |it| or_dash(it.name.as_ref())),
        text("first seen", |it| it.first_seen_at.clone()),
        text("last seen", |it| it.last_seen_at.clone()),
    ];
}

pub(crate) fn run(options: &ForgetOptions, config: &Config) -> Result<(), Failure> {
    let note = options.note.note();
    let mode = mode(!options.yes);
    let expected = options.expect.as_ref();
    let forgotten = forget(&config.database()?, options.wallet, &note, mode, expected)?;
    if options.format.json {
        output::json(&forgotten)?;
    } else {
        print(&forgotten, &note.by)?;
    }
    match forgotten.applied && !forgotten.unsettled_letters.is_empty() {
        true => Err(Failure::AlreadyPrinted),
        false => Ok(()),
    }
}

fn print(forgotten: &Forgotten, by: &str) -> Result<(), Failure> {
    let number = |count: usize, one: &str, several: &str| {
        counted(u64::try_from(count).unwrap_or(u64::MAX), one, several)
    };
    let payloads = number(forgotten.payloads, "event", "events");
    let bodies = number(
        forgotten.bodies,
        "settled dead letter",
        "settled dead letters",
    );
    output::facts(&[
        ("wallet", forgotten.wallet_id.to_string()),
        ("payloads", format!("of {payloads}")),
        ("bodies", format!("of {bodies}")),
    ])?;
    output::titled_table("identities", &forgotten.identities)?;
    let letters = forgotten.unsettled_letters.join(" ");
    if !letters.is_empty() {
        output::empty_line()?;
        output::line(&format!(
            "these dead letters are not settled and keep their bodies: {letters}"
        ))?;
        output::line("settle them with dead replay or dead discard, then run forget again")?;
    }
    output::empty_line()?;
    match (forgotten.applied, forgotten.is_nothing()) {
        (true, true) => output::line(&format!(
            "nothing was there to remove: no id, no payload and no body; recorded for {by}"
        )),
        (true, false) => output::line(&format!(
            "removed; recorded for {by}. The customer's next order names them again"
        )),
        (false, true) => output::line("dry run: nothing is there to remove"),
        (false, false) => {
            output::line("dry run: nothing was removed; --yes does it")?;
            output::line(&exactly_this(&forgotten.expect, "--yes"))
        }
    }
}
