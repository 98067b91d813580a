//! Giving or taking points by one more ledger entry. No existing entry is changed.

use std::fmt::Write;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};
use paynow_process::clock;
use paynow_shared::ids::WalletId;
use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;

use crate::actions::{Mode, Note};
use crate::database::Database;
use crate::error::DeskError;
use crate::expect::{PreviewHash, refuse_other};
use crate::row::{One, row};

/// A correction that is made again within this time is likely meant once.
const REPEATED_MINUTES: u32 = 15;

#[derive(Debug, Clone)]
pub struct Correction {
    pub wallet: WalletId,
    /// To give, or to take when negative; not 0.
    pub points: i64,
    /// The same key corrects once. Without one a new key is made.
    pub key: Option<String>,
    /// Without a key: although the same correction was made some minutes ago.
    pub is_again: bool,
}

#[derive(Debug)]
pub struct Corrected {
    pub entry_key: String,
    pub outcome: CorrectionState,
    pub balance_before: i64,
    pub balance_after: i64,
    /// Nobody has had points under this id.
    pub is_new_wallet: bool,
    /// The same correction without a key, made some minutes ago.
    pub earlier: Option<Earlier>,
    /// Of the correction and the balance before.
    pub expect: PreviewHash,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CorrectionState {
    /// A dry run.
    Foreseen,
    Applied,
    /// The key was used before, for the same correction.
    AlreadyApplied,
    /// Nothing was done, because the same correction was made some minutes ago.
    Repeated,
}

row! {
    /// The same correction for the same reason.
    #[derive(Serialize)]
    pub struct Earlier {
        pub entry_key: String,
        #[serde(rename = "by")]
        pub operator: String,
        pub seconds_ago: i64,
    }

    struct Posted {
        wallet_id: i64,
        points: i64,
    }
}

/// Makes a correction, or only shows its effect; only the one of a preview if its hash is given. A correction
/// that its key made before is not made again, whatever the balance is since.
pub fn correct(
    database: &Database,
    correction: &Correction,
    note: &Note,
    mode: Mode,
    expected: Option<&PreviewHash>,
) -> Result<Corrected, DeskError> {
    let key = match &correction.key {
        Some(key) => key.clone(),
        None => new_key()?,
    };
    let entry_key = format!("correction:{key}");
    database.open_as_operator()?.transaction(|connection| {
        let mut corrected = foresee(connection, correction, entry_key)?;
        if correction.key.is_none() {
            corrected.earlier = earlier(connection, correction, note, &corrected.entry_key)?;
        }
        if corrected.outcome != CorrectionState::Foreseen || mode == Mode::DryRun {
            return Ok(corrected);
        }
        refuse_other(&corrected.expect, expected, told(correction, &corrected))?;
        if corrected.earlier.is_some() && !correction.is_again {
            corrected.outcome = CorrectionState::Repeated;
        } else {
            post(connection, correction, &corrected, note)?;
            refuse_at_once(connection, correction, &corrected, note)?;
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
        is_new_wallet: locked.value.is_none(),
        earlier: None,
        expect: PreviewHash::of([chosen(correction), before.to_string()]),
    })
}

/// Whether it is made once more does not change what it is.
fn chosen(correction: &Correction) -> String {
    let Correction {
        wallet,
        points,
        key,
        is_again: _,
    } = correction;
    format!("{wallet} {points:+} {key:?}")
}

/// What each part of the hash is now.
fn told(correction: &Correction, corrected: &Corrected) -> [String; 2] {
    let (wallet, points) = (correction.wallet, correction.points);
    let before = corrected.balance_before;
    [
        format!("the correction is another, now {points:+} points for wallet {wallet}"),
        format!("the balance is another, now {before}"),
    ]
}

/// A wallet without a row cannot be locked before, so the same correction may have been made meanwhile.
fn refuse_at_once(
    connection: &mut PgConnection,
    correction: &Correction,
    corrected: &Corrected,
    note: &Note,
) -> Result<(), DeskError> {
    if correction.key.is_some() || correction.is_again {
        return Ok(());
    }
    match earlier(connection, correction, note, &corrected.entry_key)? {
        None => Ok(()),
        Some(other) => Err(DeskError::Refused(format!(
            "{} made the same correction at the same time ({}): nothing was done",
            other.operator, other.entry_key
        ))),
    }
}

/// A person who is not sure whether a command worked repeats it, with the same words.
fn earlier(
    connection: &mut PgConnection,
    correction: &Correction,
    note: &Note,
    entry_key: &str,
) -> QueryResult<Option<Earlier>> {
    sql_query(format!(
        "SELECT entry_key, operator, extract(epoch FROM now() - created_at)::bigint AS seconds_ago \
         FROM ledger_entries JOIN operator_actions \
             ON operator_actions.outcome ->> 'entry_key' = entry_key AND action = 'correct' \
         WHERE wallet_id = $1 AND kind = 'correction' AND points = $2 AND why = $3 \
             AND entry_key <> $4 \
             AND created_at > now() - interval '{REPEATED_MINUTES} minutes' \
         ORDER BY created_at DESC LIMIT 1"
    ))
    .bind::<BigInt, _>(correction.wallet.get())
    .bind::<BigInt, _>(correction.points)
    .bind::<Text, _>(&note.why)
    .bind::<Text, _>(entry_key)
    .get_result(connection)
    .optional()
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
