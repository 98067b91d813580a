//! What must hold in the database. Each invariant is one query for what breaks it; all of them see
//! the same state, because they run in one transaction.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::{Row, Status};

/// How many culprits a message names.
const EXAMPLES_MAX: u32 = 5;

struct Invariant {
    id: &'static str,
    /// Of how many things the invariant speaks, and their name.
    things: (&'static str, &'static str),
    /// Selects one text, `culprit`, for each thing that breaks it.
    culprits: &'static str,
    holds: &'static str,
    broken: &'static str,
    when_broken: Status,
}

const INVARIANTS: [Invariant; 8] = [
    Invariant {
        id: "balances_match_ledger",
        things: ("wallets", "wallets"),
        culprits: "\
            SELECT format('wallet %s has %s, its entries add up to %s', wallet_id, \
                          coalesce(balance::text, 'no row'), coalesce(total::text, 'nothing')) \
                   AS culprit \
            FROM wallets FULL JOIN (SELECT wallet_id, sum(points) AS total FROM ledger_entries \
                                    GROUP BY wallet_id) ledger USING (wallet_id) \
            WHERE balance IS DISTINCT FROM total",
        holds: "every balance is the sum of its entries",
        broken: "a balance is not the sum of its entries",
        when_broken: Status::Failed,
    },
    Invariant {
        id: "entry_keys_unique",
        things: ("ledger_entries", "ledger entries"),
        culprits: "SELECT entry_key AS culprit FROM ledger_entries GROUP BY entry_key \
                   HAVING count(*) > 1",
        holds: "every key is there once",
        broken: "a key is there more than once, points were credited twice",
        when_broken: Status::Failed,
    },
    Invariant {
        id: "credited_events_have_entries",
        things: (
            "webhook_events WHERE outcome = 'credited'",
            "credited events",
        ),
        culprits: "\
            SELECT event_id::text AS culprit FROM webhook_events event \
            WHERE outcome = 'credited' AND NOT EXISTS ( \
                SELECT FROM ledger_entries entry \
                WHERE entry.order_id = event.order_id AND entry.event_id = event.event_id)",
        holds: "each has its ledger entries",
        broken: "an event counts as credited and has no ledger entry",
        when_broken: Status::Failed,
    },
    Invariant {
        id: "entries_have_events",
        things: (
            "ledger_entries WHERE kind = 'order_line'",
            "order line entries",
        ),
        culprits: "\
            SELECT entry_key AS culprit FROM ledger_entries entry \
            WHERE kind = 'order_line' AND NOT EXISTS ( \
                SELECT FROM webhook_events event \
                WHERE event.event_id = entry.event_id AND event.outcome = 'credited')",
        holds: "each comes from a credited event",
        broken: "an entry comes from no credited event",
        when_broken: Status::Failed,
    },
    Invariant {
        id: "orders_have_entries",
        things: ("orders", "orders"),
        culprits: "\
            SELECT order_id::text AS culprit FROM orders WHERE NOT EXISTS ( \
                SELECT FROM ledger_entries entry WHERE entry.order_id = orders.order_id)",
        holds: "each has its ledger entries",
        broken: "an order has no ledger entry",
        when_broken: Status::Failed,
    },
    Invariant {
        id: "reversals_within_credit",
        things: ("orders", "orders"),
        culprits: "\
            SELECT format('order %s has %s left in wallet %s', order_id, sum(points), wallet_id) \
                   AS culprit \
            FROM ledger_entries WHERE order_id IS NOT NULL GROUP BY order_id, wallet_id \
            HAVING sum(points) < 0 \
                OR sum(points) > coalesce(sum(points) FILTER (WHERE kind = 'order_line'), 0)",
        holds: "no more was taken back than was credited, nor restored than was taken",
        broken: "a refund or chargeback moved more than the order gave",
        when_broken: Status::Failed,
    },
    Invariant {
        id: "reversals_have_entries",
        things: (
            "webhook_events WHERE outcome IN ('reversed', 'restored')",
            "events that took or restored points",
        ),
        culprits: "\
            SELECT event_id::text AS culprit FROM webhook_events event \
            WHERE outcome IN ('reversed', 'restored') AND NOT EXISTS ( \
                SELECT FROM ledger_entries entry \
                WHERE entry.order_id = event.order_id AND entry.event_id = event.event_id)",
        holds: "each has its ledger entries",
        broken: "a refund or chargeback counts as applied and has no ledger entry",
        when_broken: Status::Failed,
    },
    Invariant {
        id: "debts",
        things: ("wallets", "wallets"),
        culprits: "SELECT format('wallet %s has %s', wallet_id, balance) AS culprit FROM wallets \
                   WHERE balance < 0",
        holds: "nobody is in debt",
        broken: "a balance is below zero, points were taken back after they were spent",
        when_broken: Status::Notice,
    },
];

#[derive(QueryableByName)]
struct Finding {
    #[diesel(sql_type = BigInt)]
    things: i64,
    #[diesel(sql_type = BigInt)]
    culprits: i64,
    #[diesel(sql_type = Nullable<Text>)]
    examples: Option<String>,
}

#[derive(QueryableByName)]
struct DeadByReason {
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = BigInt)]
    letters: i64,
}

pub(super) fn rows(connection: &mut PgConnection) -> QueryResult<Vec<Row>> {
    let mut rows = INVARIANTS
        .iter()
        .map(|invariant| check(invariant, connection))
        .collect::<QueryResult<Vec<Row>>>()?;
    rows.push(dead_letters(connection)?);
    Ok(rows)
}

fn check(invariant: &Invariant, connection: &mut PgConnection) -> QueryResult<Row> {
    let (things, name) = invariant.things;
    let finding: Finding = sql_query(format!(
        "WITH broken AS MATERIALIZED ({}) \
         SELECT (SELECT count(*) FROM {things}) AS things, \
                (SELECT count(*) FROM broken) AS culprits, \
                (SELECT string_agg(culprit, '; ') \
                 FROM (SELECT culprit FROM broken ORDER BY culprit LIMIT {EXAMPLES_MAX}) few) \
                    AS examples",
        invariant.culprits
    ))
    .get_result(connection)?;
    Ok(match finding.examples {
        None => Row::new(
            invariant.id,
            Status::Ok,
            format!("{} {name}: {}", finding.things, invariant.holds),
        ),
        Some(examples) => Row::new(
            invariant.id,
            invariant.when_broken,
            format!(
                "{} ({} found): {examples}",
                invariant.broken, finding.culprits
            ),
        ),
    })
}

/// Open ones wait for a person; they break nothing.
fn dead_letters(connection: &mut PgConnection) -> QueryResult<Row> {
    let reasons: Vec<DeadByReason> = sql_query(
        "SELECT reason, count(*) AS letters FROM dead_letters WHERE state = 'open' \
         GROUP BY reason ORDER BY letters DESC, reason",
    )
    .load(connection)?;
    let open: i64 = reasons.iter().map(|reason| reason.letters).sum();
    let by_reason: Vec<String> = reasons
        .iter()
        .map(|reason| format!("{} {}", reason.letters, reason.reason))
        .collect();
    Ok(match by_reason.as_slice() {
        [] => Row::new("dead_letters", Status::Ok, "none is open"),
        by_reason => Row::new(
            "dead_letters",
            Status::Notice,
            format!("{open} open: {}", by_reason.join(", ")),
        ),
    })
}
