//! Removing what names a person, when they ask for it. What keeps credits correct stays.

use std::collections::BTreeSet;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};
use paynow_shared::ids::WalletId;
use serde::Serialize;

use crate::actions::{Mode, Note};
use crate::database::Database;
use crate::error::DeskError;
use crate::expect::{PreviewHash, lines, others, refuse_other};
use crate::identities::{KnownIdentity, identities_of};
use crate::ids::text;
use crate::row::{One, row};

/// It reads every payload that is left, and the login may have a limit for ordinary statements.
const NO_STATEMENT_LIMIT: &str = "SET LOCAL statement_timeout TO 0";
/// The ids of what names a person, with spaces between them. No row for a number that is no customer's.
const FORGETTABLE: &str = "SELECT array_to_string(event_ids, ' ') AS events, \
         array_to_string(letter_ids, ' ') AS letters, \
         array_to_string(unsettled_letters, ' ') AS unsettled \
     FROM forgettable_ids($1) WHERE event_ids IS NOT NULL";
/// The same as this transaction has recorded it.
const FORGOTTEN: &str = "SELECT \
         array_to_string(ARRAY(SELECT jsonb_array_elements_text(outcome -> 'event_ids')), ' ') AS events, \
         array_to_string(ARRAY(SELECT jsonb_array_elements_text(outcome -> 'dead_letter_ids')), ' ') \
             AS letters, \
         array_to_string(ARRAY(SELECT jsonb_array_elements_text(outcome -> 'unsettled')), ' ') AS unsettled \
     FROM operator_actions \
     WHERE action = 'forget' AND selection @> jsonb_build_object('wallet_id', $1::text) \
         AND xmin = pg_current_xact_id()::xid \
     ORDER BY action_id DESC LIMIT 1";

row! {
    struct Ids {
        events: String,
        letters: String,
        unsettled: String,
    }
}

/// What is removed, or would be.
#[derive(Debug, Serialize)]
pub struct Forgotten {
    #[serde(serialize_with = "text")]
    pub wallet_id: i64,
    /// False for a dry run.
    pub applied: bool,
    pub identities: Vec<KnownIdentity>,
    /// Payloads of events, also of gifts, which name a second person.
    pub payloads: usize,
    /// Bodies of settled dead letters.
    pub bodies: usize,
    /// Dead letters that are open or replayed. Their bodies stay, because a replay needs them.
    pub unsettled_letters: Vec<String>,
    /// Of all of these, each by its id.
    pub expect: PreviewHash,
}

impl Forgotten {
    /// Whether there was nothing that names the person, as after an earlier call.
    pub fn is_nothing(&self) -> bool {
        self.identities.is_empty() && self.payloads == 0 && self.bodies == 0
    }

    fn of(wallet: WalletId, identities: Vec<KnownIdentity>, found: &Ids) -> (Self, [String; 4]) {
        let words = |ids: &str| -> Vec<String> {
            let words = ids.split_whitespace();
            words.map(str::to_owned).collect()
        };
        let [events, letters, unsettled] =
            [&found.events, &found.letters, &found.unsettled].map(|ids| words(ids));
        let names: Vec<String> = identities
            .iter()
            .map(|it| format!("{} {}", it.platform, it.external_id))
            .collect();
        let known = identities
            .iter()
            .map(|it| format!("{} {} {:?}", it.platform, it.external_id, it.name));
        // In an order that does not depend on when each was seen.
        let known: BTreeSet<String> = known.collect();
        let expect = PreviewHash::of([
            wallet.to_string(),
            lines(known),
            lines(&events),
            lines([letters.join(" "), unsettled.join(" ")]),
        ]);
        let mut of_letters = letters.clone();
        of_letters.extend(
            unsettled
                .iter()
                .map(|letter| format!("{letter} (not settled)")),
        );
        let told = [
            format!("another wallet is named, now {wallet}"),
            others("ids or names in games are known", &names),
            others("events name the customer", &events),
            others("dead letters name the customer", &of_letters),
        ];
        let forgotten = Self {
            wallet_id: wallet.get(),
            applied: false,
            identities,
            payloads: events.len(),
            bodies: letters.len(),
            unsettled_letters: unsettled,
            expect,
        };
        (forgotten, told)
    }
}

/// Removes it all, or only shows it; only what a preview showed if its hash is given.
pub fn forget(
    database: &Database,
    wallet: WalletId,
    note: &Note,
    mode: Mode,
    expected: Option<&PreviewHash>,
) -> Result<Forgotten, DeskError> {
    database
        .patient()
        .open_as_operator()?
        .transaction(|connection| {
            sql_query(NO_STATEMENT_LIMIT).execute(connection)?;
            let identities = identities_of(connection, wallet, true)?;
            let found = match mode {
                Mode::DryRun => ids(connection, FORGETTABLE, wallet)?,
                Mode::Apply => match remove(connection, wallet, note)? {
                    None => None,
                    Some(removed) if usize::try_from(removed) == Ok(identities.len()) => {
                        ids(connection, FORGOTTEN, wallet)?
                    }
                    Some(_other) => {
                        return Err(DeskError::Refused(
                            "an order of this customer was applied meanwhile, nothing was done: try \
                             again"
                                .to_owned(),
                        ));
                    }
                },
            };
            let found = found.ok_or_else(|| {
                DeskError::NotFound(format!(
                    "{wallet} is no customer who is known: no wallet, no order and no id in a game"
                ))
            })?;
            // After the removal, which a refusal undoes: what was removed is then known exactly.
            let (forgotten, told) = Forgotten::of(wallet, identities, &found);
            refuse_other(&forgotten.expect, expected, told)?;
            Ok(Forgotten {
                applied: mode == Mode::Apply,
                ..forgotten
            })
        })
}

fn ids(connection: &mut PgConnection, query: &str, wallet: WalletId) -> QueryResult<Option<Ids>> {
    sql_query(query)
        .bind::<BigInt, _>(wallet.get())
        .get_result(connection)
        .optional()
}

/// Returns how many ids in games were removed; `None` for a number that is no customer's.
fn remove(
    connection: &mut PgConnection,
    wallet: WalletId,
    note: &Note,
) -> QueryResult<Option<i64>> {
    let removed: Option<One<i64>> = sql_query(
        "SELECT identities AS value FROM forget_wallet($1, $2, $3) WHERE identities IS NOT NULL",
    )
    .bind::<BigInt, _>(wallet.get())
    .bind::<Text, _>(&note.by)
    .bind::<Text, _>(&note.why)
    .get_result(connection)
    .optional()?;
    Ok(removed.map(|it| it.value))
}
