//! What a preview of a replay freezes, and what changed since.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt};

use super::effect::{Outlook, WalletChange};
use super::plan::Plan;
use crate::database::Database;
use crate::error::DeskError;
use crate::expect::{PreviewHash, other_letters, refuse_changed};
use crate::products::newest_price;
use crate::row::One;

// The places of the parts in the hash.
const LETTERS: usize = 0;
const DEATHS: usize = 1;
const EFFECT: usize = 2;
const BALANCES: usize = 3;

/// Refuses a plan that is not the one of the preview with this hash, and says what changed in between.
pub fn refuse_unexpected(
    database: &Database,
    plan: &Plan,
    expected: &PreviewHash,
) -> Result<(), DeskError> {
    if plan.expect == *expected {
        return Ok(());
    }
    let has_changed = |part| !plan.expect.agrees(expected, part);
    if has_changed(LETTERS) {
        return refuse_changed([Some(other_letters(&plan.ids()))]);
    }
    let mut connection = database.open_as_operator()?;
    let mut told = |part: usize, tell: fn(&mut PgConnection, &Plan) -> QueryResult<String>| {
        let sentence = has_changed(part).then(|| tell(&mut connection, plan));
        sentence.transpose()
    };
    let changes = [
        told(DEATHS, newest_death)?,
        told(EFFECT, new_effect)?,
        told(BALANCES, newest_balance)?,
    ];
    refuse_changed(changes)
}

fn newest_death(connection: &mut PgConnection, plan: &Plan) -> QueryResult<String> {
    let query = format!(
        "SELECT format('%s at %s of %s', dead_letter_id, {}, reason) AS value FROM dead_letters \
         WHERE dead_letter_id = ANY ($1) ORDER BY last_dead_at DESC LIMIT 1",
        utc("last_dead_at")
    );
    let newest = newest(connection, query, plan.ids())?;
    Ok(format!(
        "a dead letter died again, the newest death is that of {newest}"
    ))
}

/// A price, an entry of the ledger or a setting is behind it; of these a price is likely.
fn new_effect(connection: &mut PgConnection, plan: &Plan) -> QueryResult<String> {
    let newest = newest_price(connection)?;
    let sum = |sum: i64, wallet: &WalletChange| sum.saturating_add(wallet.change);
    Ok(format!(
        "the effect is another, now {} applied, {} deferred, {} dead again and {:+} points; the newest \
         price is {newest}",
        plan.count(Outlook::Applied),
        plan.count(Outlook::Deferred),
        plan.count(Outlook::DeadAgain),
        plan.wallets.iter().fold(0, sum),
    ))
}

fn newest_balance(connection: &mut PgConnection, plan: &Plan) -> QueryResult<String> {
    let query = format!(
        "SELECT format('%s of wallet %s since %s', balance, wallet_id, {}) AS value FROM wallets \
         WHERE wallet_id = ANY ($1) ORDER BY updated_at DESC LIMIT 1",
        utc("updated_at")
    );
    let wallets = plan.wallets.iter().map(|wallet| wallet.wallet_id);
    let newest = newest(connection, query, wallets.collect())?;
    Ok(format!("a balance is another, the newest is {newest}"))
}

fn utc(column: &str) -> String {
    format!(r#"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"#)
}

fn newest(connection: &mut PgConnection, query: String, ids: Vec<i64>) -> QueryResult<String> {
    let row: Option<One<String>> = sql_query(query)
        .bind::<Array<BigInt>, _>(ids)
        .get_result(connection)
        .optional()?;
    Ok(row.map_or_else(|| "none".to_owned(), |row| row.value))
}
