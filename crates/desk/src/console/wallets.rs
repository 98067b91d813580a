//! Pages of a wallet's ledger entries.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable, Text};
use paynow_shared::ids::WalletId;
use serde::Serialize;

use crate::database::{Database, times};
use crate::error::DeskError;
use crate::page::{Page, one_more};
use crate::wallet::WalletEntry;

/// An entry, and its place in the ledger for the next page.
#[derive(Debug, QueryableByName, Serialize)]
pub struct PlacedEntry {
    #[diesel(embed)]
    #[serde(flatten)]
    pub entry: WalletEntry,
    #[diesel(sql_type = BigInt)]
    #[serde(skip)]
    pub entry_id: i64,
}

/// The newest first, with the balance after each; `after` is the place of the last one of the page before. The balances
/// are counted back from the wallet's own, so that a page reads no more of the history than is newer than its end.
/// `wallet::entries` adds up from the first entry, which shows where the balance of a broken ledger went wrong.
pub fn entries(
    database: &Database,
    wallet: WalletId,
    kind: Option<&str>,
    after: Option<i64>,
    limit: u32,
) -> Result<Page<PlacedEntry>, DeskError> {
    // The entries after one count, whatever kind they have.
    let query = format!(
        "WITH page AS MATERIALIZED ( \
             SELECT entry_id FROM ledger_entries \
             WHERE wallet_id = $1 AND entry_id < $2 AND ($3 IS NULL OR kind::text = $3) \
             ORDER BY entry_id DESC LIMIT $4) \
         SELECT entry_key, kind::text AS kind, order_id, event_id, points, entry_id, {}, \
             (coalesce((SELECT balance FROM wallets WHERE wallet_id = $1), \
                       (SELECT sum(points) FROM ledger_entries WHERE wallet_id = $1)) \
              - coalesce((SELECT sum(points) FROM ledger_entries WHERE wallet_id = $1 AND entry_id >= $2), 0) \
              - points_after)::text AS balance_after, \
             (SELECT login FROM spends WHERE spends.entry_key = entry.entry_key LIMIT 1) AS login \
         FROM (SELECT *, sum(points) OVER (ORDER BY entry_id DESC ROWS UNBOUNDED PRECEDING) - points AS points_after \
               FROM ledger_entries WHERE wallet_id = $1 AND entry_id < $2 \
                   AND entry_id >= (SELECT min(entry_id) FROM page)) AS entry \
         WHERE $3 IS NULL OR kind::text = $3 ORDER BY entry_id DESC",
        times(&["created_at"])
    );
    let rows = database.read(|connection| {
        sql_query(query)
            .bind::<BigInt, _>(wallet.get())
            .bind::<BigInt, _>(after.unwrap_or(i64::MAX))
            .bind::<Nullable<Text>, _>(kind)
            .bind::<BigInt, _>(one_more(limit))
            .load(connection)
    })?;
    Ok(Page::of(rows, limit))
}
