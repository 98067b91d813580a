//! Where events stand in our database: settled, at the desk, or nowhere.

use std::collections::BTreeMap;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Text};

/// The standing of an event that is settled; any other is the state of its dead letter.
pub(super) const SETTLED: &str = "settled";

#[derive(QueryableByName)]
struct Standing {
    #[diesel(sql_type = BigInt)]
    event_id: i64,
    #[diesel(sql_type = Text)]
    standing: String,
}

/// The standing of each of these events that is somewhere. Of several letters of one event the one
/// that most needs a person counts.
pub(super) fn standings(
    connection: &mut PgConnection,
    event_ids: &[i64],
) -> QueryResult<BTreeMap<i64, String>> {
    let found: Vec<Standing> = sql_query(
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
    .bind::<Array<BigInt>, _>(event_ids)
    .load(connection)?;
    let pairs = found.into_iter().map(|row| (row.event_id, row.standing));
    Ok(pairs.collect())
}
