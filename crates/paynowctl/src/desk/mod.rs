//! `dead`: what could not be credited, for a person to look at and decide about.

mod about;
mod discard;
mod letters;
mod list;
mod mask;
mod replay;
mod show;

use crate::cli::DeadCommand;
use crate::config::Config;
use crate::failure::Failure;

pub(crate) fn run(command: &DeadCommand, config: &Config) -> Result<(), Failure> {
    match command {
        DeadCommand::List(options) => list::run(options, config),
        DeadCommand::Show(options) => show::run(options, config),
        DeadCommand::Discard(options) => discard::run(options, config),
        DeadCommand::Replay(options) => replay::run(options, config),
    }
}
