//! `correct`: gives or takes points by one more ledger entry. Nothing that is there is changed.

use std::fmt::Write;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use paynow_process::clock;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::json;

use crate::actions::{Action, record};
use crate::cli::CorrectOptions;
use crate::config::Config;
use crate::database::open_as_operator;
use crate::failure::Failure;
use crate::output;

#[derive(QueryableByName)]
struct Balance {
    #[diesel(sql_type = Nullable<BigInt>)]
    balance: Option<i64>,
}

#[derive(QueryableByName)]
struct Inserted {
    #[diesel(sql_type = Bool)]
    inserted: bool,
}

#[derive(QueryableByName)]
struct Posted {
    #[diesel(sql_type = BigInt)]
    wallet_id: i64,
    #[diesel(sql_type = BigInt)]
    points: i64,
}

/// What a correction does to a balance.
enum Effect {
    Shown {
        before: i64,
        after: i64,
    },
    Applied {
        before: i64,
        after: i64,
    },
    /// The key was used before, for just this.
    AlreadyApplied {
        balance: i64,
    },
}

pub(crate) fn run(options: &CorrectOptions, config: &Config) -> Result<(), Failure> {
    let key = match &options.key {
        Some(key) => key.clone(),
        None => new_key()?,
    };
    let entry_key = format!("correction:{key}");
    let mut connection = open_as_operator(&config.database_url()?)?;
    let effect = connection.transaction(|connection| correct(connection, options, &entry_key))?;
    let (balance, told) = match effect {
        Effect::Shown { before, after } => (
            format!("{before} -> {after}{}", debt(after)),
            "dry run: nothing was done; --yes does it".to_owned(),
        ),
        Effect::Applied { before, after } => (
            format!("{before} -> {after}{}", debt(after)),
            format!(
                "corrected by entry {entry_key}; recorded for {}",
                options.note.by
            ),
        ),
        Effect::AlreadyApplied { balance } => (
            format!("{balance}{}", debt(balance)),
            format!("entry {entry_key} was made before: nothing was done"),
        ),
    };
    output::facts(&[
        ("wallet", options.wallet.to_string()),
        ("points", format!("{:+}", options.points)),
        ("balance", balance),
    ])?;
    output::line(&told)
}

fn debt(balance: i64) -> &'static str {
    if balance < 0 { " (debt)" } else { "" }
}

/// By time, so that keys sort like what they did, and drawn, so that no two are the same.
fn new_key() -> Result<String, Failure> {
    let mut bytes = [0_u8; 8];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_nothing| Failure::Refused("no randomness for a key: give --key".to_owned()))?;
    let mut key = format!("{}-", clock::now_ms());
    for byte in bytes {
        // Writing to a text cannot fail.
        let _written = write!(key, "{byte:02x}");
    }
    Ok(key)
}

fn correct(
    connection: &mut PgConnection,
    options: &CorrectOptions,
    entry_key: &str,
) -> Result<Effect, Failure> {
    let before = locked_balance(connection, options)?;
    if let Some(posted) = posted(connection, entry_key)? {
        return as_before(&posted, options, entry_key, before);
    }
    let after = before.checked_add(options.points).ok_or_else(|| {
        Failure::Refused(format!(
            "the balance is {before}: it would not fit into 64 bits"
        ))
    })?;
    if !options.yes {
        return Ok(Effect::Shown { before, after });
    }
    if !insert(connection, options, entry_key)? {
        return Err(Failure::Refused(format!(
            "another correction took the key of {entry_key} meanwhile: look again"
        )));
    }
    let selection = json!({
        "wallet_id": options.wallet.to_string(), "points": options.points, "key": options.key,
    });
    let outcome = json!({
        "entry_key": entry_key, "balance_before": before, "balance_after": after,
    });
    record(
        connection,
        Action::Correct,
        &options.note,
        &selection,
        &outcome,
    )?;
    Ok(Effect::Applied { before, after })
}

/// Locks the wallet, as `spend` does, so that what is told is what happens. No row means 0 points.
fn locked_balance(connection: &mut PgConnection, options: &CorrectOptions) -> QueryResult<i64> {
    let found: Balance = sql_query("SELECT lock_balance($1) AS balance")
        .bind::<BigInt, _>(options.wallet.get())
        .get_result(connection)?;
    Ok(found.balance.unwrap_or(0))
}

fn posted(connection: &mut PgConnection, entry_key: &str) -> QueryResult<Option<Posted>> {
    sql_query("SELECT wallet_id, points FROM ledger_entries WHERE entry_key = $1")
        .bind::<Text, _>(entry_key)
        .get_result(connection)
        .optional()
}

fn as_before(
    posted: &Posted,
    options: &CorrectOptions,
    entry_key: &str,
    balance: i64,
) -> Result<Effect, Failure> {
    if (posted.wallet_id, posted.points) == (options.wallet.get(), options.points) {
        return Ok(Effect::AlreadyApplied { balance });
    }
    Err(Failure::Refused(format!(
        "{entry_key} was used before, for {:+} points of wallet {}: nothing was done",
        posted.points, posted.wallet_id
    )))
}

/// False when the key is taken.
fn insert(
    connection: &mut PgConnection,
    options: &CorrectOptions,
    entry_key: &str,
) -> QueryResult<bool> {
    let posted: Inserted = sql_query("SELECT post_correction($1, $2, $3) AS inserted")
        .bind::<Text, _>(entry_key)
        .bind::<BigInt, _>(options.wallet.get())
        .bind::<BigInt, _>(options.points)
        .get_result(connection)?;
    Ok(posted.inserted)
}
