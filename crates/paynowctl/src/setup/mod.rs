//! `setup`: brings the database and the broker into the state that the programs expect. Every step
//! checks first and does only what is missing, so it is safe to repeat, also while the programs run.

mod broker;
mod database;
mod everybody;
mod limits;
mod lock;
mod query;

use clap::Args;

use crate::config::Config;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct SetupOptions {
    /// Leave the broker alone
    #[arg(long, conflicts_with = "skip_database")]
    pub(crate) skip_broker: bool,
    /// Leave the database alone
    #[arg(long)]
    pub(crate) skip_database: bool,
}

pub(crate) fn run(options: &SetupOptions, config: &Config) -> Result<(), Failure> {
    // All settings are read first, so that a wrong one does not leave half a setup.
    let database = match options.skip_database {
        true => None,
        false => Some((
            config.database_url()?,
            config.silence()?,
            config.login_limits()?,
        )),
    };
    let broker = match options.skip_broker {
        true => None,
        false => Some((config.management()?, config.ladder()?)),
    };
    if let Some((url, silence, login_limits)) = database {
        database::run(&url, silence, &login_limits)?;
    }
    if let Some((management, ladder)) = broker {
        broker::run(&management, &ladder)?;
    }
    Ok(())
}
