//! The command line of one trial. `ops/faults` explains it to people.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use strum::IntoEnumIterator;

use crate::kind::{Area, FaultKind};
use crate::schedule::usual_kinds;

const RATE: u32 = 30;
const RATE_MAX: u32 = 500;
const SECONDS_MAX: f64 = 86_400.0;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Arguments {
    pub(crate) seed: u64,
    pub(crate) length: Duration,
    pub(crate) kinds: Vec<FaultKind>,
    /// The numbers of the faults that strike; all if it is empty.
    pub(crate) only: BTreeSet<usize>,
    /// The name or the file of the worker's program.
    pub(crate) worker: String,
    pub(crate) report: Option<PathBuf>,
    pub(crate) commit: String,
    /// Events a second.
    pub(crate) rate: u32,
    /// As they were given, without the seed and the report: they run the same trial again.
    pub(crate) again: Vec<String>,
}

impl Arguments {
    /// None if no seed is given: then the program was started by `cargo test`.
    pub(crate) fn parse(given: &[String]) -> Result<Option<Self>, String> {
        if !given.iter().any(|argument| argument == "--seed") {
            return Ok(None);
        }
        let mut arguments = Self {
            seed: 0,
            length: Duration::from_secs(60),
            kinds: usual_kinds(),
            only: BTreeSet::new(),
            worker: "paynow-worker".to_owned(),
            report: None,
            commit: "unknown".to_owned(),
            rate: RATE,
            again: Vec::new(),
        };
        let mut given = given.iter();
        while let Some(name) = given.next() {
            let value = given.next().ok_or(format!("{name} needs a value"))?;
            arguments.set(name, value)?;
        }
        Ok(Some(arguments))
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let wrong = |what: &str| format!("{name} is {what}, not {value:?}");
        let is_of_trial = match name {
            "--seed" => {
                self.seed = value.parse().map_err(|_| wrong("a number"))?;
                false
            }
            "--minutes" => {
                let minutes: f64 = value.parse().map_err(|_| wrong("a number"))?;
                let seconds = minutes * 60.0;
                if !(10.0..=SECONDS_MAX).contains(&seconds) {
                    return Err(wrong("0.2 to 1440"));
                }
                self.length = Duration::from_secs_f64(seconds);
                true
            }
            "--faults" => {
                self.kinds = kinds(value)?;
                true
            }
            "--only" => {
                let numbers = value.split(',').map(str::parse);
                let numbers: Result<_, _> = numbers.collect();
                self.only = numbers.map_err(|_| wrong("the numbers of faults"))?;
                false
            }
            "--worker" => {
                value.clone_into(&mut self.worker);
                true
            }
            "--report" => {
                self.report = Some(value.into());
                false
            }
            "--commit" => {
                value.clone_into(&mut self.commit);
                false
            }
            "--rate" => {
                let rate = value.parse().ok();
                let rate = rate.filter(|rate| (1..=RATE_MAX).contains(rate));
                self.rate = rate.ok_or_else(|| wrong("1 to 500"))?;
                true
            }
            _unknown => return Err(format!("unknown option {name}")),
        };
        if is_of_trial {
            self.again.extend([name.to_owned(), value.to_owned()]);
        }
        Ok(())
    }

    /// The command that runs the same trial again, with these faults or with all.
    pub(crate) fn command(&self, only: &[usize]) -> String {
        let mut command = format!("ops/faults --seed {}", self.seed);
        for argument in &self.again {
            command += &format!(" {argument}");
        }
        if !only.is_empty() {
            let only: Vec<String> = only.iter().map(ToString::to_string).collect();
            command += &format!(" --only {}", only.join(","));
        }
        command
    }
}

/// A list of kinds and areas.
fn kinds(list: &str) -> Result<Vec<FaultKind>, String> {
    let mut chosen = BTreeSet::new();
    for name in list.split(',') {
        if let Ok(kind) = name.parse::<FaultKind>() {
            chosen.insert(kind);
        } else if let Ok(area) = name.parse::<Area>() {
            let of_area = usual_kinds().into_iter().filter(|kind| kind.area() == area);
            chosen.extend(of_area);
        } else if name != "none" {
            let known: Vec<String> = FaultKind::iter().map(|kind| kind.to_string()).collect();
            let areas: Vec<String> = Area::iter().map(|area| area.to_string()).collect();
            return Err(format!(
                "--faults: unknown kind {name:?}; known are {}, and the areas {}; none means a trial without faults",
                known.join(", "),
                areas.join(", ")
            ));
        }
    }
    Ok(chosen.into_iter().collect())
}
