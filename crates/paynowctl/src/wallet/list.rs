//! `wallet list`: wallets by balance.

use clap::Args;
use paynow_desk::wallet::list::{WalletFilter, WalletPlace, WalletRow, list};

use crate::arguments::PageSize;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::{self, Column, Format, Row, number, text};

#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    /// Only wallets in debt, the deepest debt first
    #[arg(long, conflicts_with_all = ["min_balance", "max_balance"])]
    debts: bool,
    /// With at least this balance
    #[arg(long, value_name = "POINTS", allow_negative_numbers = true)]
    min_balance: Option<i64>,
    /// With at most this balance
    #[arg(long, value_name = "POINTS", allow_negative_numbers = true)]
    max_balance: Option<i64>,
    /// After this place in the list: the end of the page before, as its last line says
    #[arg(long, value_name = "BALANCE:WALLET", allow_hyphen_values = true)]
    after: Option<WalletPlace>,
    #[command(flatten)]
    size: PageSize,
    #[command(flatten)]
    format: Format,
}

impl Row for WalletRow {
    const COLUMNS: &'static [Column<Self>] = &[
        text("wallet", |it| it.wallet_id.to_string()),
        number("balance", |it| it.balance.to_string()),
        text("last change", |it| it.updated_at.clone()),
    ];
}

pub(super) fn run(options: &ListOptions, config: &Config) -> Result<(), Failure> {
    let filter = match options.debts {
        true => WalletFilter::Debts,
        false => WalletFilter::Balances {
            min: options.min_balance.unwrap_or(i64::MIN),
            max: options.max_balance.unwrap_or(i64::MAX),
        },
    };
    let page = list(
        &config.database()?,
        filter,
        options.after,
        options.size.limit,
    )?;
    let place = |wallet: &WalletRow| format!("{}:{}", wallet.balance, wallet.wallet_id);
    output::page(&page, options.format, "wallet", place)
}
