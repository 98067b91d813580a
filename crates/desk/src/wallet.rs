//! A player's balance, and the ledger entries that it is the sum of.

pub mod list;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::BigInt;
use paynow_shared::ids::WalletId;
use serde::{Serialize, Serializer};

use crate::database::{Database, times};
use crate::error::DeskError;
use crate::ids;
use crate::row::row;

row! {
    #[derive(Serialize)]
    pub struct Wallet {
        #[serde(serialize_with = "ids::text")]
        pub wallet_id: i64,
        pub balance: i64,
        pub in_debt: bool,
        /// How many ledger entries the wallet has.
        pub entries: i64,
        pub updated_at: String,
    }

    #[derive(Serialize)]
    pub struct WalletEntry {
        pub entry_key: String,
        pub kind: String,
        #[serde(serialize_with = "ids::optional")]
        pub order_id: Option<i64>,
        #[serde(serialize_with = "ids::optional")]
        pub event_id: Option<i64>,
        /// Which login spent the points, or gave them back; `None` for other kinds, and for a spend from
        /// before it was recorded.
        pub login: Option<String>,
        pub points: i64,
        /// Exact even where the sum does not fit into 64 bits: a broken ledger must be shown too. Null in
        /// JSON then.
        #[serde(serialize_with = "number_or_null")]
        pub balance_after: String,
        pub created_at: String,
    }
}

fn number_or_null<S: Serializer>(number: &str, to: S) -> Result<S::Ok, S::Error> {
    number.parse::<i64>().ok().serialize(to)
}

pub fn wallet(database: &Database, wallet: WalletId) -> Result<Wallet, DeskError> {
    let query = format!(
        "SELECT wallet_id, balance, balance < 0 AS in_debt, {}, \
                (SELECT count(*) FROM ledger_entries e WHERE e.wallet_id = w.wallet_id) AS entries \
         FROM wallets w WHERE wallet_id = $1",
        times(&["updated_at"])
    );
    let found: Option<Wallet> = database.read(|connection| {
        sql_query(query)
            .bind::<BigInt, _>(wallet.get())
            .get_result(connection)
            .optional()
    })?;
    found.ok_or_else(|| unknown(wallet))
}

/// The newest ledger entries, newest first.
pub fn entries(
    database: &Database,
    wallet: WalletId,
    limit: u32,
) -> Result<Vec<WalletEntry>, DeskError> {
    let query = format!(
        "SELECT entry.*, (SELECT login FROM spends WHERE spends.entry_key = entry.entry_key LIMIT 1) AS login \
         FROM (SELECT entry_id, entry_key, kind::text AS kind, order_id, event_id, points, \
                      (sum(points) OVER (ORDER BY entry_id))::text AS balance_after, {} \
               FROM ledger_entries WHERE wallet_id = $1 ORDER BY entry_id DESC LIMIT $2) AS entry \
         ORDER BY entry_id DESC",
        times(&["created_at"])
    );
    let entries: Vec<WalletEntry> = database.read(|connection| {
        sql_query(query)
            .bind::<BigInt, _>(wallet.get())
            .bind::<BigInt, _>(i64::from(limit))
            .load(connection)
    })?;
    if entries.is_empty() {
        return Err(unknown(wallet));
    }
    Ok(entries)
}

fn unknown(wallet: WalletId) -> DeskError {
    DeskError::NotFound(format!(
        "there is no wallet {wallet}: nothing was credited to it yet"
    ))
}
