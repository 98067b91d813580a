//! Reads what a trial came to, and adds up what it must have come to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::verdict::{Expected, Letter, Snapshot};
use crate::load::{Load, Mix};
use crate::model::told::Told;
use crate::recovery::Credited;
use crate::world::{LADDER, World};

/// For these an event of a history may be dead in the end: it was told wrong, or nobody can decide it.
const REASONS: [&str; 6] = [
    "conflict",
    "currency_mismatch",
    "order_not_completed",
    "order_unknown",
    "partial_refund",
    "refund_not_completed",
];

pub(super) fn expected(world: &World, load: &Load<'_>, told: &[Told]) -> Expected {
    let mut expected = Expected {
        accepted: load.accepted(),
        reasons: BTreeSet::from(REASONS),
        ..Expected::default()
    };
    for one in told {
        expected.bounds.extend(one.bounds());
        for (line, wallet, points) in one.rules.points_of_lines() {
            expected.lines.insert(line, points);
            *expected.credited.entry(wallet).or_default() += points;
        }
    }
    let (_, points) = Mix::products()[0];
    for probe in load.probes() {
        expected.lines.insert(probe.line, points);
        expected.credited.insert(probe.wallet, points);
        expected.bounds.insert(probe.wallet, (points, points));
    }
    for (wallet, points) in world.corrections() {
        let (least, most) = expected.bounds.entry(wallet).or_default();
        *least += points;
        *most = most.saturating_add(points);
    }
    expected
}

pub(super) fn queues() -> Vec<String> {
    let fixed = ["paynow.credits", "paynow.credits.dead", "paynow.unrouted"];
    let rungs = LADDER.map(|seconds| format!("paynow.credits.retry.{seconds}s"));
    fixed.map(str::to_owned).into_iter().chain(rungs).collect()
}

pub(super) fn snapshot(world: &World) -> Snapshot {
    let database = &world.database;
    let pairs = |sql: &str| -> Vec<(String, String)> {
        let rows = database.texts(sql).into_iter();
        rows.filter_map(|row| {
            let (first, rest) = row.split_once(' ')?;
            Some((first.to_owned(), rest.to_owned()))
        })
        .collect()
    };
    let numbers = |sql: &str| -> BTreeMap<i64, i64> {
        let number =
            |(id, number): (String, String)| Some((id.parse().ok()?, number.parse().ok()?));
        pairs(sql).into_iter().filter_map(number).collect()
    };
    let letters = pairs(
        "SELECT encode(body_sha256, 'hex') || ' ' || state || ' ' || reason AS value \
         FROM dead_letters",
    );
    let letter = |(digest, rest): (String, String)| {
        let (state, reason) = rest.split_once(' ')?;
        Some(Letter {
            digest,
            state: state.to_owned(),
            reason: reason.to_owned(),
        })
    };
    let queues = queues().into_iter();
    Snapshot {
        events: pairs(
            "SELECT encode(body_sha256, 'hex') || ' ' || outcome AS value FROM webhook_events",
        )
        .into_iter()
        .collect(),
        letters: letters.into_iter().filter_map(letter).collect(),
        balances: numbers("SELECT wallet_id || ' ' || balance AS value FROM wallets"),
        sums: numbers(
            "SELECT wallet_id || ' ' || sum(points) AS value FROM ledger_entries \
             GROUP BY wallet_id",
        ),
        credited: numbers(
            "SELECT wallet_id || ' ' || sum(points) AS value FROM ledger_entries \
             WHERE kind = 'order_line' GROUP BY wallet_id",
        ),
        lines: numbers(
            "SELECT split_part(entry_key, ':', 2) || ' ' || points AS value \
             FROM ledger_entries WHERE kind = 'order_line'",
        ),
        queues: queues
            .map(|queue| {
                let depth = world.broker.depth(&queue);
                (queue, depth)
            })
            .collect(),
    }
}

/// The SHA-256 of everything that is recorded or dead; none if the database does not answer.
pub(super) fn settled(world: &World) -> Option<BTreeSet<String>> {
    let rows = world.ask(
        "SELECT encode(body_sha256, 'hex') AS value FROM webhook_events \
         UNION SELECT encode(body_sha256, 'hex') FROM dead_letters WHERE state <> 'replayed'",
    )?;
    Some(rows.into_iter().collect())
}

/// The probes that were credited.
pub(super) fn credited_probes(world: &World, load: &Load<'_>) -> Vec<Credited> {
    let rows = world.ask(
        "SELECT event_id || ' ' || (extract(epoch FROM settled_at) * 1000)::bigint AS value \
         FROM webhook_events WHERE outcome = 'credited'",
    );
    let rows = rows.unwrap_or_default();
    let times: BTreeMap<i64, i64> = rows
        .iter()
        .filter_map(|row| row.split_once(' '))
        .filter_map(|(event, ms)| Some((event.parse().ok()?, ms.parse().ok()?)))
        .collect();
    let began_ms = world.journal.began_ms();
    let credited = |probe: crate::load::Probe| {
        let ms = times.get(&probe.event)? - began_ms;
        Some(Credited {
            sent_at: probe.sent_at,
            credited_at: Duration::from_millis(u64::try_from(ms).ok()?),
        })
    };
    load.probes().into_iter().filter_map(credited).collect()
}
