//! Finds whatever a person holds in hand: an id of any kind, an entry key, or what a game calls a player.

mod ids_of_players;
mod look;
mod paynow;

use std::borrow::Cow;

use serde::Serialize;
use strum::IntoStaticStr;

use crate::database::Database;
use crate::error::DeskError;

pub use ids_of_players::as_uuid;
pub use paynow::PlayersAtPayNow;

/// How many hits of one kind are shown.
pub const HITS_MAX: u32 = 20;

/// What a hit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    Wallet,
    Player,
    Event,
    WaitingEvent,
    Order,
    LedgerEntry,
    Refund,
    Chargeback,
    Payment,
    DeadLetter,
    OperatorAction,
    Product,
}

impl Kind {
    pub fn code(self) -> &'static str {
        self.into()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    pub kind: Kind,
    /// Its id, number or key.
    pub id: String,
    /// What it belongs to, and is shown with: an order or a wallet.
    pub shown_with: Option<i64>,
    /// In words.
    pub detail: String,
}

/// What was looked for, or why it was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Searched {
    pub what: &'static str,
    pub left_out_because: Option<Cow<'static, str>>,
}

#[derive(Debug)]
pub struct Found {
    pub searched: Vec<Searched>,
    pub hits: Vec<Hit>,
    /// Whether one kind has more hits than are listed.
    pub has_more: bool,
    /// What `PayNow` was asked for, if it was.
    pub at_paynow: AtPayNow,
}

/// Whether `PayNow` was asked for a player.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtPayNow {
    NotAsked,
    Answered,
    /// `searched` says why.
    NotAnswered,
}

impl Found {
    /// "wallet; event; order; not as player name: this login may not read names"
    pub fn searched_text(&self) -> String {
        let done = self
            .searched
            .iter()
            .filter(|it| it.left_out_because.is_none());
        let done: Vec<&str> = done.map(|it| it.what).collect();
        let left_out = self.searched.iter().filter_map(|it| {
            let why = it.left_out_because.as_ref()?;
            Some(format!("; not as {}: {why}", it.what))
        });
        format!("{}{}", done.join("; "), left_out.collect::<String>())
    }

    /// Refuses to be nothing.
    pub fn something(self, asked: &str) -> Result<Self, DeskError> {
        if !self.hits.is_empty() {
            return Ok(self);
        }
        Err(DeskError::NotFound(format!(
            "nothing is recorded under {}; searched as {}. What waits in the queue is not searched",
            asked.trim(),
            self.searched_text()
        )))
    }
}

/// Tries a text as each thing that it could be. A player whom no order has named is asked of `PayNow`, by whoever
/// may see names, once the database has answered: its silence hides nothing that the database knows.
pub fn find(
    database: &Database,
    text: &str,
    players: Option<&PlayersAtPayNow>,
) -> Result<Found, DeskError> {
    let text = text.trim();
    if text.contains('@') {
        return Err(DeskError::NotFound(
            "e-mail addresses are not stored where anything can be searched by them: ask for the order's \
             id, the player's name in the game, or the id that the game knows the player by"
                .to_owned(),
        ));
    }
    let looked = database.read_with_names(|connection, may_read_names| {
        look::look(connection, text, may_read_names)
    })?;
    let mut found = looked.found;
    if let Some(players) = players.filter(|_set| looked.may_read_names && !looked.knows_player) {
        players.add(database, text, &mut found)?;
    }
    Ok(found)
}
