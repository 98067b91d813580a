//! `dead list`: why letters died, how many, since when, and what is at stake.

use std::collections::BTreeMap;

use diesel::pg::PgConnection;
use diesel::prelude::QueryResult;
use paynow_shared::points::Points;
use serde_json::{Value, json};

use super::letters::{Read, scan};
use super::mask::printable;
use crate::cli::ListOptions;
use crate::config::Config;
use crate::database::read_as_operator;
use crate::failure::Failure;
use crate::output::{self, Column, age_text, or_dash};

/// All letters that died for one reason.
#[derive(Debug, Default)]
struct Group {
    letters: u64,
    oldest_seconds: i64,
    newest_at: String,
    points: Points,
    /// Letters whose points cannot be told.
    unknown: u64,
}

impl Group {
    fn add(&mut self, read: &Read) {
        self.letters += 1;
        self.oldest_seconds = self.oldest_seconds.max(read.letter.age_seconds);
        // Times of one form and zone are in order as texts.
        if self.newest_at < read.letter.last_dead_at {
            self.newest_at.clone_from(&read.letter.last_dead_at);
        }
        let sum = read
            .about
            .stake
            .and_then(|points| self.points.checked_add(points));
        match sum {
            Some(sum) => self.points = sum,
            None => self.unknown += 1,
        }
    }

    fn stake_text(&self) -> String {
        match self.unknown {
            0 => self.points.to_string(),
            all if all == self.letters => "unknown".to_owned(),
            some => format!("{} and {some} unknown", self.points),
        }
    }

    fn row(&self, reason: &str) -> Value {
        json!({
            "reason": reason,
            "letters": self.letters,
            "oldest_age_seconds": self.oldest_seconds,
            "newest_at": self.newest_at,
            "points_at_stake": self.points.get(),
            "letters_of_unknown_points": self.unknown,
        })
    }
}

pub(super) fn run(options: &ListOptions, config: &Config) -> Result<(), Failure> {
    let url = config.database_url()?;
    if options.each {
        let (letters, left_out, untold) =
            read_as_operator(&url, |connection| each(connection, options))?;
        print_each(options, &letters, left_out)?;
        return print_untold(options, untold);
    }
    let (groups, untold) = read_as_operator(&url, |connection| groups(connection, options))?;
    print_groups(options, &groups)?;
    print_untold(options, untold)
}

/// The letters by reason, and how many could not be looked into.
fn groups(
    connection: &mut PgConnection,
    options: &ListOptions,
) -> QueryResult<(BTreeMap<String, Group>, u64)> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let untold = scan(
        connection,
        &options.filter,
        options.state.code(),
        |read| match groups.get_mut(&read.letter.reason) {
            Some(group) => group.add(&read),
            None => {
                let group = groups.entry(read.letter.reason.clone()).or_default();
                group.add(&read);
            }
        },
    )?;
    Ok((groups, untold))
}

/// The first letters, without their bodies, how many more there are, and how many could not be
/// looked into.
fn each(
    connection: &mut PgConnection,
    options: &ListOptions,
) -> QueryResult<(Vec<Read>, u64, u64)> {
    let limit = usize::try_from(options.limit).unwrap_or(usize::MAX);
    let (mut letters, mut left_out) = (Vec::new(), 0_u64);
    let untold = scan(
        connection,
        &options.filter,
        options.state.code(),
        |mut read| {
            if letters.len() < limit {
                read.body = None;
                letters.push(read);
            } else {
                left_out += 1;
            }
        },
    )?;
    Ok((letters, left_out, untold))
}

fn print_groups(options: &ListOptions, groups: &BTreeMap<String, Group>) -> Result<(), Failure> {
    if options.format.json {
        let rows = groups.iter().map(|(reason, group)| group.row(reason));
        return output::json(&rows.collect());
    }
    if groups.is_empty() {
        return output::line("no dead letter is like that");
    }
    output::table(
        &[
            Column::Text("reason"),
            Column::Number("letters"),
            Column::Number("oldest"),
            Column::Text("newest at"),
            Column::Number("points at stake"),
        ],
        groups.iter().map(|(reason, group)| {
            vec![
                reason.clone(),
                group.letters.to_string(),
                age_text(group.oldest_seconds),
                group.newest_at.clone(),
                group.stake_text(),
            ]
        }),
    )
}

fn print_each(options: &ListOptions, letters: &[Read], left_out: u64) -> Result<(), Failure> {
    if options.format.json {
        return output::json(&letters.iter().map(Read::document).collect());
    }
    if letters.is_empty() {
        return output::line("no dead letter is like that");
    }
    output::table(
        &[
            Column::Number("id"),
            Column::Text("event"),
            Column::Text("type"),
            Column::Text("state"),
            Column::Text("reason"),
            Column::Number("age"),
            Column::Number("points at stake"),
            Column::Text("error"),
        ],
        letters.iter().map(|read| {
            vec![
                read.letter.dead_letter_id.to_string(),
                read.letter.event_id.clone(),
                or_dash(read.letter.event_type.as_ref()),
                read.letter.state.clone(),
                read.letter.reason.clone(),
                age_text(read.letter.age_seconds),
                read.stake_text(),
                printable(&read.letter.error),
            ]
        }),
    )?;
    match left_out {
        0 => Ok(()),
        more => output::line(&format!("and {more} more: --limit shows them")),
    }
}

/// A letter that is missing from a list must not look like one that is not there.
fn print_untold(options: &ListOptions, untold: u64) -> Result<(), Failure> {
    if untold == 0 || options.format.json {
        return Ok(());
    }
    output::line(&format!(
        "of {untold} more nobody can tell whether they are like that: their bodies were deleted by \
         retention"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stake_says_what_it_does_not_know() {
        let group = |letters, unknown| Group {
            letters,
            unknown,
            points: Points::new(500),
            ..Group::default()
        };
        assert_eq!(group(2, 0).stake_text(), "500");
        assert_eq!(group(2, 1).stake_text(), "500 and 1 unknown");
        assert_eq!(group(2, 2).stake_text(), "unknown");
    }
}
