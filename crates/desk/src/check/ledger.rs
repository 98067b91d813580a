//! The invariants of the database. Each is one query for the rows that break it; all of them see the
//! same state, because they run in one transaction.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;

use super::{Row, Status};
use crate::row::row;

/// How many of the rows that break an invariant a message names.
pub(super) const EXAMPLES_MAX: u32 = 5;

struct Invariant {
    id: &'static str,
    /// The table that the invariant is about, and what its rows are called.
    table: (&'static str, &'static str),
    holds: &'static str,
    broken: &'static str,
}

/// Each is one that the view `ledger_violations` knows by its id.
const INVARIANTS: [Invariant; 18] = [
    Invariant {
        id: "balances_match_ledger",
        table: ("wallets", "wallets"),
        holds: "every balance is the sum of its entries",
        broken: "a balance is not the sum of its entries",
    },
    Invariant {
        id: "entry_keys_unique",
        table: ("ledger_entries", "ledger entries"),
        holds: "every key exists once",
        broken: "a key exists more than once, points were credited twice",
    },
    Invariant {
        id: "credited_events_have_entries",
        table: (
            "webhook_events WHERE outcome = 'credited'",
            "credited events",
        ),
        holds: "each has its ledger entries",
        broken: "an event counts as credited and has no ledger entry",
    },
    Invariant {
        id: "entries_have_events",
        table: (
            "ledger_entries WHERE kind = 'order_line'",
            "order line entries",
        ),
        holds: "each comes from a credited event",
        broken: "an entry comes from no credited event",
    },
    Invariant {
        id: "orders_have_entries",
        table: ("orders", "orders"),
        holds: "each has its ledger entries",
        broken: "an order has no ledger entry",
    },
    Invariant {
        id: "reversals_within_credit",
        table: ("orders", "orders"),
        holds: "no more was taken back than was credited, nor restored than was taken",
        broken: "a refund or chargeback moved more than the order gave",
    },
    Invariant {
        id: "reversals_have_entries",
        table: (
            "webhook_events WHERE outcome IN ('reversed', 'restored')",
            "events that took or restored points",
        ),
        holds: "each has its ledger entries",
        broken: "a refund or chargeback counts as applied and has no ledger entry",
    },
    Invariant {
        id: "credited_events_have_proof",
        table: (
            "webhook_events WHERE outcome IN ('credited', 'reversed', 'restored') \
             AND settled_at >= (SELECT required_from FROM proof_rule)",
            "events that moved points since a proof is required",
        ),
        holds: "each has a signature, or a person who vouched for it",
        broken: "an event moved points without a signature, and nobody vouched for it",
    },
    Invariant {
        id: "corrections_have_actions",
        table: ("ledger_entries WHERE kind = 'correction'", "corrections"),
        holds: "each has the operator action that made it",
        broken: "a correction was made by no operator action",
    },
    Invariant {
        id: "prices_have_actions",
        table: ("product_prices", "prices of all times"),
        holds: "each that was set has the operator action that set it",
        broken: "a price was changed by no operator action",
    },
    Invariant {
        id: "prices_match_history",
        table: ("products", "products"),
        holds: "each has the newest price of its history",
        broken: "a product has another price than its history",
    },
    Invariant {
        id: "spends_have_records",
        table: ("ledger_entries WHERE kind = 'spend'", "spends"),
        holds: "each came through the function spend, and what was given back through unspend",
        broken: "a spend and its record do not match, it did not come through spend or unspend",
    },
    Invariant {
        id: "order_lines_match_entries",
        table: ("order_lines", "order lines"),
        holds: "each has its ledger entry, and no order got an entry later",
        broken: "a line has no ledger entry, or an order got an entry that is not its own",
    },
    Invariant {
        id: "reversal_entries_have_reversals",
        table: (
            "ledger_entries WHERE kind IN ('refund', 'chargeback', 'chargeback_won')",
            "entries of refunds and chargebacks",
        ),
        holds: "each comes from a refund or chargeback that is recorded",
        broken: "an entry comes from no refund or chargeback that is recorded",
    },
    Invariant {
        id: "reversals_have_events",
        table: ("reversals", "refunds and chargebacks"),
        holds: "each comes from an event",
        broken: "a refund or chargeback comes from no event",
    },
    Invariant {
        id: "reversals_recompute",
        table: ("reversals", "refunds and chargebacks"),
        holds: "they took back exactly what they make",
        broken: "what was taken back is not what the refunds and chargebacks make",
    },
    Invariant {
        id: "attributions_have_actions",
        table: ("refund_attributions", "refunds that a person decided about"),
        holds: "each has the operator action that decided it",
        broken: "a refund was decided by no operator action",
    },
    Invariant {
        id: "applied_letters_are_resolved",
        table: ("dead_letters", "dead letters"),
        holds: "none waits or was given up although its event was applied",
        broken: "a dead letter's event was applied, and no worker has resolved it for 15 minutes",
    },
];
/// A debt breaks nothing: points were taken back after they were spent.
const DEBTS: Invariant = Invariant {
    id: "debts",
    table: ("wallets", "wallets"),
    holds: "nobody is in debt",
    broken: "a balance is below zero, points were taken back after they were spent",
};

