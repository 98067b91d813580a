#![doc = include_str!("../README.md")]

mod arguments;
mod cli;
mod config;
mod escape;
mod failure;
mod frozen;
mod output;
mod pause;
mod shell;
mod time;

mod actions;
mod check;
mod correct;
mod dead;
mod doctor;
mod events;
mod find;
mod forget;
mod generate;
mod history;
mod orders;
mod people;
mod products;
mod refund;
mod send;
mod setup;
mod top;
mod topology;
mod unrouted;
mod wallet;

use std::process::ExitCode;

use crate::config::Config;

fn main() -> ExitCode {
    match cli::parse() {
        Ok(cli) => output::report(cli.command.run(&Config::of_this_process())),
        Err(exit_code) => exit_code,
    }
}
