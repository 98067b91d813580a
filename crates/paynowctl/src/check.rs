//! `check`: the invariants, one row each.

use clap::Args;
use paynow_desk::check;

use crate::config::Config;
use crate::failure::Failure;
use crate::output::{self, Column, Format, Row, text};

#[derive(Debug, Args)]
pub(crate) struct CheckOptions {
    /// Check the database only
    #[arg(long)]
    skip_broker: bool,
    /// How many different events were answered 202: fails when one of them is lost
    #[arg(long, value_name = "EVENTS")]
    accepted: Option<u64>,
    /// Verify the signatures of all events whose payload is kept, with the current and the retired
    /// signing secrets; the login must be one that may read payloads, such as that of setup
    #[arg(long)]
    signatures: bool,
    #[command(flatten)]
    format: Format,
}

impl Row for check::Row {
    const COLUMNS: &'static [Column<Self>] = &[
        text("status", |it| it.status.to_string()),
        text("invariant", |it| it.id.to_owned()),
        text("message", |it| it.message.clone()),
    ];
}

pub(crate) fn run(options: &CheckOptions, config: &Config) -> Result<(), Failure> {
    let database = config.database()?;
    let broker = match options.skip_broker {
        true => None,
        false => Some(config.whole_broker()?),
    };
    let secrets = match options.signatures {
        true => Some(config.signing_secrets()?),
        false => None,
    };
    let mut rows = check::check(&database, broker.as_ref(), options.accepted);
    rows.extend(secrets.map(|secrets| check::signatures(&database, &secrets)));
    output::list(&rows, options.format)?;
    if rows.iter().all(|row| row.status.is_fine()) {
        Ok(())
    } else {
        Err(Failure::AlreadyPrinted)
    }
}