/// Nothing is broken: `paynowctl correct` is there for the night on which the console is not.
const ALONE: Invariant = Invariant {
    id: "corrections_by_two",
    table: (
        "ledger_entries WHERE kind = 'correction' AND created_at > now() - interval '30 days'",
        "corrections of the last 30 days",
    ),
    holds: "each was decided about in the console, or nobody uses it",
    broken: "the console has people, and a correction of the last 30 days was made without them",
};
const MADE_ALONE: &str = "SELECT entry_key AS culprit FROM ledger_entries AS entry \
     WHERE kind = 'correction' AND created_at > now() - interval '30 days' \
         AND EXISTS (SELECT FROM console_people WHERE created_at < entry.created_at AND disabled_at IS NULL) \
         AND NOT EXISTS (SELECT FROM correction_requests AS request \
             WHERE request.entry_key = entry.entry_key AND request.state IN ('approved', 'alone'))";

/// Not one of the view: the workers' check would raise an alert for what a person left undone.
const REPLAYS: Invariant = Invariant {
    id: "replays_go_on",
    table: (
        "replays WHERE deaths_before IS NOT NULL",
        "replayed letters",
    ),
    holds: "none was left behind by a replay that stopped",
    broken: "a replay was stopped and left letters that are neither applied nor open: resume it with \
             `paynowctl dead replay --resume`",
};
/// The retry ladder takes less than an hour and a half, and then the workers have resolved the letter or it
/// is open again.
const LEFT_BEHIND: &str = "SELECT format('replay %s left %s', action_id, count(*)) AS culprit \
     FROM replays JOIN dead_letters USING (dead_letter_id) LEFT JOIN replay_runs USING (action_id) \
     WHERE replays.state IN ('waiting', 'sent') AND deaths_before IS NOT NULL \
         AND deaths_before = deaths AND dead_letters.state = 'replayed' \
         AND replays.updated_at < now() - interval '2 hours' \
         AND coalesce(held_until < now(), true) \
     GROUP BY action_id";

row! {
    struct Finding {
        rows: i64,
        culprits: i64,
        examples: Option<String>,
    }

    struct DeadByReason {
        reason: String,
        letters: i64,
    }
}

pub(super) fn rows(connection: &mut PgConnection) -> QueryResult<Vec<Row>> {
    let mut rows = Vec::new();
    for invariant in &INVARIANTS {
        let id = invariant.id;
        let culprits = format!("SELECT culprit FROM ledger_violations WHERE check_id = '{id}'");
        rows.push(check(connection, invariant, Status::Failed, &culprits)?);
    }
    let debts = "SELECT format('wallet %s has %s', wallet_id, balance) AS culprit FROM wallets \
                 WHERE balance < 0";
    rows.push(check(connection, &DEBTS, Status::Notice, debts)?);
    rows.push(check(connection, &ALONE, Status::Notice, MADE_ALONE)?);
    rows.push(check(connection, &REPLAYS, Status::Failed, LEFT_BEHIND)?);
    rows.push(dead_letters(connection)?);
    Ok(rows)
}

/// `culprits` is a query for one text, `culprit`, for each row that breaks the invariant.
fn check(
    connection: &mut PgConnection,
    invariant: &Invariant,
    when_broken: Status,
    culprits: &str,
) -> QueryResult<Row> {
    let Invariant {
        id,
        table: (table, name),
        holds,
        broken,
    } = invariant;
    let finding: Finding = sql_query(format!(
        "WITH broken AS MATERIALIZED ({culprits}) \
         SELECT (SELECT count(*) FROM {table}) AS rows, \
                (SELECT count(*) FROM broken) AS culprits, \
                (SELECT string_agg(culprit, '; ') \
                 FROM (SELECT culprit FROM broken ORDER BY culprit LIMIT {EXAMPLES_MAX}) few) \
                    AS examples"
    ))
    .get_result(connection)?;
    let (rows, found) = (finding.rows, finding.culprits);
    Ok(match finding.examples {
        None => Row::new(id, Status::Ok, format!("{rows} {name}: {holds}")),
        Some(few) => Row::new(id, when_broken, format!("{broken} ({found} found): {few}")),
    })
}

/// Open dead letters wait for a person; they break no invariant.
fn dead_letters(connection: &mut PgConnection) -> QueryResult<Row> {
    let reasons: Vec<DeadByReason> = sql_query(
        "SELECT reason, count(*) AS letters FROM dead_letters WHERE state = 'open' \
         GROUP BY reason ORDER BY letters DESC, reason",
    )
    .load(connection)?;
    if reasons.is_empty() {
        return Ok(Row::new("dead_letters", Status::Ok, "none is open"));
    }
    let open: i64 = reasons.iter().map(|reason| reason.letters).sum();
    let by_reason: Vec<String> = reasons
        .iter()
        .map(|reason| format!("{} {}", reason.letters, reason.reason))
        .collect();
    let message = format!("{open} open: {}", by_reason.join(", "));
    Ok(Row::new("dead_letters", Status::Notice, message))
}
