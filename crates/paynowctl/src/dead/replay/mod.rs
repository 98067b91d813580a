//! `dead replay`: shows the effect of a replay, runs it and reports its progress.

mod options;
mod report;

use paynow_desk::actions::Note;
use paynow_desk::expect::PreviewHash;
use paynow_desk::replay::{
    Broker, Outlook, Pace, Plan, PlannedLetter, Replay, Report, plan, refuse_unexpected,
};
use paynow_desk::selection::Selection;
use paynow_desk::text::counted;
use paynow_process::interrupt::Interrupt;
use serde::Serialize;
use serde_json::Value;

pub(super) use self::options::ReplayOptions;
pub(crate) use self::report::letters_and_wallets;
use crate::config::Config;
use crate::failure::Failure;
use crate::frozen::chosen_anew;
use crate::output::{self, Format};

/// One letter to replay at once.
pub(crate) struct ReplayNow {
    /// Its number.
    pub(crate) letter: String,
    pub(crate) note: Note,
    /// Only if its effect is still this.
    pub(crate) expected: Option<PreviewHash>,
    pub(crate) wait_seconds: u32,
    pub(crate) format: Format,
}

/// How the replay of one letter ended: its document, and whether the letter was applied.
pub(crate) type ReplayedNow = (Value, Result<(), Failure>);

pub(crate) fn replay_now(replay: &ReplayNow, config: &Config) -> Result<ReplayedNow, Failure> {
    let broker = broker(config)?;
    let database = config.database()?;
    let selection = Selection::Named(vec![replay.letter.clone()]);
    let plan = plan(&database, &selection, &config.policy()?, false)?;
    if let Some(expected) = &replay.expected {
        refuse_unexpected(&database, &plan, expected)?;
    }
    if !replay.format.json {
        report::effect(&plan)?;
    }
    refuse_pointless(&plan)?;
    let interrupt = listen()?;
    let pace = Pace::of_one_letter(replay.wait_seconds);
    let started = Replay::start(&database, &plan, replay.note.clone())?;
    let report = go((started, pace), broker, &interrupt, replay.format)?;
    let outcome = report::outcome(&report, replay.format);
    Ok((report.document, outcome))
}

pub(super) fn run(options: &ReplayOptions, config: &Config) -> Result<(), Failure> {
    // A wrong setting is reported before anything is recorded.
    let broker = broker(config)?;
    let (database, note) = (config.database()?, options.note.note());
    let format = options.format;
    let (replay, interrupt, chosen) = match options.resume {
        Some(action_id) => {
            let replay = Replay::resume(&database, action_id, note)?;
            (replay, listen()?, None)
        }
        None => {
            let selection = options.selection.selection();
            let plan = plan(
                &database,
                &selection,
                &config.policy()?,
                options.without_proof,
            )?;
            let plan = plan.with_ticket(options.ticket.clone());
            if let Some(expected) = &options.expect {
                refuse_unexpected(&database, &plan, expected)?;
            }
            if !options.yes && (plan.letters.len() > 1 || pointless(&plan).is_some()) {
                report::dry_run(&plan, format)?;
                return match plan.letters.len() {
                    1 => refuse_pointless(&plan),
                    _several => Ok(()),
                };
            }
            let chosen = Chosen::of(&plan, options);
            if !format.json {
                report::effect(&plan)?;
                chosen.tell()?;
            }
            // From the record on, a signal must end the replay in an orderly way.
            let interrupt = listen()?;
            let replay = Replay::start(&database, &plan, note)?;
            (replay, interrupt, Some(chosen))
        }
    };
    if !format.json {
        let action_id = replay.action_id();
        output::line(&format!(
            "replay {action_id}, recorded for {}; if it is interrupted: --resume {action_id}",
            options.note.note().by
        ))?;
    }
    let report = go((replay, options.pace.pace()), broker, &interrupt, format)?;
    if format.json {
        let chosen = chosen.as_ref();
        output::json(&Document {
            expect: chosen.map(|chosen| &chosen.expect),
            chosen_anew: chosen.is_some_and(|chosen| chosen.is_anew),
            recorded: &report.document,
        })?;
    }
    report::outcome(&report, format)
}

/// What a run that is no resumed one chose.
struct Chosen {
    letters: usize,
    expect: PreviewHash,
    /// A filter chose several letters, and no preview was named.
    is_anew: bool,
}

impl Chosen {
    fn of(plan: &Plan, options: &ReplayOptions) -> Self {
        let letters = plan.letters.len();
        Self {
            letters,
            expect: plan.expect.clone(),
            is_anew: options.expect.is_none() && options.selection.is_choice_of(letters),
        }
    }

    fn tell(&self) -> Result<(), Failure> {
        if !self.is_anew {
            return Ok(());
        }
        let letters = u64::try_from(self.letters).unwrap_or(u64::MAX);
        let letters = counted(letters, "dead letter", "dead letters");
        output::line(&chosen_anew(&letters, &self.expect))
    }
}

#[derive(Serialize)]
struct Document<'a> {
    /// None of a resumed run.
    expect: Option<&'a PreviewHash>,
    chosen_anew: bool,
    #[serde(flatten)]
    recorded: &'a Value,
}

fn go(
    (replay, pace): (Replay, Pace),
    broker: Broker,
    interrupt: &Interrupt,
    format: Format,
) -> Result<Report, Failure> {
    let report = replay.run(broker, pace, interrupt, &mut |step| {
        if format.json {
            return Ok(());
        }
        Ok(report::step(step)?)
    })?;
    Ok(report)
}

fn broker(config: &Config) -> Result<Broker, Failure> {
    Ok(Broker {
        address: config.broker()?,
        api: config.management()?,
    })
}

/// The only letter of a plan, if it would die again.
fn pointless(plan: &Plan) -> Option<&PlannedLetter> {
    match plan.letters.as_slice() {
        [letter] => Some(letter).filter(|letter| letter.would_be == Outlook::DeadAgain),
        _none_or_several => None,
    }
}

/// Nobody has to be asked about a letter that they name alone, unless they may not know this about it.
fn refuse_pointless(plan: &Plan) -> Result<(), Failure> {
    let Some(letter) = pointless(plan) else {
        return Ok(());
    };
    Err(Failure::Refused(format!(
        "dead letter {} would die again ({}), nothing was sent; --yes replays it nevertheless",
        letter.dead_letter_id,
        letter.because.unwrap_or("unspecified")
    )))
}

fn listen() -> Result<Interrupt, Failure> {
    Interrupt::listen().map_err(|error| Failure::failed("could not listen for signals", error))
}
