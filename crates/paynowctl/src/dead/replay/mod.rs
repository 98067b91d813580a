//! `dead replay`: shows the effect of a replay, runs it and reports its progress.

mod options;
mod report;

use paynow_desk::actions::Note;
use paynow_desk::replay::{Broker, Pace, Plan, Replay, plan};
use paynow_desk::selection::Selection;
use paynow_process::interrupt::Interrupt;

pub(super) use self::options::ReplayOptions;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::{self, Format};

/// One letter to replay at once.
pub(crate) struct ReplayNow {
    /// Its number.
    pub(crate) letter: String,
    pub(crate) note: Note,
    pub(crate) wait_seconds: u32,
}

pub(crate) fn replay_now(replay: &ReplayNow, config: &Config) -> Result<(), Failure> {
    let broker = broker(config)?;
    let database = config.database()?;
    let selection = Selection::Named(vec![replay.letter.clone()]);
    let plan = plan(&database, &selection, &config.policy()?, false)?;
    report::effect(&plan)?;
    let interrupt = listen()?;
    let pace = Pace::of_one_letter(replay.wait_seconds);
    let text = Format { json: false };
    let replay = Replay::start(&database, &plan, replay.note.clone())?;
    go((replay, pace), broker, &interrupt, text)
}

pub(super) fn run(options: &ReplayOptions, config: &Config) -> Result<(), Failure> {
    // A wrong setting is reported before anything is recorded.
    let broker = broker(config)?;
    let (database, note) = (config.database()?, options.note.note());
    let format = options.format;
    let (replay, interrupt) = match options.resume {
        Some(action_id) => (Replay::resume(&database, action_id, note)?, listen()?),
        None => {
            let selection = options.selection.selection();
            let plan = plan(
                &database,
                &selection,
                &config.policy()?,
                options.without_proof,
            )?;
            if is_dry_run(options, &plan) {
                return report::dry_run(&plan, format);
            }
            if !format.json {
                report::effect(&plan)?;
            }
            // From the record on, a signal must end the replay in an orderly way.
            let interrupt = listen()?;
            (Replay::start(&database, &plan, note)?, interrupt)
        }
    };
    if !format.json {
        let action_id = replay.action_id();
        output::line(&format!(
            "replay {action_id}, recorded for {}; if it is interrupted: --resume {action_id}",
            options.note.note().by
        ))?;
    }
    go((replay, options.pace.pace()), broker, &interrupt, format)
}

fn go(
    (replay, pace): (Replay, Pace),
    broker: Broker,
    interrupt: &Interrupt,
    format: Format,
) -> Result<(), Failure> {
    let result = replay.run(broker, pace, interrupt, &mut |step| {
        if format.json {
            return Ok(());
        }
        Ok(report::step(step)?)
    })?;
    report::ended(&result, format)
}

fn broker(config: &Config) -> Result<Broker, Failure> {
    Ok(Broker {
        address: config.broker()?,
        api: config.management()?,
    })
}

fn is_dry_run(options: &ReplayOptions, plan: &Plan) -> bool {
    !options.yes && plan.letters.len() > 1
}

fn listen() -> Result<Interrupt, Failure> {
    Interrupt::listen().map_err(|error| Failure::failed("could not listen for signals", error))
}
