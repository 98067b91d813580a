//! What a batch did, in numbers: counted from the plan, told once it has committed.

use std::collections::BTreeMap;

use paynow_shared::wallet::EntryKind;

use crate::ledger::plan::{Outcome, Plan};

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events recorded now, by outcome.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Messages whose event was recorded before.
    pub duplicates: u64,
    /// Points moved, without sign, by kind of entry.
    pub points: BTreeMap<EntryKind, u64>,
    /// When PayNow signed the events recorded now, in Unix milliseconds.
    pub signed_at_ms: Vec<i64>,
}

impl Tally {
    pub fn of(plan: &Plan<'_>) -> Self {
        let mut tally = Self::default();
        for planned in &plan.events {
            *tally.outcomes.entry(planned.outcome).or_default() += 1;
            tally
                .signed_at_ms
                .extend(planned.incoming.received.headers.signed_at_ms);
        }
        for planned in &plan.entries {
            let points = tally.points.entry(planned.entry.kind).or_default();
            *points = points.saturating_add(planned.entry.points.get().unsigned_abs());
        }
        let settled = plan.dispositions.iter().filter(|told| told.is_ack());
        let duplicates = settled.count().saturating_sub(plan.events.len());
        tally.duplicates = u64::try_from(duplicates).unwrap_or(u64::MAX);
        tally
    }
}
