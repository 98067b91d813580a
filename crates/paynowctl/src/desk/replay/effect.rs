//! What a replay would do, by the worker's own rules, without writing.

use std::collections::BTreeMap;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary};
use paynow_shared::points::Points;
use paynow_shared::reason::Reason;
use paynow_worker::decide::Policy;
use paynow_worker::disposition::Disposition;
use paynow_worker::preview::{Inquiry, Preview};

use crate::failure::Failure;

/// How many bodies are in memory at once.
const BATCH: usize = 500;

/// What would become of one letter.
pub(super) struct Foreseen {
    pub(super) dead_letter_id: i64,
    /// `None` when it would be applied.
    pub(super) obstacle: Option<Obstacle>,
    /// What it would add up to, over all wallets.
    pub(super) points: i64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Obstacle {
    Deferred(Reason),
    DeadAgain(Reason),
}

/// What would become of one balance.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) before: i64,
    pub(super) points: i64,
}

#[derive(Default)]
pub(super) struct Effect {
    pub(super) letters: Vec<Foreseen>,
    pub(super) wallets: BTreeMap<i64, Change>,
}

#[derive(QueryableByName)]
struct Body {
    #[diesel(sql_type = Binary)]
    body: Vec<u8>,
}

#[derive(QueryableByName)]
struct Balance {
    #[diesel(sql_type = BigInt)]
    wallet_id: i64,
    #[diesel(sql_type = BigInt)]
    balance: i64,
}

impl Effect {
    pub(super) fn count(&self, is_meant: impl Fn(Option<Obstacle>) -> bool) -> usize {
        self.letters
            .iter()
            .filter(|letter| is_meant(letter.obstacle))
            .count()
    }

    fn add(&mut self, dead_letter_id: i64, preview: Preview) {
        let mut sum = Points::ZERO;
        for entry in &preview.entries {
            let change = self.wallets.entry(entry.wallet_id.get()).or_default();
            // A sum that does not fit is shown as the most that does.
            change.points = change.points.saturating_add(entry.points.get());
            sum = sum.checked_add(entry.points).unwrap_or(sum);
        }
        let obstacle = match preview.disposition {
            Disposition::Ack => None,
            Disposition::RetryLater(failure) => Some(Obstacle::Deferred(failure.reason)),
            Disposition::DeadLetter(failure) => Some(Obstacle::DeadAgain(failure.reason)),
        };
        self.letters.push(Foreseen {
            dead_letter_id,
            obstacle,
            points: sum.get(),
        });
    }

    fn read_balances(&mut self, connection: &mut PgConnection) -> QueryResult<()> {
        let wallets: Vec<i64> = self.wallets.keys().copied().collect();
        let balances: Vec<Balance> =
            sql_query("SELECT wallet_id, balance FROM wallets WHERE wallet_id = ANY ($1)")
                .bind::<Array<BigInt>, _>(wallets)
                .load(connection)?;
        for row in balances {
            self.wallets.entry(row.wallet_id).or_default().before = row.balance;
        }
        Ok(())
    }
}

/// Foresees the letters one after another, each after those before it, as of one moment and within
/// a transaction that cannot write.
pub(super) fn foresee(
    connection: &mut PgConnection,
    ids: &[i64],
    policy: &Policy,
) -> Result<Effect, Failure> {
    connection
        .build_transaction()
        .repeatable_read()
        .read_only()
        .run(|connection| {
            let mut effect = previewed(connection, ids, policy)?;
            effect.read_balances(connection)?;
            Ok(effect)
        })
}

fn previewed(
    connection: &mut PgConnection,
    ids: &[i64],
    policy: &Policy,
) -> Result<Effect, Failure> {
    let mut inquiry = Inquiry::default();
    for batch in ids.chunks(BATCH) {
        inquiry.add(&bodies(connection, batch)?);
    }
    let mut outlook = inquiry
        .read(connection)
        .map_err(|error| Failure::failed("the effect cannot be foreseen", error))?;
    let mut effect = Effect::default();
    for batch in ids.chunks(BATCH) {
        let previews = outlook.preview(bodies(connection, batch)?, policy);
        for (id, preview) in batch.iter().zip(previews) {
            effect.add(*id, preview);
        }
    }
    Ok(effect)
}

fn bodies(connection: &mut PgConnection, ids: &[i64]) -> QueryResult<Vec<Vec<u8>>> {
    let rows: Vec<Body> = sql_query(
        "SELECT body FROM dead_letters WHERE dead_letter_id = ANY ($1) ORDER BY dead_letter_id",
    )
    .bind::<Array<BigInt>, _>(ids)
    .load(connection)?;
    Ok(rows.into_iter().map(|row| row.body).collect())
}
