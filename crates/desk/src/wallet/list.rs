//! Lists of wallets by balance.

use std::str::FromStr;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::BigInt;
use paynow_shared::ids::WalletId;
use serde::Serialize;

use crate::database::{Database, times};
use crate::error::DeskError;
use crate::ids;
use crate::page::{Page, one_more};
use crate::row::row;

row! {
    #[derive(Serialize)]
    pub struct WalletRow {
        #[serde(serialize_with = "ids::text")]
        pub wallet_id: i64,
        pub balance: i64,
        pub in_debt: bool,
        pub updated_at: String,
    }
}

/// Which wallets, and in which order.
#[derive(Debug, Clone, Copy)]
pub enum WalletFilter {
    /// The deepest debt first.
    Debts,
    /// The highest balance first.
    Balances { min: i64, max: i64 },
}

/// A place in a list: after this balance and wallet. Written as `<balance>:<wallet>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalletPlace {
    balance: i64,
    wallet_id: i64,
}

#[derive(Debug, thiserror::Error)]
#[error("a place in the list is <balance>:<wallet>, as the last line of a page says")]
pub struct InvalidPlace;

impl FromStr for WalletPlace {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let (balance, wallet) = text.split_once(':').ok_or(InvalidPlace)?;
        let wallet: WalletId = wallet.parse().map_err(|_not_an_id| InvalidPlace)?;
        Ok(Self {
            balance: balance.parse().map_err(|_not_a_number| InvalidPlace)?,
            wallet_id: wallet.get(),
        })
    }
}

pub fn list(
    database: &Database,
    filter: WalletFilter,
    after: Option<WalletPlace>,
    limit: u32,
) -> Result<Page<WalletRow>, DeskError> {
    let (range, order, start) = match filter {
        WalletFilter::Debts => (
            "balance < 0 AND (balance, wallet_id) > ($1, $2) AND balance BETWEEN $3 AND $4",
            "ASC",
            i64::MIN,
        ),
        WalletFilter::Balances { .. } => (
            "(balance, wallet_id) < ($1, $2) AND balance BETWEEN $3 AND $4",
            "DESC",
            i64::MAX,
        ),
    };
    let (min, max) = match filter {
        WalletFilter::Debts => (i64::MIN, -1),
        WalletFilter::Balances { min, max } => (min, max),
    };
    let start = WalletPlace {
        balance: start,
        wallet_id: start,
    };
    let after = after.unwrap_or(start);
    let query = format!(
        "SELECT wallet_id, balance, balance < 0 AS in_debt, {} FROM wallets WHERE {range} \
         ORDER BY balance {order}, wallet_id {order} LIMIT $5",
        times(&["updated_at"])
    );
    let rows = database.read(|connection| {
        sql_query(query)
            .bind::<BigInt, _>(after.balance)
            .bind::<BigInt, _>(after.wallet_id)
            .bind::<BigInt, _>(min)
            .bind::<BigInt, _>(max)
            .bind::<BigInt, _>(one_more(limit))
            .load(connection)
    })?;
    Ok(Page::of(rows, limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_a_balance_and_a_wallet() {
        let place: WalletPlace = "-5:7".parse().unwrap();
        assert_eq!((place.balance, place.wallet_id), (-5, 7));
        for text in ["7", ":7", "5:", "5:-7", "x:7"] {
            assert!(text.parse::<WalletPlace>().is_err(), "{text}");
        }
    }
}
