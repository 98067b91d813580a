//! The check after every run: each accepted event is credited exactly once. Figures of a system that
//! loses or duplicates events are worthless.

use std::collections::HashSet;

use crate::failure::{Doing, Result, ensure};
use crate::load::LoadReport;
use crate::orders::Batch;
use crate::servers::{EventIds, Store};

/// The events of a run, and whether each must be credited.
#[derive(Debug, Default)]
pub(crate) struct ExpectedCredits {
    /// Answered 202, or confirmed by the broker: must be credited.
    accepted: Vec<i64>,
    /// Sent, but not answered 202: may be credited.
    uncertain: Vec<i64>,
    /// Open dead letters of other events.
    other_letters: i64,
}

impl ExpectedCredits {
    /// In a database that has so many open dead letters of other events.
    pub(crate) fn beside_letters(other_letters: i64) -> Self {
        Self {
            other_letters,
            ..Self::default()
        }
    }

    pub(crate) fn add_load(&mut self, batch: &Batch, report: &LoadReport) {
        for exchange in &report.exchanges {
            let id = batch.event_id(exchange.index);
            if exchange.is_accepted() {
                self.accepted.push(id);
            } else {
                self.uncertain.push(id);
            }
        }
    }

    pub(crate) fn add_confirmed(&mut self, ids: impl IntoIterator<Item = i64>) {
        self.accepted.extend(ids);
    }

    /// How many events must be credited.
    pub(crate) fn len(&self) -> usize {
        self.accepted.len()
    }

    fn sent(&self) -> impl Iterator<Item = i64> {
        self.accepted.iter().chain(&self.uncertain).copied()
    }

    pub(crate) fn id_range(&self) -> EventIds {
        let lowest = self.sent().min().unwrap_or(0);
        (lowest, self.sent().max().unwrap_or(0))
    }

    /// Compares every event with the ledger.
    pub(crate) fn verify(&self, store: &Store) -> Result<()> {
        let ledger = store.ledger(self.id_range())?;
        let entries = usize::try_from(ledger.entries).unwrap_or(0);
        self.compare(&ledger.credited, entries)
            .doing("comparing answers with the ledger")?;
        let open = ledger.open_letters - self.other_letters;
        ensure(open == 0, "checking for dead letters", || {
            format!("{open} dead letters are open")
        })
    }

    fn compare(&self, credited: &[i64], entries: usize) -> std::result::Result<(), String> {
        let in_ledger: HashSet<i64> = credited.iter().copied().collect();
        let sent: HashSet<i64> = self.sent().collect();
        let lost = self.accepted.iter().filter(|id| !in_ledger.contains(id));
        let (lost, unknown) = (lost.count(), in_ledger.difference(&sent).count());
        // Every order has one line: a second entry of an event is points credited twice.
        if lost == 0 && unknown == 0 && entries == credited.len() {
            Ok(())
        } else {
            Err(format!(
                "of {} accepted events {lost} are lost, {unknown} credited events were never sent, \
                 and {} credited events have {entries} entries",
                self.accepted.len(),
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
        let expected = ExpectedCredits {
            accepted: vec![3, 1],
            uncertain: vec![7],
            other_letters: 0,
        };
        assert_eq!(expected.id_range(), (1, 7));
        assert_eq!(expected.compare(&[1, 3], 2), Ok(()));
        assert_eq!(expected.compare(&[1, 3, 7], 3), Ok(()));
        for (credited, entries) in [(&[1][..], 1), (&[1, 3, 4], 3), (&[1, 3], 3), (&[1, 3], 1)] {
            assert!(
                expected.compare(credited, entries).is_err(),
                "{credited:?} {entries}"
            );
        }
    }
}
