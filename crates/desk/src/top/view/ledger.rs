//! Problems of the ledger and of the dead letters.

use std::collections::BTreeMap;

use crate::text::counted;

use super::{About, Level, Problem, View};
use crate::top::alert_limits::DEAD_LETTER_AGE;
use crate::top::figures::duration_text;
use crate::top::metric::{Selector, VIOLATIONS};
use crate::top::snapshot::{DatabaseState, Snapshot};

impl DatabaseState {
    pub fn open_letters(&self) -> i64 {
        self.dead_letters.iter().map(|of| of.letters).sum()
    }

    fn oldest_age_seconds(&self) -> Option<f64> {
        let ages = self.dead_letters.iter().map(|of| of.oldest_age_seconds);
        Some(ages.max()? as f64)
    }

    pub fn letters_level(&self) -> Level {
        match self.oldest_age_seconds() {
            None => Level::Fine,
            Some(age) if age > DEAD_LETTER_AGE => Level::Alarm,
            Some(_) => Level::Warning,
        }
    }
}

pub(super) fn problems(view: &View, now: &Snapshot) -> Vec<Problem> {
    let mut problems = violations(now);
    problems.extend(view.database.as_ref().ok().and_then(letters_problem));
    problems
}

/// Workers pause without their database.
pub(super) fn cause(view: &View) -> Option<Problem> {
    let unknown = view.database.as_ref().err()?;
    Some(Level::from(unknown).problem(About::Database, format!("database: {unknown}")))
}

fn letters_problem(database: &DatabaseState) -> Option<Problem> {
    let age = duration_text(database.oldest_age_seconds()?);
    let letters = counted(
        database.open_letters().unsigned_abs(),
        "open dead letter",
        "open dead letters",
    );
    let what = format!("{letters}, oldest {age}");
    Some(database.letters_level().problem(About::DeadLetters, what))
}

/// Every worker checks the same ledger, but not at the same time: the highest count is shown.
fn violations(now: &Snapshot) -> Vec<Problem> {
    let mut highest: BTreeMap<&str, f64> = BTreeMap::new();
    let selector = Selector::of(VIOLATIONS);
    for (series, violations) in now.scrapes().flat_map(|scrape| scrape.matching(&selector)) {
        let known = highest.entry(series.label("check")).or_default();
        *known = known.max(violations);
    }
    let violated = highest
        .into_iter()
        .filter(|(_check, violations)| *violations > 0.0);
    violated
        .map(|(check, violations)| {
            let violations = counted(violations as u64, "violation", "violations");
            Level::Alarm.problem(
                About::Ledger,
                format!("the ledger has {violations} of {check}: run `paynowctl check`"),
            )
        })
        .collect()
}
