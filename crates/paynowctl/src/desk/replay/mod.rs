//! `dead replay`: gives dead letters to the worker once more. What is meant is fixed at the start;
//! a canary goes first; every step is in the database before it is taken, so that a replay that was
//! killed goes on where it was.

mod drive;
mod effect;
mod ended;
mod report;
mod selection;
mod store;

use diesel::pg::PgConnection;
use paynow_process::broker::blocking::OpenError;
use paynow_process::broker::{BlockingPublisher, BrokerAddress};
use paynow_process::interrupt::Interrupt;

use crate::cli::ReplayOptions;
use crate::config::{Config, Management};
use crate::database::open_as_operator;
use crate::failure::Failure;
use crate::management::ManagementApi;

use self::ended::Ended;

/// What the broker's operator sees.
const CONNECTION_NAME: &str = "paynowctl-replay";

/// To the broker, and to what it tells of itself.
struct Way {
    broker: BrokerAddress,
    management: Management,
}

pub(super) fn run(options: &ReplayOptions, config: &Config) -> Result<(), Failure> {
    // A wrong setting is told before anything is recorded.
    let (broker, management) = (config.broker()?, config.management()?);
    let way = Way { broker, management };
    let mut connection = open_as_operator(&config.database_url()?)?;
    if let Some(action_id) = options.resume {
        store::check_known(&mut connection, action_id)?;
        return go_on(connection, action_id, options, way, &listen()?);
    }
    let chosen = selection::choose(&mut connection, options)?;
    let effect = effect::foresee(&mut connection, &chosen.ids(), &config.policy()?)?;
    if !options.yes && chosen.letters.len() > 1 {
        return report::dry_run(&chosen, &effect, options);
    }
    report::effect(&chosen, &effect, options)?;
    // From here on a signal must leave a record behind.
    let interrupt = listen()?;
    let action_id = store::begin(&mut connection, &options.note, &chosen)?;
    go_on(connection, action_id, options, way, &interrupt)
}

fn listen() -> Result<Interrupt, Failure> {
    Interrupt::listen().map_err(|error| Failure::failed("could not listen for signals", error))
}

fn go_on(
    mut connection: PgConnection,
    action_id: i64,
    options: &ReplayOptions,
    way: Way,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    store::lock(&mut connection, action_id)?;
    report::begun(action_id, options)?;
    let opened = BlockingPublisher::open(&way.broker, CONNECTION_NAME, interrupt);
    let (publisher, ended) = match opened {
        Ok(publisher) => {
            let mut replay = drive::Replay {
                connection: &mut connection,
                action_id,
                publisher: &publisher,
                interrupt,
                api: ManagementApi::new(way.management),
                options,
            };
            let ended = replay.run();
            (Some(publisher), ended)
        }
        Err(error) => (None, not_opened(action_id, error, interrupt)),
    };
    let told = close(&mut connection, action_id, options, ended);
    if let Some(publisher) = publisher {
        publisher.close();
    }
    told
}

fn not_opened(action_id: i64, error: OpenError, interrupt: &Interrupt) -> Result<Ended, Failure> {
    match interrupt.asked() {
        Some(signal) => Ok(Ended::Interrupted { signal }),
        None => Err(Failure::failed(report::unfinished(action_id), error)),
    }
}

/// Records what came of the run, and tells it.
fn close(
    connection: &mut PgConnection,
    action_id: i64,
    options: &ReplayOptions,
    ended: Result<Ended, Failure>,
) -> Result<(), Failure> {
    let Ok(progress) = store::progress(connection, action_id) else {
        // Nothing can be recorded then; what was done is in `replays` all the same.
        return Err(ended.err().unwrap_or_else(|| {
            Failure::Refused(format!(
                "the database went away: {}",
                report::unfinished(action_id)
            ))
        }));
    };
    let told = match &ended {
        Ok(ended) => ended.told(),
        Err(failure) => crate::failure::in_one_line(failure),
    };
    let outcome = report::outcome(action_id, &progress, &told);
    store::close(connection, action_id, &options.note, &outcome)?;
    report::ended(action_id, &progress, ended?, options)
}
