//! What a player has, and the ledger entries it comes from.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable, Text};
use paynow_shared::ids::WalletId;
use serde_json::{Value, json};

use crate::cli::HistoryQuery;
use crate::config::Config;
use crate::database::{read, time_text};
use crate::failure::Failure;
use crate::output::{self, Column, Format, or_dash};

#[derive(QueryableByName)]
struct Wallet {
    #[diesel(sql_type = BigInt)]
    balance: i64,
    #[diesel(sql_type = BigInt)]
    entries: i64,
    #[diesel(sql_type = Text)]
    updated_at: String,
}

#[derive(QueryableByName)]
struct Entry {
    #[diesel(sql_type = Text)]
    entry_key: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    order_id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    event_id: Option<i64>,
    #[diesel(sql_type = BigInt)]
    points: i64,
    #[diesel(sql_type = Text)]
    balance_after: String,
    #[diesel(sql_type = Text)]
    created_at: String,
}

fn unknown(wallet: WalletId) -> Failure {
    Failure::NotFound(format!(
        "there is no wallet {wallet}: nothing was credited to it yet"
    ))
}

pub(crate) fn show(wallet: WalletId, format: Format, config: &Config) -> Result<(), Failure> {
    let query = format!(
        "SELECT balance, {} AS updated_at, \
                (SELECT count(*) FROM ledger_entries e WHERE e.wallet_id = w.wallet_id) AS entries \
         FROM wallets w WHERE wallet_id = $1",
        time_text("updated_at")
    );
    let found: Option<Wallet> = read(&config.database_url()?, |connection| {
        sql_query(query)
            .bind::<BigInt, _>(wallet.get())
            .get_result(connection)
            .optional()
    })?;
    let found = found.ok_or_else(|| unknown(wallet))?;
    let in_debt = found.balance < 0;
    if format.json {
        return output::json(&json!({
            "wallet_id": wallet,
            "balance": found.balance,
            "in_debt": in_debt,
            "entries": found.entries,
            "updated_at": found.updated_at,
        }));
    }
    let debt = if in_debt { " (debt)" } else { "" };
    output::facts(&[
        ("wallet", wallet.to_string()),
        ("balance", format!("{}{debt}", found.balance)),
        ("entries", found.entries.to_string()),
        ("last change", found.updated_at),
    ])
}

pub(crate) fn history(query: &HistoryQuery, config: &Config) -> Result<(), Failure> {
    // The sum is exact even where it would not fit a balance: a broken ledger must be shown too.
    let sql = format!(
        "SELECT entry_key, kind::text AS kind, order_id, event_id, points, \
                (sum(points) OVER (ORDER BY entry_id))::text AS balance_after, {} AS created_at \
         FROM ledger_entries WHERE wallet_id = $1 ORDER BY entry_id DESC LIMIT $2",
        time_text("created_at")
    );
    let entries: Vec<Entry> = read(&config.database_url()?, |connection| {
        sql_query(sql)
            .bind::<BigInt, _>(query.wallet.get())
            .bind::<BigInt, _>(i64::from(query.limit))
            .load(connection)
    })?;
    if entries.is_empty() {
        return Err(unknown(query.wallet));
    }
    if query.format.json {
        return output::json(&entries.iter().map(row).collect());
    }
    output::table(
        &[
            Column::Text("time"),
            Column::Number("points"),
            Column::Number("balance"),
            Column::Text("kind"),
            Column::Text("order"),
            Column::Text("key"),
        ],
        entries.into_iter().map(|entry| {
            vec![
                entry.created_at,
                entry.points.to_string(),
                entry.balance_after,
                entry.kind,
                or_dash(entry.order_id),
                entry.entry_key,
            ]
        }),
    )
}

fn row(entry: &Entry) -> Value {
    json!({
        "entry_key": entry.entry_key,
        "kind": entry.kind,
        "order_id": entry.order_id.map(|id| id.to_string()),
        "event_id": entry.event_id.map(|id| id.to_string()),
        "points": entry.points,
        "balance_after": entry.balance_after.parse::<i64>().ok(),
        "created_at": entry.created_at,
    })
}
