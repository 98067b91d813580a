//! `dead`: lists, shows, discards and replays dead letters.

mod control;
mod discard;
mod list;
mod options;
mod replay;
mod show;

use clap::Subcommand;

use self::control::ControlOptions;
use self::discard::DiscardOptions;
use self::list::ListOptions;
use self::replay::ReplayOptions;
pub(crate) use self::replay::{ReplayNow, letters_and_wallets, replay_now};
use self::show::ShowOptions;
use crate::config::Config;
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum DeadCommand {
    /// Counts dead letters by reason, with their age and the points at stake
    List(ListOptions),
    /// Shows everything about one dead letter; personal data is masked
    Show(ShowOptions),
    /// Discards dead letters: they are never credited
    Discard(DiscardOptions),
    /// Sends dead letters to the worker again, a few first, and reports what becomes of them
    Replay(ReplayOptions),
    /// Pauses, stops or continues a replay that runs, in whichever process
    Control(ControlOptions),
}

pub(crate) fn run(command: &DeadCommand, config: &Config) -> Result<(), Failure> {
    match command {
        DeadCommand::List(options) => list::run(options, config),
        DeadCommand::Show(options) => show::run(options, config),
        DeadCommand::Discard(options) => discard::run(options, config),
        DeadCommand::Replay(options) => replay::run(options, config),
        DeadCommand::Control(options) => control::run(options, config),
    }
}
