//! `wallet`: a player's balance and ledger entries.

mod list;

use clap::Subcommand;
use paynow_desk::identities::{KnownIdentity, WalletName, identities, resolve};
use paynow_desk::wallet::{Wallet, WalletEntry, entries, wallet};
use serde::Serialize;

use self::list::ListOptions;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::{self, Column, Format, Row, number, or_dash, text};

#[derive(Debug, Subcommand)]
pub(crate) enum WalletCommand {
    /// Shows a balance, and who its owner is in games
    Show {
        /// PayNow's customer id of the player, or the player's UUID, Steam id or XUID
        wallet: WalletName,
        #[command(flatten)]
        format: Format,
    },
    /// Lists wallets, the highest balance first
    List(ListOptions),
    /// Lists ledger entries, newest first, with the balance after each, and which login spent points
    History {
        /// PayNow's customer id of the player, or the player's UUID, Steam id or XUID
        wallet: WalletName,
        /// How many entries
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        #[command(flatten)]
        format: Format,
    },
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    wallet: Wallet,
    identities: Vec<KnownIdentity>,
}

impl Row for WalletEntry {
    const COLUMNS: &'static [Column<Self>] = &[
        text("time", |it| it.created_at.clone()),
        number("points", |it| it.points.to_string()),
        number("balance", |it| it.balance_after.clone()),
        text("kind", |it| it.kind.clone()),
        text("order", |it| or_dash(it.order_id)),
        text("spent by", |it| or_dash(it.login.as_ref())),
        text("key", |it| it.entry_key.clone()),
    ];
}

pub(crate) fn run(command: &WalletCommand, config: &Config) -> Result<(), Failure> {
    match command {
        WalletCommand::Show { wallet, format } => show(wallet, *format, config),
        WalletCommand::List(options) => list::run(options, config),
        WalletCommand::History {
            wallet,
            limit,
            format,
        } => {
            let database = config.database()?;
            let wallet = resolve(&database, wallet)?;
            output::list(&entries(&database, wallet, *limit)?, *format)
        }
    }
}

fn show(name: &WalletName, format: Format, config: &Config) -> Result<(), Failure> {
    let database = config.database()?;
    let id = resolve(&database, name)?;
    let wallet = wallet(&database, id)?;
    let identities = identities(&database, id)?;
    if format.json {
        return output::json(&Shown { wallet, identities });
    }
    let debt = if wallet.in_debt { " (debt)" } else { "" };
    output::facts(&[
        ("wallet", wallet.wallet_id.to_string()),
        ("balance", format!("{}{debt}", wallet.balance)),
        ("entries", wallet.entries.to_string()),
        ("last change", wallet.updated_at),
    ])?;
    output::titled_table("known as", &identities)
}
