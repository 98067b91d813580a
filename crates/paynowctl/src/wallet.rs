//! `wallet`: a player's balance and ledger entries.

use clap::Subcommand;
use paynow_desk::wallet::{WalletEntry, entries, wallet};
use paynow_shared::ids::WalletId;

use crate::config::Config;
use crate::failure::Failure;
use crate::output::{self, Column, Format, Row, number, or_dash, text};

#[derive(Debug, Subcommand)]
pub(crate) enum WalletCommand {
    /// Shows a balance
    Show {
        /// PayNow's customer id of the player
        wallet: WalletId,
        #[command(flatten)]
        format: Format,
    },
    /// Lists ledger entries, newest first, with the balance after each
    History {
        /// PayNow's customer id of the player
        wallet: WalletId,
        /// How many entries
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        #[command(flatten)]
        format: Format,
    },
}

impl Row for WalletEntry {
    const COLUMNS: &'static [Column<Self>] = &[
        text("time", |it| it.created_at.clone()),
        number("points", |it| it.points.to_string()),
        number("balance", |it| it.balance_after.clone()),
        text("kind", |it| it.kind.clone()),
        text("order", |it| or_dash(it.order_id)),
        text("key", |it| it.entry_key.clone()),
    ];
}

pub(crate) fn run(command: &WalletCommand, config: &Config) -> Result<(), Failure> {
    match command {
        WalletCommand::Show { wallet, format } => show(*wallet, *format, config),
        WalletCommand::History {
            wallet,
            limit,
            format,
        } => output::list(&entries(&config.database()?, *wallet, *limit)?, *format),
    }
}

fn show(id: WalletId, format: Format, config: &Config) -> Result<(), Failure> {
    let wallet = wallet(&config.database()?, id)?;
    if format.json {
        return output::json(&wallet);
    }
    let debt = if wallet.in_debt { " (debt)" } else { "" };
    output::facts(&[
        ("wallet", wallet.wallet_id.to_string()),
        ("balance", format!("{}{debt}", wallet.balance)),
        ("entries", wallet.entries.to_string()),
        ("last change", wallet.updated_at),
    ])
}
