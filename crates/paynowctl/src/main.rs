#![doc = include_str!("../README.md")]

mod arguments;
mod cli;
mod config;
mod failure;
mod output;
mod pause;

mod check;
mod correct;
mod dead;
mod events;
mod history;
mod products;
mod send;
mod setup;
mod top;
mod topology;
mod wallet;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;
use crate::config::Config;

fn main() -> ExitCode {
    let cli = Cli::parse();
    failure::report(cli.command.run(&Config::of_this_process()))
}
