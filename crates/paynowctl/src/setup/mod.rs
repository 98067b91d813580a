//! `setup`: brings the database and the broker into the state that the programs expect. Every step
//! checks first and does only what is missing, so it is safe to repeat, also while the programs run.

mod broker;
mod database;
mod everybody;
mod game_login;
mod limits;
mod lock;
mod query;
mod scram;

use clap::Args;
use serde_json::{Value, json};

use crate::config::Config;
use crate::failure::Failure;
use crate::output::{self, Format};
use game_login::{GameLogin, GameLoginOptions};

#[derive(Debug, Args)]
pub(crate) struct SetupOptions {
    /// Leave the broker alone
    #[arg(long, conflicts_with = "skip_database")]
    pub(crate) skip_broker: bool,
    /// Leave the database alone
    #[arg(long)]
    pub(crate) skip_database: bool,
    #[command(flatten)]
    pub(crate) game: GameLoginOptions,
    #[command(flatten)]
    pub(crate) format: Format,
}

pub(crate) fn run(options: &SetupOptions, config: &Config) -> Result<(), Failure> {
    if !options.format.json {
        return set_up(options, config);
    }
    let (lines, result) = output::kept_lines(|| set_up(options, config));
    let steps = lines.iter().map(|line| match line.split_once(": ") {
        Some((part, what)) => json!({"part": part, "what": what}),
        None => json!({"part": null, "what": line}),
    });
    let steps: Vec<Value> = steps.collect();
    output::json(&json!({"is_complete": result.is_ok(), "steps": steps}))?;
    result
}

fn set_up(options: &SetupOptions, config: &Config) -> Result<(), Failure> {
    // All settings are read first, so that a wrong one does not leave half a setup.
    let database = match options.skip_database {
        true => None,
        false => Some((
            config.database_url()?,
            config.silence()?,
            config.login_limits()?,
            GameLogin::of(&options.game)?,
        )),
    };
    let broker = match options.skip_broker {
        true => None,
        false => Some((config.management()?, config.ladder()?)),
    };
    if let Some((url, silence, login_limits, game_login)) = database {
        database::run(&url, silence, &login_limits, game_login.as_ref())?;
    }
    if let Some((management, ladder)) = broker {
        broker::run(&management, &ladder)?;
    }
    Ok(())
}
