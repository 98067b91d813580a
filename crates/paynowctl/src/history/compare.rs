//! `PayNow`'s history beside our books: which events are somewhere, and which are not.

use std::collections::{BTreeMap, BTreeSet};

use paynow_shared::ids::EventId;
use secrecy::SecretString;

use super::books::{self, SETTLED};
use super::page::{self, Delivery};
use crate::cli::Downloaded;
use crate::database;
use crate::failure::Failure;

/// What the comparison found. Events are counted once, however often they were delivered.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) deliveries: usize,
    /// Deliveries of before the time that was given.
    pub(super) earlier: usize,
    pub(super) settled: usize,
    /// Events that are dead letters only, by state.
    pub(super) at_desk: BTreeMap<String, usize>,
    /// Nowhere here; `PayNow` still tries.
    pub(super) pending: BTreeSet<EventId>,
    /// Nowhere here, and `PayNow` does not try any more.
    pub(super) missing: BTreeMap<EventId, Delivery>,
    /// Deliveries whose payload names no event.
    pub(super) nameless: Vec<Delivery>,
    known: BTreeSet<EventId>,
}

/// One page in memory at a time, and one look at the database for each: of all that is somewhere,
/// nothing is kept but the id.
pub(super) fn compare(url: &SecretString, downloaded: &Downloaded) -> Result<Comparison, Failure> {
    let mut comparison = Comparison::default();
    let since_ms = downloaded.since.timestamp_millis();
    for file in &downloaded.files {
        let unreadable = || format!("{} cannot be read", file.display());
        let bytes = std::fs::read(file).map_err(|error| Failure::failed(unreadable(), error))?;
        let deliveries =
            page::read(&bytes).map_err(|error| Failure::failed(unreadable(), error))?;
        let candidates = comparison.candidates(deliveries, since_ms);
        let ids: Vec<i64> = candidates
            .iter()
            .map(|(event_id, _delivery)| event_id.get())
            .collect();
        let standings = database::read(url, |connection| books::standings(connection, &ids))?;
        comparison.place(candidates, &standings);
    }
    Ok(comparison)
}

impl Comparison {
    /// The deliveries of a page that say something new.
    fn candidates(&mut self, deliveries: Vec<Delivery>, since_ms: i64) -> Vec<(EventId, Delivery)> {
        let mut candidates = Vec::new();
        for delivery in deliveries {
            self.deliveries += 1;
            if delivery.made_at_ms().is_some_and(|at_ms| at_ms < since_ms) {
                self.earlier += 1;
                continue;
            }
            match delivery.event_id {
                None => self.nameless.push(delivery),
                Some(event_id) if self.known.contains(&event_id) => {}
                Some(event_id) => candidates.push((event_id, delivery)),
            }
        }
        candidates
    }

    fn place(&mut self, candidates: Vec<(EventId, Delivery)>, standings: &BTreeMap<i64, String>) {
        for (event_id, delivery) in candidates {
            match standings.get(&event_id.get()) {
                Some(_standing) if !self.known.insert(event_id) => {}
                Some(standing) if standing == SETTLED => self.settled += 1,
                Some(state) => *self.at_desk.entry(state.clone()).or_default() += 1,
                None if self.missing.contains_key(&event_id) => {}
                // Of two subscriptions to one event, one may have been given up.
                None if delivery.is_pending() => {
                    self.pending.insert(event_id);
                }
                None => {
                    self.pending.remove(&event_id);
                    self.missing.insert(event_id, delivery);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(event_id: i64, state: &str) -> Delivery {
        Delivery {
            delivery_id: "1".to_owned(),
            webhook_id: "7".to_owned(),
            state: state.to_owned(),
            event_id: EventId::from_i64(event_id).ok(),
            event_type: "ON_REFUND".to_owned(),
            body: Vec::new(),
        }
    }

    fn compared(deliveries: Vec<Delivery>, standings: &[(i64, &str)]) -> Comparison {
        let standings = standings
            .iter()
            .map(|(event_id, standing)| (*event_id, (*standing).to_owned()))
            .collect();
        let mut comparison = Comparison::default();
        // As if each had a page of its own.
        for delivery in deliveries {
            let candidates = comparison.candidates(vec![delivery], 0);
            comparison.place(candidates, &standings);
        }
        comparison
    }

    #[test]
    fn an_event_counts_once_where_it_is() {
        let found = compared(
            [1, 1, 2, 3, 3]
                .map(|event| delivery(event, "success"))
                .into(),
            &[(1, SETTLED), (2, "open")],
        );
        assert_eq!((found.deliveries, found.settled), (5, 1));
        assert_eq!(found.at_desk, BTreeMap::from([("open".to_owned(), 1)]));
        assert_eq!(found.missing.len(), 1);
    }

    #[test]
    fn what_paynow_still_tries_is_not_missing_unless_another_delivery_is_over() {
        let states = [
            (1, "pending"),
            (2, "pending"),
            (2, "failed"),
            (3, "success"),
            (3, "pending"),
        ];
        let found = compared(
            states.map(|(event, state)| delivery(event, state)).into(),
            &[],
        );
        let ids = |ids: Vec<&EventId>| ids.into_iter().map(|id| id.get()).collect::<Vec<i64>>();
        assert_eq!(ids(found.pending.iter().collect()), [1]);
        assert_eq!(ids(found.missing.keys().collect()), [2, 3]);
    }
}
