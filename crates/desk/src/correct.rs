//! Giving or taking points by one more ledger entry. No existing entry is changed.

use std::fmt::Write;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};
use paynow_process::clock;
use paynow_shared::ids::WalletId;
use ring::rand::{SecureRandom, SystemRandom};

use crate::actions::{Mode, Note};
use crate::database::Database;
use crate::error::DeskError;
use crate::row::{One, row};

#[derive(Debug, Clone)]
pub struct Correction {
    pub wallet: WalletId,
    /// To give, or to take when negative; not 0.
    pub points: i64,
    /// The same key corrects once. Without one a new key is made.
    pub key: Option<String>,
}

#[derive(Debug)]
pub struct Corrected {
    pub entry_key: String,
    pub outcome: CorrectionState,
    pub balance_before: i64,
    pub balance_after: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CorrectionState {
    /// A dry run.
    Foreseen,
    Applied,
    /// The key was used before, for the same correction.
    AlreadyApplied,
}

row! {
    struct Posted {
        wallet_id: i64,
        points: i64,
    }
}

pub fn correct(
    database: &Database,
    correction: &Correction,
    note: &Note,
    mode: Mode,
) -> Result<Corrected, DeskError> {
    let key = match &correction.key {
        Some(key) => key.clone(),
        None => new_key()?,
    };
    let entry_key = format!("correction:{key}");
    database.open_as_operator()?.transaction(|connection| {
        let mut corrected = foresee(connection, correction, entry_key)?;
        if corrected.outcome == CorrectionState::Foreseen && mode == Mode::Apply {
            post(connection, correction, &corrected, note)?;
            corrected.outcome = CorrectionState::Applied;
        }
        Ok(corrected)
    })
}

/// Starts with the time, so that keys sort by it, and ends with random bytes, so that no two are equal.
fn new_key() -> Result<String, DeskError> {
    let mut bytes = [0_u8; 8];
    SystemRandom::new().fill(&mut bytes).map_err(|_no_detail| {
        DeskError::Refused("no random key could be made: give one with --key".to_owned())
    })?;
    let mut key = format!("{}-", clock::now_ms());
    for byte in bytes {
        // Writing to a text cannot fail.
        let _written = write!(key, "{byte:02x}");
    }
    Ok(key)
}

/// Locks the wallet, as `spend` does, so that the foreseen effect is the actual one.
fn foresee(
    connection: &mut PgConnection,
    correction: &Correction,
    entry_key: String,
) -> Result<Corrected, DeskError> {
    let locked: One<Option<i64>> = sql_query("SELECT lock_balance($1) AS value")
        .bind::<BigInt, _>(correction.wallet.get())
        .get_result(connection)?;
    // No row means 0 points.
    let before = locked.value.unwrap_or(0);
    let posted: Option<Posted> =
        sql_query("SELECT wallet_id, points FROM ledger_entries WHERE entry_key = $1")
            .bind::<Text, _>(&entry_key)
            .get_result(connection)
            .optional()?;
    let (outcome, after) = match posted {
        None => (
            CorrectionState::Foreseen,
            before.checked_add(correction.points),
        ),
        Some(Posted { wallet_id, points }) => {
            if (wallet_id, points) != (correction.wallet.get(), correction.points) {
                return Err(DeskError::Refused(format!(
                    "{entry_key} was used before, for {points:+} points of wallet {wallet_id}: \
                     nothing was done"
                )));
            }
            (CorrectionState::AlreadyApplied, Some(before))
        }
    };
    let after = after.ok_or_else(|| {
        DeskError::Refused(format!(
            "the balance is {before}: it would not fit into 64 bits"
        ))
    })?;
    Ok(Corrected {
        entry_key,
        outcome,
        balance_before: before,
        balance_after: after,
    })
}

fn post(
    connection: &mut PgConnection,
    correction: &Correction,
    foreseen: &Corrected,
    note: &Note,
) -> Result<(), DeskError> {
    let entry_key = &foreseen.entry_key;
    let posted: One<bool> =
        sql_query("SELECT applied AS value FROM correct_wallet($1, $2, $3, $4, $5)")
            .bind::<Text, _>(entry_key)
            .bind::<BigInt, _>(correction.wallet.get())
            .bind::<BigInt, _>(correction.points)
            .bind::<Text, _>(&note.by)
            .bind::<Text, _>(&note.why)
            .get_result(connection)?;
    if posted.value {
        return Ok(());
    }
    Err(DeskError::Refused(format!(
        "another correction took the key of {entry_key} meanwhile: look again"
    )))
}
