//! `history`: compares `PayNow`'s record of its deliveries with the database, and sends the missing
//! events to a receiver.

mod options;
mod report;
mod send;

use clap::Subcommand;
use paynow_desk::database::Database;
use paynow_desk::history::{Comparison, Waiting, read_page};

use self::options::{Downloaded, HistorySendOptions, MissingOptions};
use self::report::Document;
use crate::config::Config;
use crate::failure::Failure;
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum HistoryCommand {
    /// Lists events that PayNow delivered and that we do not have; exits 1 when there is any
    Missing(MissingOptions),
    /// Posts these events to a receiver, signed as PayNow signs; a dry run without --yes
    Send(HistorySendOptions),
}

pub(crate) fn run(command: &HistoryCommand, config: &Config) -> Result<(), Failure> {
    match command {
        HistoryCommand::Missing(options) => missing(options, config),
        HistoryCommand::Send(options) => send::run(options, config),
    }
}

fn missing(options: &MissingOptions, config: &Config) -> Result<(), Failure> {
    let database = config.database()?;
    // The broker first: an event that moves on meanwhile is then counted twice instead of never.
    let waiting = match options.skip_broker {
        true => None,
        false => Some(Waiting::read(&config.management()?, &config.ladder()?)?),
    };
    let comparison = &compare(&database, &options.downloaded)?;
    let document = Document {
        comparison,
        waiting,
    };
    if options.format.json {
        output::json(&document)?;
    } else {
        report::print(document)?;
    }
    if comparison.is_complete() {
        Ok(())
    } else {
        Err(Failure::AlreadyPrinted)
    }
}

/// Reads the downloaded pages one after another and compares each.
fn compare(database: &Database, downloaded: &Downloaded) -> Result<Comparison, Failure> {
    let mut comparison = Comparison::default();
    let since_ms = downloaded.since.timestamp_millis();
    for file in &downloaded.files {
        let unreadable = || format!("{} cannot be read", file.display());
        let bytes = std::fs::read(file).map_err(|error| Failure::failed(unreadable(), error))?;
        let page = read_page(&bytes).map_err(|error| Failure::failed(unreadable(), error))?;
        comparison.add(database, page, since_ms)?;
    }
    Ok(comparison)
}
