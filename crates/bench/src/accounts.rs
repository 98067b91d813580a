//! Nothing may be lost and nothing doubled, whatever is measured: a figure of a system that does either
//! is worth nothing.

use std::collections::HashSet;

use crate::failure::{Doing, Result};
use crate::load::Outcome;
use crate::orders::Batch;
use crate::servers::Store;

/// The events of a scenario.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    /// Answered 202, or confirmed by the broker.
    must: Vec<i64>,
    /// Without a 202: whether they come is not known.
    may: Vec<i64>,
}

impl Claims {
    pub(crate) fn of_confirmed(ids: Vec<i64>) -> Self {
        Self {
            must: ids,
            may: Vec::new(),
        }
    }

    pub(crate) fn add_outcome(&mut self, batch: &Batch, outcome: &Outcome) {
        let ids = |shot: &crate::load::Shot| batch.event_id(shot.index);
        self.must.extend(outcome.accepted().map(ids));
        self.may.extend(outcome.refused().map(ids));
    }

    pub(crate) fn add_confirmed(&mut self, ids: impl IntoIterator<Item = i64>) {
        self.must.extend(ids);
    }

    /// How many must be credited.
    pub(crate) fn len(&self) -> usize {
        self.must.len()
    }

    /// The first and the last event that may be in the books.
    pub(crate) fn range(&self) -> (i64, i64) {
        let all = || self.must.iter().chain(&self.may).copied();
        (all().min().unwrap_or(0), all().max().unwrap_or(0))
    }

    /// Compares with the books, event by event.
    pub(crate) fn settle(&self, store: &Store) -> Result<()> {
        let (first, last) = self.range();
        let books = store.books(first, last)?;
        let entries = usize::try_from(books.entries).unwrap_or(0);
        self.compare(&books.credited, entries)
            .doing("comparing answers with the books")?;
        let open = books.open_letters;
        let none_open = (open == 0).then_some(()).ok_or(format!("{open} are open"));
        none_open.doing("looking for dead letters")
    }

    fn compare(&self, credited: &[i64], entries: usize) -> std::result::Result<(), String> {
        let in_books: HashSet<i64> = credited.iter().copied().collect();
        let known: HashSet<i64> = self.must.iter().chain(&self.may).copied().collect();
        let lost = self.must.iter().filter(|id| !in_books.contains(id)).count();
        let strange = in_books.difference(&known).count();
        // One line an order: an entry more is points credited twice.
        if lost == 0 && strange == 0 && entries == credited.len() {
            Ok(())
        } else {
            Err(format!(
                "of {} accepted events {lost} are lost, {strange} credited events were never sent, \
                 and {} credited events have {entries} entries",
                self.must.len(),
                credited.len()
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_accepted_event_is_credited_once_and_no_other() {
        let claims = Claims {
            must: vec![3, 1],
            may: vec![7],
        };
        assert_eq!(claims.range(), (1, 7));
        assert_eq!(claims.compare(&[1, 3], 2), Ok(()));
        assert_eq!(claims.compare(&[1, 3, 7], 3), Ok(()));
        for (credited, entries) in [(&[1][..], 1), (&[1, 3, 4], 3), (&[1, 3], 3), (&[1, 3], 1)] {
            assert!(
                claims.compare(credited, entries).is_err(),
                "{credited:?} {entries}"
            );
        }
    }
}
