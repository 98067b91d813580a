#![doc = include_str!("../README.md")]

mod bare;
mod bench;
mod cli;
mod clock;
mod config;
mod expected;
mod failure;
mod figures;
mod load;
mod machine;
mod measure;
mod orders;
mod row;
mod runtime;
mod scenario;
mod servers;
mod sizes;
mod table;
mod usage;

use std::process::ExitCode;

use clap::Parser;
use paynow_process::environment::Environment;
use paynow_process::exit::exit_code;

use crate::cli::Cli;
use crate::config::Config;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let config = Config::read(&Environment::of_this_process());
    exit_code(
        "paynow-bench",
        config
            .map_err(Into::into)
            .and_then(|config| measure::run(&cli, config)),
    )
}
