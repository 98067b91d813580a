//! Everything at a glance: snapshots of all processes, the broker and the database, and what changed in
//! between. `sources` reads, `view` computes, `document` is the view as JSON. Drawing is the caller's.

mod alert_limits;
mod broker;
mod database;
pub mod document;
mod exposition;
pub mod figures;
#[cfg(test)]
mod fixtures;
mod increase;
mod metric;
pub mod quantile;
mod scrape;
pub mod snapshot;
pub mod sources;
pub mod view;

use snapshot::Snapshot;

const WINDOW_SECONDS: f64 = 60.0;

/// Appends a snapshot, and removes those that are older than the last minute. One from before the
/// minute is kept, so that increases cover the whole minute.
pub fn remember(history: &mut Vec<Snapshot>, snapshot: Snapshot) {
    let window_start = snapshot.at - WINDOW_SECONDS;
    history.push(snapshot);
    let newer = history.iter().skip(1);
    let outdated = newer
        .take_while(|snapshot| snapshot.at <= window_start)
        .count();
    history.drain(..outdated);
}
