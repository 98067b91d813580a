//! Lists of dead letters: by reason with the points at stake, or one by one.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::database::Database;
use crate::error::DeskError;
use crate::letters::{FoundLetter, LetterSummary, scan};
use crate::selection::{Filter, LetterState};

/// All matching letters that died for one reason and are in one state.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ReasonGroup {
    pub reason: String,
    pub state: String,
    pub letters: u64,
    pub oldest_age_seconds: i64,
    pub newest_at: String,
    /// 0 in a state that decides about the points.
    pub points_at_stake: i64,
    /// Letters whose points belong to `points_at_stake` and are not known.
    pub letters_of_unknown_points: u64,
}

impl ReasonGroup {
    /// The points at stake in words, as far as they are known. `number` writes a number.
    pub fn stake(&self, number: impl Fn(i128) -> String) -> String {
        let points = number(self.points_at_stake.into());
        match self.letters_of_unknown_points {
            0 => points,
            all if all == self.letters => "unknown".to_owned(),
            1 => format!("{points} and 1 letter with unknown points"),
            some => {
                let letters = number(some.into());
                format!("{points} and {letters} letters with unknown points")
            }
        }
    }

    fn add(&mut self, found: &FoundLetter) {
        let letter = &found.letter;
        self.letters += 1;
        self.oldest_age_seconds = self.oldest_age_seconds.max(letter.age_seconds);
        // Times of one form and zone sort as texts.
        if self.newest_at < letter.summary.last_dead_at {
            self.newest_at.clone_from(&letter.summary.last_dead_at);
        }
        if LetterState::is_settled(&letter.summary.state) {
            return;
        }
        let points = found.content.points_at_stake;
        match points.and_then(|points| self.points_at_stake.checked_add(points)) {
            Some(sum) => self.points_at_stake = sum,
            None => self.letters_of_unknown_points += 1,
        }
    }
}

/// Rows about the matching letters.
#[derive(Debug)]
pub struct Listed<R> {
    pub rows: Vec<R>,
    /// Matching letters beyond the limit.
    pub left_out: u64,
    /// Letters that may match besides: their bodies were deleted by retention.
    pub undecided: u64,
}

/// Groups the matching letters by reason and state; a state of `None` means every state.
pub fn by_reason(
    database: &Database,
    filter: &Filter,
    state: Option<LetterState>,
) -> Result<Listed<ReasonGroup>, DeskError> {
    database.patient().read_as_operator(|connection| {
        let mut groups: BTreeMap<(String, String), ReasonGroup> = BTreeMap::new();
        let undecided = scan(connection, filter, state, |found| {
            let LetterSummary { reason, state, .. } = &found.letter.summary;
            let group = groups.entry((reason.clone(), state.clone()));
            group.or_default().add(&found);
        })?;
        let rows = groups.into_iter();
        let rows = rows.map(|((reason, state), group)| ReasonGroup {
            reason,
            state,
            ..group
        });
        Ok(Listed {
            rows: rows.collect(),
            left_out: 0,
            undecided,
        })
    })
}

/// Lists the first matching letters by number; a state of `None` means every state.
pub fn one_by_one(
    database: &Database,
    filter: &Filter,
    state: Option<LetterState>,
    limit: usize,
) -> Result<Listed<FoundLetter>, DeskError> {
    database.patient().read_as_operator(|connection| {
        let (mut rows, mut left_out) = (Vec::new(), 0);
        let undecided = scan(connection, filter, state, |mut found| {
            if rows.len() < limit {
                found.body = None;
                rows.push(found);
            } else {
                left_out += 1;
            }
        })?;
        Ok(Listed {
            rows,
            left_out,
            undecided,
        })
    })
}
