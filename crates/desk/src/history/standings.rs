//! What our database has of events: settled, a dead letter, or nothing.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt};

use crate::database::Database;
use crate::error::DeskError;
use crate::row::row;

/// The standing of a settled event. That of any other is the state of its dead letter.
pub const SETTLED: &str = "settled";

row! {
    struct Standing {
        event_id: i64,
        standing: String,
    }
}

/// The standing of each of these events that the database has. Of several letters of one event the
/// one that most needs a person counts.
pub fn standings(
    database: &Database,
    event_ids: &[i64],
) -> Result<BTreeMap<i64, String>, DeskError> {
    let query = sql_query(
        "SELECT asked.event_id, \
                CASE WHEN event.event_id IS NOT NULL THEN 'settled' ELSE letter.state END AS standing \
         FROM unnest($1) AS asked (event_id) \
         LEFT JOIN webhook_events AS event USING (event_id) \
         LEFT JOIN LATERAL ( \
             SELECT state FROM dead_letters WHERE dead_letters.event_id = asked.event_id::text \
             ORDER BY array_position(ARRAY['open', 'replayed', 'discarded', 'resolved'], state) \
             LIMIT 1) AS letter ON true \
         WHERE event.event_id IS NOT NULL OR letter.state IS NOT NULL",
    )
    .bind::<Array<BigInt>, _>(event_ids);
    let found: Vec<Standing> = database
        .patient()
        .read(|connection| query.load(connection))?;
    let pairs = found.into_iter().map(|row| (row.event_id, row.standing));
    Ok(pairs.collect())
}
