//! What waits for a person.

use std::collections::BTreeMap;

use super::{Level, Problem, View};
use crate::top::alert_limits::DEAD_LETTER_AGE_LIMIT;
use crate::top::figures::duration_text;
use crate::top::metric::{Metric, VIOLATIONS};
use crate::top::sample::{Books, Sample, Silent};

impl Books {
    pub(in crate::top) fn open_letters(&self) -> u64 {
        self.letters.iter().map(|of| of.letters).sum()
    }

    pub(in crate::top) fn letters_level(&self) -> Level {
        let oldest = self.letters.iter().map(|of| of.oldest_age_seconds).max();
        match oldest {
            None => Level::Fine,
            Some(age) if age as f64 > DEAD_LETTER_AGE_LIMIT => Level::Alarm,
            Some(_) => Level::Warning,
        }
    }
}

pub(super) fn problems(view: &View, now: &Sample) -> Vec<Problem> {
    let mut problems = violations(now);
    match &view.books {
        Ok(books) => problems.extend(letters_problem(books)),
        Err(Silent::NotAsked(why)) => problems.push(Problem::warning(format!("database: {why}"))),
        Err(Silent::NoAnswer(why)) => problems.push(Problem::alarm(format!("database: {why}"))),
    }
    problems
}

fn letters_problem(books: &Books) -> Option<Problem> {
    let oldest = books.letters.iter().map(|of| of.oldest_age_seconds).max()?;
    let age = duration_text(oldest as f64);
    let letters = books.open_letters();
    let word = if letters == 1 { "letter" } else { "letters" };
    let what = format!("{letters} open dead {word}, oldest {age}");
    let level = books.letters_level();
    Some(Problem { level, what })
}

/// Every worker looks at the same ledger, one later than the other: the worst counts.
fn violations(now: &Sample) -> Vec<Problem> {
    let mut worst: BTreeMap<&str, f64> = BTreeMap::new();
    let metric = Metric::of(VIOLATIONS);
    for scrape in now.processes.values().flatten() {
        for (series, violations) in scrape.of(&metric) {
            let known = worst.entry(series.label("check")).or_default();
            *known = known.max(violations);
        }
    }
    worst
        .into_iter()
        .filter(|(_check, violations)| *violations > 0.0)
        .map(|(check, violations)| {
            Problem::alarm(format!(
                "ledger: {violations:.0} violate {check}: run `paynowctl check`"
            ))
        })
        .collect()
}
