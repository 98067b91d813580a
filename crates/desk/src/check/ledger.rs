//! The invariants of the database. Each is one query for the rows that break it; all of them see the
//! same state, because they run in one transaction.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::row::{Row, Status};

/// How many of the rows that break an invariant a message names.
const EXAMPLES_MAX: u32 = 5;

struct Invariant {
    id: &'static str,
    /// The table of the things that the invariant is about, and their name.
    things: (&'static str, &'static str),
    culprits: Culprits,
    holds: &'static str,
    broken: &'static str,
    when_broken: Status,
}

/// Where the rows that break an invariant are found.
enum Culprits {
    /// In the view `ledger_violations`, by the id of the invariant.
    View,
    /// By a query that selects one text, `culprit`, for each.
    Query(&'static str),
}

const INVARIANTS: [Invariant; 8] = [
    Invariant {
        id: "balances_match_ledger",
        things: ("wallets", "wallets"),
        culprits: Culprits::View,
        holds: "every balance is the sum of its entries",
        broken: "a balance is not the sum of its entries",
        when_broken: Status::Failed,
    },
    Invariant {
        id: "entry_keys_unique",
        things: ("ledger_entries", "ledger entries"),
        culprits: Culprits::View,
        holds: "every key exists once",
        broken: "a key exists more than once, points were credited twice",
        when_broken: Status::Failed,
    },
    Invariant {
        id: "credited_events_have_entries",
        things: (
            "webhook_events WHERE outcome = 'credited'",
            "credited events",
        ),
        culprits: Culprits::View,
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
        culprits: Culprits::View,
        holds: "each comes from a credited event",
        broken: "an entry comes from no credited event",
        when_broken: Status::Failed,
    },
    Invariant {
        id: "orders_have_entries",
        things: ("orders", "orders"),
        culprits: Culprits::View,
        holds: "each has its ledger entries",
        broken: "an order has no ledger entry",
        when_broken: Status::Failed,
    },
    Invariant {
        id: "reversals_within_credit",
        things: ("orders", "orders"),
        culprits: Culprits::View,
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
        culprits: Culprits::View,
        holds: "each has its ledger entries",
        broken: "a refund or chargeback counts as applied and has no ledger entry",
        when_broken: Status::Failed,
    },
    Invariant {
        id: "debts",
        things: ("wallets", "wallets"),
        culprits: Culprits::Query(
            "SELECT format('wallet %s has %s', wallet_id, balance) AS culprit FROM wallets \
                   WHERE balance < 0",
        ),
        holds: "nobody is in debt",
        broken: "a balance is below zero, points were taken back after they were spent",
        when_broken: Status::Notice,
    },
];

impl Invariant {
    fn culprits(&self) -> String {
        match self.culprits {
            Culprits::View => {
                let id = self.id;
                format!("SELECT culprit FROM ledger_violations WHERE check_id = '{id}'")
            }
            Culprits::Query(query) => query.to_owned(),
        }
    }
}

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
        invariant.culprits()
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

/// Open dead letters wait for a person; they break no invariant.
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
