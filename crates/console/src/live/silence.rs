//! Since when a source has been silent.

use std::collections::BTreeMap;

use paynow_desk::top::snapshot::{Reading, Snapshot, Unknown};

pub(super) const BROKER: &str = "broker";
pub(super) const DATABASE: &str = "database";

/// Unix milliseconds by source: of the first look that it did not answer, and none it answered since.
#[derive(Debug, Default)]
pub(super) struct Silences {
    since_ms: BTreeMap<String, i64>,
}

impl Silences {
    pub(super) fn note(&mut self, snapshot: &Snapshot) {
        let processes = snapshot.processes.iter();
        let processes = processes.map(|(address, answer)| (address.as_str(), answer.is_err()));
        let others = [
            (BROKER, is_silent(&snapshot.broker)),
            (DATABASE, is_silent(&snapshot.database)),
        ];
        let silent = processes
            .chain(others)
            .filter(|(_source, is_silent)| *is_silent);
        let before = std::mem::take(&mut self.since_ms);
        let since = |source: &str| before.get(source).copied().unwrap_or(snapshot.taken_at_ms);
        self.since_ms = silent
            .map(|(source, _)| (source.to_owned(), since(source)))
            .collect();
    }

    pub(super) fn since_ms(&self, source: &str) -> Option<i64> {
        self.since_ms.get(source).copied()
    }
}

/// A source that is not configured was never asked.
fn is_silent<T>(reading: &Reading<T>) -> bool {
    matches!(reading, Err(Unknown::NoAnswer(_)))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{WORKER_AT, set_page, snapshot, with};
    use super::*;

    #[test]
    fn a_silence_begins_with_the_first_look_without_an_answer_and_ends_with_an_answer() {
        let gone = |it: &mut Snapshot| it.broker = Err(Unknown::NoAnswer("gone".to_owned()));
        let mut silences = Silences::default();
        silences.note(&snapshot(0.0, 0, 0, 0));
        assert_eq!(silences.since_ms(BROKER), None);
        let first = with(snapshot(2.0, 0, 0, 0), gone);
        silences.note(&first);
        silences.note(&with(snapshot(4.0, 0, 0, 0), gone));
        assert_eq!(silences.since_ms(BROKER), Some(first.taken_at_ms));
        assert_eq!(silences.since_ms(DATABASE), None);
        silences.note(&snapshot(6.0, 0, 0, 0));
        assert_eq!(silences.since_ms(BROKER), None);
    }

    #[test]
    fn a_process_is_silent_too_and_a_missing_setting_is_not() {
        let mut silences = Silences::default();
        silences.note(&with(snapshot(0.0, 0, 0, 0), |it| {
            set_page(it, WORKER_AT, "of another program");
            it.database = Err(Unknown::NotConfigured("no address".to_owned()));
        }));
        assert!(silences.since_ms(WORKER_AT).is_some());
        assert_eq!(silences.since_ms(DATABASE), None);
    }
}
