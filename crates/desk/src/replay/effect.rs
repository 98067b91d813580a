//! The effect of a replay, by the worker's own rules, without writing.

use std::collections::BTreeMap;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt};
use paynow_shared::points::Points;
use paynow_shared::reason::Reason;
use paynow_worker::decide::Policy;
use paynow_worker::disposition::Disposition;
use paynow_worker::preview::{Preview, PreviewKeys};
use serde::Serialize;

use crate::database::read_only;
use crate::error::DeskError;
use crate::ids;
use crate::letters::{Letter, numbers};
use crate::row::{One, row};

/// How many bodies are in memory at once.
const BATCH: usize = 500;

/// A letter, and what would become of it.
#[derive(Debug, Serialize)]
pub struct PlannedLetter {
    #[serde(serialize_with = "ids::text")]
    pub dead_letter_id: i64,
    pub event_id: String,
    /// The reason of its last death.
    pub died_of: String,
    pub would_be: Outlook,
    /// The code of the reason why it would not be applied.
    pub because: Option<&'static str>,
    /// Over all wallets.
    pub points: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outlook {
    Applied,
    Deferred,
    DeadAgain,
}

/// The effect on one balance.
#[derive(Debug, Serialize)]
pub struct WalletChange {
    #[serde(serialize_with = "ids::text")]
    pub wallet_id: i64,
    pub balance: i64,
    pub change: i64,
    pub balance_after: i64,
}

row! {
    struct Balance {
        wallet_id: i64,
        balance: i64,
    }
}

/// The letters, and the wallets that they would change.
pub(crate) type Effect = (Vec<PlannedLetter>, Vec<WalletChange>);

/// Foresees the letters in order, each after those before it, all in one state of the database.
pub(super) fn foresee(
    connection: &mut PgConnection,
    letters: Vec<Letter>,
    policy: &Policy,
) -> Result<Effect, DeskError> {
    read_only(connection, |connection| {
        foresee_within(connection, letters, policy)
    })
}

/// The same within the caller's transaction, so that it sees what that has written.
pub(crate) fn foresee_within(
    connection: &mut PgConnection,
    letters: Vec<Letter>,
    policy: &Policy,
) -> Result<Effect, DeskError> {
    let ids = numbers(&letters);
    let mut keys = PreviewKeys::default();
    for batch in ids.chunks(BATCH) {
        keys.add(&bodies(connection, batch)?);
    }
    let mut ledger = keys
        .read(connection)
        .map_err(|error| DeskError::failed("the effect cannot be foreseen", error))?;
    let mut letters = letters.into_iter();
    let mut planned = Vec::with_capacity(ids.len());
    let mut changes = BTreeMap::<i64, i64>::new();
    for batch in ids.chunks(BATCH) {
        let previews = ledger.preview(bodies(connection, batch)?, policy);
        for (preview, letter) in previews.into_iter().zip(letters.by_ref()) {
            for entry in &preview.entries {
                let change = changes.entry(entry.wallet_id.get()).or_default();
                // A sum that does not fit is shown as the largest number that does.
                *change = change.saturating_add(entry.points.get());
            }
            planned.push(PlannedLetter::new(letter, preview));
        }
    }
    Ok((planned, wallets(connection, changes)?))
}

/// What a preview freezes of the effect.
pub(crate) fn effect_of(letters: &[PlannedLetter], wallets: &[WalletChange]) -> String {
    let letters = letters.iter().map(|letter| {
        let PlannedLetter {
            would_be, because, ..
        } = letter;
        format!("{would_be:?} {because:?} {}\n", letter.points)
    });
    let wallets = wallets
        .iter()
        .map(|wallet| format!("{} {:+}\n", wallet.wallet_id, wallet.change));
    letters.chain(wallets).collect()
}

/// What a preview freezes of the wallets before.
pub(crate) fn balances_of(wallets: &[WalletChange]) -> String {
    let balances = wallets
        .iter()
        .map(|wallet| format!("{} {}\n", wallet.wallet_id, wallet.balance));
    balances.collect()
}

impl PlannedLetter {
    fn new(letter: Letter, preview: Preview) -> Self {
        let (would_be, because) = match preview.disposition {
            Disposition::Ack => (Outlook::Applied, None),
            Disposition::RetryLater(failure) => (Outlook::Deferred, Some(failure.reason)),
            // Only the worker asks PayNow, so a replay may still apply the refund.
            Disposition::DeadLetter(failure) | Disposition::AskPayNow(_, failure) => {
                (Outlook::DeadAgain, Some(failure.reason))
            }
        };
        let points = preview.entries.iter().fold(Points::ZERO, |sum, entry| {
            sum.checked_add(entry.points).unwrap_or(sum)
        });
        Self {
            dead_letter_id: letter.summary.dead_letter_id,
            event_id: letter.event_id,
            died_of: letter.summary.reason,
            would_be,
            because: because.map(Reason::code),
            points: points.get(),
        }
    }
}

fn bodies(connection: &mut PgConnection, ids: &[i64]) -> QueryResult<Vec<Vec<u8>>> {
    let rows: Vec<One<Vec<u8>>> = sql_query(
        "SELECT body AS value FROM dead_letters WHERE dead_letter_id = ANY ($1) ORDER BY dead_letter_id",
    )
    .bind::<Array<BigInt>, _>(ids)
    .load(connection)?;
    Ok(rows.into_iter().map(|row| row.value).collect())
}

fn wallets(
    connection: &mut PgConnection,
    changes: BTreeMap<i64, i64>,
) -> QueryResult<Vec<WalletChange>> {
    let ids: Vec<i64> = changes.keys().copied().collect();
    let rows: Vec<Balance> =
        sql_query("SELECT wallet_id, balance FROM wallets WHERE wallet_id = ANY ($1)")
            .bind::<Array<BigInt>, _>(ids)
            .load(connection)?;
    let balances = rows.into_iter().map(|row| (row.wallet_id, row.balance));
    let balances: BTreeMap<i64, i64> = balances.collect();
    let changes = changes.into_iter().map(|(wallet_id, change)| {
        // A wallet without a row has 0 points.
        let balance = balances.get(&wallet_id).copied().unwrap_or_default();
        WalletChange {
            wallet_id,
            balance,
            change,
            balance_after: balance.saturating_add(change),
        }
    });
    Ok(changes.collect())
}
