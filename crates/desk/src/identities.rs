//! Who a customer is in games, and whose wallet a game's id is.

use std::str::FromStr;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};
use paynow_shared::identity::{NO_PROFILE, uuid};
use paynow_shared::ids::{InvalidId, WalletId};
use serde::Serialize;

use crate::database::{Database, times};
use crate::error::DeskError;
use crate::row::{One, row};

/// The form of a Steam id: 17 digits, of which these are the first.
const STEAM: (usize, &str) = (17, "7656119");
/// The form of an Xbox id (XUID).
const XUID: (usize, &str) = (16, "25");

row! {
    /// A customer on one platform.
    #[derive(Serialize)]
    pub struct KnownIdentity {
        pub platform: String,
        pub external_id: String,
        /// The last one seen. `None` too where the login may not read names.
        pub name: Option<String>,
        pub first_seen_at: String,
        pub last_seen_at: String,
    }
}

/// How a person names a wallet: by PayNow's customer id, or by the id that a game knows the player by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WalletName {
    /// A customer id, a Steam id or an XUID.
    Number(WalletId),
    /// With dashes.
    Uuid(String),
}

#[derive(Debug, thiserror::Error)]
#[error(
    "a wallet is named by PayNow's customer id, or by the player's UUID, Steam id or XUID; \
     `paynowctl find` searches for a name"
)]
pub struct InvalidWalletName;

impl FromStr for WalletName {
    type Err = InvalidWalletName;

    fn from_str(text: &str) -> Result<Self, InvalidWalletName> {
        let number: Result<WalletId, InvalidId> = text.parse();
        let other = || uuid(text).map(Self::Uuid);
        number
            .map(Self::Number)
            .ok()
            .or_else(other)
            .ok_or(InvalidWalletName)
    }
}

/// The wallet that is meant. A number that is no wallet's may be an id in a game.
pub fn resolve(database: &Database, name: &WalletName) -> Result<WalletId, DeskError> {
    let (number, external_id) = match name {
        WalletName::Number(id) => (Some(*id), id.to_string()),
        WalletName::Uuid(uuid) => (None, uuid.clone()),
    };
    let owners: Vec<One<i64>> = database.read(|connection| {
        sql_query(
            "SELECT wallet_id AS value FROM wallets WHERE wallet_id = $1 \
             UNION \
             SELECT wallet_id FROM customer_identities WHERE external_id = $2 AND platform <> $3 \
                 AND NOT EXISTS (SELECT FROM wallets WHERE wallet_id = $1) \
             ORDER BY value LIMIT 21",
        )
        .bind::<BigInt, _>(number.map_or(0, WalletId::get))
        .bind::<Text, _>(&external_id)
        .bind::<Text, _>(NO_PROFILE)
        .load(connection)
    })?;
    match (owners.as_slice(), number) {
        ([owner], _) => WalletId::from_i64(owner.value)
            .map_err(|error| DeskError::failed("a stored wallet id is wrong", error)),
        // What it is about is said where it is looked up.
        ([], Some(wallet)) if game_id_form(&external_id).is_none() => Ok(wallet),
        ([], _) => Err(unknown(&external_id)),
        (several, _) => Err(several_wallets(&external_id, several)),
    }
}

/// What a number looks like that is no wallet id.
fn game_id_form(number: &str) -> Option<&'static str> {
    let has = |(length, start): (usize, &str)| number.len() == length && number.starts_with(start);
    match (has(STEAM), has(XUID)) {
        (true, _) => Some("a Steam id"),
        (_, true) => Some("an XUID"),
        (false, false) => None,
    }
}

fn unknown(external_id: &str) -> DeskError {
    let form = game_id_form(external_id).unwrap_or("the UUID of a player");
    DeskError::NotFound(format!(
        "{external_id} has the form of {form}, which is no wallet id, and no customer with it is known: \
         `paynowctl find` searches for the player's name or order"
    ))
}

fn several_wallets(external_id: &str, owners: &[One<i64>]) -> DeskError {
    let wallets: Vec<String> = owners.iter().map(|it| it.value.to_string()).collect();
    DeskError::Refused(format!(
        "{external_id} belongs to several wallets, so name one of them: {}",
        wallets.join(", ")
    ))
}

/// The identities of a wallet's owner, the last seen first.
pub fn identities(database: &Database, wallet: WalletId) -> Result<Vec<KnownIdentity>, DeskError> {
    let read = |connection: &mut PgConnection, may_read_names| {
        identities_of(connection, wallet, may_read_names)
    };
    Ok(database.read_with_names(read)?)
}

pub(crate) fn identities_of(
    connection: &mut PgConnection,
    wallet: WalletId,
    may_read_names: bool,
) -> QueryResult<Vec<KnownIdentity>> {
    let name = match may_read_names {
        true => "name",
        false => "NULL::text AS name",
    };
    sql_query(format!(
        "SELECT platform, external_id, {name}, {} FROM customer_identities AS known \
         WHERE wallet_id = $1 ORDER BY known.last_seen_at DESC, platform, external_id",
        times(&["first_seen_at", "last_seen_at"])
    ))
    .bind::<BigInt, _>(wallet.get())
    .load(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wallet_is_named_by_a_number_or_a_uuid() {
        let number = |id| WalletName::Number(WalletId::from_i64(id).unwrap());
        let uuid = "0123abcd-4567-4ef0-8123-456789abcdef";
        for (text, name) in [
            ("600000000000100000", number(600_000_000_000_100_000)),
            ("76561198000000001", number(76_561_198_000_000_001)),
            (uuid, WalletName::Uuid(uuid.to_owned())),
            (
                "0123ABCD45674EF08123456789ABCDEF",
                WalletName::Uuid(uuid.to_owned()),
            ),
        ] {
            assert_eq!(text.parse::<WalletName>().unwrap(), name, "{text}");
        }
        for text in ["0", "-7", "", "Steve"] {
            assert!(text.parse::<WalletName>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_ids_of_games_have_their_forms() {
        assert_eq!(game_id_form("76561198000000001"), Some("a Steam id"));
        assert_eq!(game_id_form("2535428504476914"), Some("an XUID"));
        assert_eq!(game_id_form("600000000000100000"), None);
    }
}
