//! `topology export`: prints the document that brokers load at boot, `deploy/rabbitmq/definitions.json`.

use clap::Subcommand;
use paynow_shared::topology::definitions;

use crate::config::Config;
use crate::failure::Failure;
use crate::output;

/// The virtual host of a broker that loads the document at boot.
const DEFAULT_VHOST: &str = "/";

#[derive(Debug, Subcommand)]
pub(crate) enum TopologyCommand {
    /// Prints the definitions document that a broker loads at boot
    Export,
}

pub(crate) fn run(command: &TopologyCommand, config: &Config) -> Result<(), Failure> {
    let TopologyCommand::Export = command;
    output::json(&definitions(DEFAULT_VHOST, &config.ladder()?))
}
