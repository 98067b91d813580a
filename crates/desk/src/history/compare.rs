//! Which events of `PayNow`'s history are in our database, and which are not.

use std::collections::{BTreeMap, BTreeSet};

use paynow_shared::ids::EventId;
use serde::{Serialize, Serializer};

use super::page::Delivery;
use super::standings::{SETTLED, standings};
use crate::database::Database;
use crate::error::DeskError;

/// The result of a comparison. An event counts once, however often it was delivered.
#[derive(Debug, Default, Serialize)]
pub struct Comparison {
    pub deliveries: usize,
    /// Deliveries from before the given time.
    pub earlier: usize,
    pub settled: usize,
    /// Events that are only dead letters, by state.
    pub at_desk: BTreeMap<String, usize>,
    /// Not in our database; `PayNow` still tries to deliver them.
    pub pending: BTreeSet<EventId>,
    /// Not in our database, and `PayNow` tries no more.
    #[serde(serialize_with = "deliveries")]
    pub missing: BTreeMap<EventId, Delivery>,
    /// Deliveries whose payload names no event.
    pub nameless: Vec<Delivery>,
    /// The events that are in our database.
    #[serde(skip)]
    known: BTreeSet<EventId>,
}

fn deliveries<S: Serializer>(
    missing: &BTreeMap<EventId, Delivery>,
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_seq(missing.values())
}

impl Comparison {
    /// Compares the deliveries of one page. Of events that are in our database only the id is kept, so
    /// that a history of any length can be compared page by page. `since_ms` is in Unix milliseconds.
    pub fn add(
        &mut self,
        database: &Database,
        page: Vec<Delivery>,
        since_ms: i64,
    ) -> Result<(), DeskError> {
        let candidates = self.candidates(page, since_ms);
        let ids: Vec<i64> = candidates.iter().map(|(id, _delivery)| id.get()).collect();
        self.place(candidates, &standings(database, &ids)?);
        Ok(())
    }

    /// Whether no event is missing; one that cannot be compared may be.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.nameless.is_empty()
    }

    /// Counts the deliveries and returns those whose events are not known yet.
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
                // Of two deliveries of one event, `PayNow` may have given up one.
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
        // Each is a page of its own.
        for delivery in deliveries {
            let candidates = comparison.candidates(vec![delivery], 0);
            comparison.place(candidates, &standings);
        }
        comparison
    }

    #[test]
    fn an_event_counts_once() {
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
    fn a_pending_event_is_not_missing_unless_another_of_its_deliveries_has_ended() {
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
