#![doc = include_str!("../README.md")]

mod arguments;
mod cli;
mod config;
mod escape;
mod failure;
mod output;
mod pause;

mod check;
mod correct;
mod dead;
mod events;
mod history;
mod products;
mod refund;
mod send;
mod setup;
mod top;
mod topology;
mod wallet;

use std::process::ExitCode;

use crate::config::Config;

fn main() -> ExitCode {
    match cli::parse() {
        Ok(cli) => output::report(cli.command.run(&Config::of_this_process())),
        Err(exit_code) => exit_code,
    }
}
