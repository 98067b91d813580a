#![doc = include_str!("../README.md")]

mod actions;
mod arguments;
mod cli;
mod config;
mod database;
mod drift;
mod failure;
mod management;
mod output;
mod pause;

mod check;
mod correct;
mod desk;
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

use crate::cli::{Cli, Command, ProductsCommand, TopologyCommand, WalletCommand};
use crate::config::Config;
use crate::failure::Failure;

fn main() -> ExitCode {
    let cli = Cli::parse();
    failure::report(run(cli.command, &Config::of_this_process()))
}

fn run(command: Command, config: &Config) -> Result<(), Failure> {
    match command {
        Command::Setup(options) => setup::run(&options, config),
        Command::Products(ProductsCommand::Set { product, points }) => {
            products::set(product, points, config)
        }
        Command::Products(ProductsCommand::List { format }) => products::list(format, config),
        Command::Send(options) => send::run(&options, config),
        Command::Wallet(WalletCommand::Show { wallet, format }) => {
            wallet::show(wallet, format, config)
        }
        Command::Wallet(WalletCommand::History(query)) => wallet::history(&query, config),
        Command::Events(query) => events::run(&query, config),
        Command::Dead(command) => desk::run(&command, config),
        Command::History(command) => history::run(&command, config),
        Command::Correct(options) => correct::run(&options, config),
        Command::Check(options) => check::run(&options, config),
        Command::Top(options) => top::run(&options, config),
        Command::Topology(TopologyCommand::Export) => topology::export(config),
    }
}
