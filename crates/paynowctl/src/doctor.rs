//! `doctor`: what must be right before points arrive, and what mends it.

use clap::Args;
use paynow_desk::doctor::{self, Status};

use crate::config::Config;
use crate::failure::Failure;
use crate::output::{self, Column, Format, Row, text};

#[derive(Debug, Args)]
pub(crate) struct DoctorOptions {
    #[command(flatten)]
    format: Format,
}

impl Row for doctor::Row {
    const COLUMNS: &'static [Column<Self>] = &[
        text("status", |it| it.status.to_string()),
        text("what", |it| it.id.to_owned()),
        text("message", |it| it.message.clone()),
        text("mend it with", |it| {
            it.remedy.unwrap_or_default().to_owned()
        }),
    ];
}

/// Exits 1 when a row fails; a warning, or what could not be looked at, is no failure by itself.
pub(crate) fn run(options: &DoctorOptions, config: &Config) -> Result<(), Failure> {
    let rows = doctor::examine(&config.subject());
    output::list(&rows, options.format)?;
    match rows.iter().any(|row| row.status == Status::Fail) {
        true => Err(Failure::AlreadyPrinted),
        false => Ok(()),
    }
}
