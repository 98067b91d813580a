//! Asks the database while no lane does: an idle worker must notice too that the database is gone or
//! silent. Only its readiness depends on the answer; a session goes on, because the next batch may be
//! applied after all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use paynow_process::observe::Observable;

use crate::database::{DatabaseAddress, blocking};
use crate::observe::background::DatabaseUnanswered;
use crate::progress::Progress;

const INTERVAL: Duration = Duration::from_secs(10);

/// Asks after every interval in which no lane holds messages, until it is dropped. Keeps its connection, because opening one six times a
/// minute would cost the database more.
pub async fn run(database: DatabaseAddress, progress: Arc<Progress>) {
    let mut kept = None;
    loop {
        tokio::time::sleep(INTERVAL).await;
        if !progress.is_idle() {
            continue;
        }
        let (database, connection) = (database.clone(), kept.take());
        let asked = Instant::now();
        match blocking(move || database.probe(connection)).await {
            Ok(connection) => {
                kept = Some(connection);
                progress.answered();
            }
            Err(error) => {
                DatabaseUnanswered { error: &error }.emit();
                progress.unanswered(asked);
            }
        }
    }
}
