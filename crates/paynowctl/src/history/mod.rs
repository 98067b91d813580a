//! `history`: what `PayNow` says it delivered, compared with what is here. After a restore it finds
//! what was applied since the backup, after the loss of a broker what had not been applied yet, and
//! after a long outage what `PayNow` gave up; and it brings that through the front door.

mod books;
mod compact;
mod compare;
mod page;
mod report;
mod send;
mod waiting;

use crate::cli::{HistoryCommand, MissingOptions};
use crate::config::Config;
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(command: &HistoryCommand, config: &Config) -> Result<(), Failure> {
    match command {
        HistoryCommand::Missing(options) => missing(options, config),
        HistoryCommand::Send(options) => send::run(options, config),
    }
}

fn missing(options: &MissingOptions, config: &Config) -> Result<(), Failure> {
    let database_url = config.database_url()?;
    // The broker first: what moves on meanwhile is then counted twice rather than not at all.
    let waiting = match options.skip_broker {
        true => None,
        false => Some(waiting::look(config)?),
    };
    let comparison = compare::compare(&database_url, &options.downloaded)?;
    if options.format.json {
        output::json(&report::document(&comparison, waiting))?;
    } else {
        report::print(&comparison, waiting)?;
    }
    if comparison.missing.is_empty() && comparison.nameless.is_empty() {
        Ok(())
    } else {
        Err(Failure::Told)
    }
}
