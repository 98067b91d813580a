//! Frozen previews: what was shown is what is replayed, or nothing.

use std::collections::BTreeMap;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Integer, Text};
use paynow_worker::decide::Policy;
use serde::Serialize;
use serde_json::Value;

use super::database::ConsoleDatabase;
use super::letters::count;
use super::permit::{Permit, right};
use crate::database::{Database, times};
use crate::error::DeskError;
use crate::ids;
use crate::replay::{Plan, PlannedLetter, PreviewedReplay, Replay, WalletChange, plan};
use crate::row::{One, row};
use crate::selection::{LetterState, Selection};
use crate::ticket::Ticket;

/// After so long somebody must look again.
const SECONDS_MAX: i64 = 15 * 60;
/// What one preview may hold, as the table does (`replay_previews_bounded`).
const LETTERS_MAX: u32 = 100_000;

row! {
    struct Stored {
        preview_id: i64,
        made_by: String,
        made_at: String,
        age_seconds: i64,
        letters: i64,
        selection: String,
        effect: String,
        expect: String,
        without_proof: bool,
        action_id: Option<i64>,
    }

    /// A letter of a preview, then and now.
    struct FrozenLetter {
        dead_letter_id: i64,
        deaths_before: i32,
        deaths: i32,
        state: String,
        reason: String,
        last_dead_at: String,
    }

    struct Deaths {
        dead_letter_id: i64,
        deaths: i32,
    }
}

/// What was shown, and to whom.
#[derive(Debug, Serialize)]
pub struct Preview {
    #[serde(serialize_with = "ids::text")]
    pub preview_id: i64,
    pub made_by: String,
    pub made_at: String,
    pub age_seconds: i64,
    /// Nobody may go on with it any more.
    pub is_too_old: bool,
    pub letters: i64,
    /// As `paynowctl dead replay --expect` takes it.
    pub expect: String,
    pub without_proof: bool,
    pub selection: Value,
    /// The document of a `Plan`: letters, wallets and their balances.
    pub effect: Value,
    /// The replay that was begun with it.
    #[serde(serialize_with = "ids::optional")]
    pub action_id: Option<i64>,
}

/// Something that is no longer as it was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub what: Changed,
    /// The number of the letter or the id of the wallet; empty for the whole.
    pub about: String,
    pub before: String,
    pub now: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Changed {
    /// A letter of the preview died once more.
    DiedAgain,
    /// A letter of the preview is not open any more.
    NotOpen,
    /// A letter matches that did not.
    Appeared,
    /// What would become of a letter, or the points that it would give: a price, a setting or the ledger.
    Effect,
    /// A wallet has other points than then.
    Balance,
}

/// Why somebody goes on, and for which case.
pub struct Because<'a> {
    pub why: &'a str,
    pub ticket: Option<Ticket>,
}

/// What became of a decision to go on.
pub enum Went {
    Begun(Replay),
    /// The same preview began a replay before, as of a form that was sent twice.
    Already {
        action_id: i64,
    },
    /// Nothing was done.
    Changed(Vec<Difference>),
    /// Nothing was done: it is older than 15 minutes.
    TooOld,
}

/// Foresees a replay and keeps what was foreseen. `policy` must be the worker's.
pub fn make(
    console: &ConsoleDatabase,
    permit: &Permit<right::Replay>,
    selection: &Selection,
    policy: &Policy,
    without_proof: bool,
) -> Result<(i64, Plan), DeskError> {
    let database = console.seat(permit);
    refuse_too_many(&database, selection, LETTERS_MAX)?;
    let plan = plan(&database, selection, policy, without_proof)?;
    let numbers: Vec<i64> = plan.letters.iter().map(|it| it.dead_letter_id).collect();
    let deaths = database.read(|connection| deaths_of(connection, &numbers))?;
    let effect = serde_json::to_string(&plan)
        .map_err(|error| DeskError::failed("the preview cannot be written", error))?;
    let stored: One<i64> =
        sql_query("SELECT store_preview($1, $2::jsonb, $3, $4, $5, $6, $7::jsonb) AS value")
            .bind::<Binary, _>(permit.session().as_bytes())
            .bind::<Text, _>(selection.document().to_string())
            .bind::<Array<BigInt>, _>(&numbers)
            .bind::<Array<Integer>, _>(deaths)
            .bind::<Bool, _>(without_proof)
            .bind::<Text, _>(plan.expect.as_str())
            .bind::<Text, _>(effect)
            .get_result(&mut database.patient().open_as_operator()?)?;
    Ok((stored.value, plan))
}

/// Refuses what one page cannot show, before every letter of it is read and its effect foreseen.
pub fn refuse_too_many(
    database: &Database,
    selection: &Selection,
    most: u32,
) -> Result<(), DeskError> {
    let Selection::Matching(filter) = selection else {
        return Ok(());
    };
    let open = Some(LetterState::Open);
    if count(&database.patient(), filter, open, most)? <= i64::from(most) {
        return Ok(());
    }
    Err(DeskError::Refused(format!(
        "more than {most} dead letters match, and one preview holds {most} at most: choose fewer"
    )))
}

/// In the order of the numbers.
fn deaths_of(connection: &mut PgConnection, numbers: &[i64]) -> QueryResult<Vec<i32>> {
    let rows: Vec<Deaths> = sql_query(
        "SELECT dead_letter_id, deaths FROM dead_letters WHERE dead_letter_id = ANY ($1)",
    )
    .bind::<Array<BigInt>, _>(numbers)
    .load(connection)?;
    let rows = rows.iter().map(|row| (row.dead_letter_id, row.deaths));
    let deaths: BTreeMap<i64, i32> = rows.collect();
    let of = |number: &i64| deaths.get(number).copied().unwrap_or_default();
    Ok(numbers.iter().map(of).collect())
}

/// The preview with this number.
pub fn of(database: &Database, preview_id: i64) -> Result<Preview, DeskError> {
    let query = format!(
        "SELECT preview_id, made_by, {}, selection::text AS selection, effect::text AS effect, expect, \
                extract(epoch FROM now() - preview.made_at)::bigint AS age_seconds, \
                cardinality(letters)::bigint AS letters, without_proof, action_id \
         FROM replay_previews AS preview WHERE preview_id = $1",
        times(&["made_at"])
    );
    let found: Option<Stored> = database.read(|connection| {
        sql_query(query)
            .bind::<BigInt, _>(preview_id)
            .get_result(connection)
            .optional()
    })?;
    let stored = found.ok_or_else(|| {
        DeskError::NotFound(format!(
            "there is no preview {preview_id}: those that nobody went on with are kept for a day, and others for 90"
        ))
    })?;
    let document = |text: &str| {
        serde_json::from_str(text)
            .map_err(|error| DeskError::failed("the preview cannot be read", error))
    };
    Ok(Preview {
        preview_id: stored.preview_id,
        made_by: stored.made_by,
        made_at: stored.made_at,
        age_seconds: stored.age_seconds,
        is_too_old: stored.age_seconds >= SECONDS_MAX,
        letters: stored.letters,
        expect: stored.expect,
        without_proof: stored.without_proof,
        selection: document(&stored.selection)?,
        effect: document(&stored.effect)?,
        action_id: stored.action_id,
    })
}

/// Begins exactly the replay that the preview showed. The caller runs it, in a thread of its own.
pub fn go(
    console: &ConsoleDatabase,
    permit: &Permit<right::Replay>,
    preview_id: i64,
    policy: &Policy,
    because: Because<'_>,
) -> Result<Went, DeskError> {
    let Because { why, ticket } = because;
    let database = console.seat(permit);
    let preview = of(&database, preview_id)?;
    if let Some(action_id) = preview.action_id {
        return Ok(Went::Already { action_id });
    }
    if preview.is_too_old {
        return Ok(Went::TooOld);
    }
    let selection = Selection::of_document(&preview.selection).ok_or_else(|| {
        DeskError::Refused("the preview is of another version: look again".to_owned())
    })?;
    let mut differences = database.read(|connection| letters_changed(connection, preview_id))?;
    let now = match plan(&database, &selection, policy, preview.without_proof) {
        Ok(now) if now.expect.as_str() == preview.expect => now.with_ticket(ticket),
        Ok(now) => {
            differences.extend(appeared(&now.letters, &preview.effect));
            differences.extend(effects(&now.letters, &preview.effect));
            differences.extend(balances(&now.wallets, &preview.effect));
            return Ok(Went::Changed(differences));
        }
        // None of its letters is open any more, or one that was chosen by name is not.
        Err(DeskError::Refused(_) | DeskError::NotFound(_)) if !differences.is_empty() => {
            return Ok(Went::Changed(differences));
        }
        Err(error) => return Err(error),
    };
    let begin = PreviewedReplay {
        session: permit.session().as_bytes().to_vec(),
        preview_id,
        why: why.to_owned(),
    };
    let started = Replay::start_previewed(&database, &begin, &now, permit.note(why))?;
    Ok(match started {
        Ok(replay) => Went::Begun(replay),
        Err(action_id) => Went::Already { action_id },
    })
}

/// The letters that died again or are not open any more.
fn letters_changed(connection: &mut PgConnection, preview_id: i64) -> QueryResult<Vec<Difference>> {
    let letters: Vec<FrozenLetter> = sql_query(format!(
        "SELECT letter.dead_letter_id, frozen.deaths AS deaths_before, letter.deaths, state, reason, {} \
         FROM replay_previews AS preview, \
             LATERAL unnest(preview.letters, preview.deaths) AS frozen (dead_letter_id, deaths) \
             JOIN dead_letters AS letter ON letter.dead_letter_id = frozen.dead_letter_id \
         WHERE preview_id = $1 AND (letter.deaths <> frozen.deaths OR state <> 'open') \
         ORDER BY letter.dead_letter_id",
        times(&["last_dead_at"])
    ))
    .bind::<BigInt, _>(preview_id)
    .load(connection)?;
    let open: &'static str = LetterState::Open.into();
    Ok(letters
        .into_iter()
        .map(|letter| {
            let about = letter.dead_letter_id.to_string();
            if letter.state == open {
                Difference {
                    what: Changed::DiedAgain,
                    about,
                    before: format!("{} deaths", letter.deaths_before),
                    now: format!(
                        "{} deaths, the last at {} of {}",
                        letter.deaths, letter.last_dead_at, letter.reason
                    ),
                }
            } else {
                Difference {
                    what: Changed::NotOpen,
                    about,
                    before: open.to_owned(),
                    now: letter.state,
                }
            }
        })
        .collect())
}

fn shown<'a>(effect: &'a Value, list: &str, id: &str) -> BTreeMap<&'a str, &'a Value> {
    let rows = effect.get(list).and_then(Value::as_array);
    let rows = rows.into_iter().flatten();
    rows.filter_map(|row| Some((row.get(id)?.as_str()?, row)))
        .collect()
}

fn appeared(letters: &[PlannedLetter], before: &Value) -> Vec<Difference> {
    let shown = shown(before, "letters", "dead_letter_id");
    letters
        .iter()
        .map(|letter| (letter.dead_letter_id.to_string(), &letter.died_of))
        .filter(|(number, _reason)| !shown.contains_key(number.as_str()))
        .map(|(about, reason)| Difference {
            what: Changed::Appeared,
            about,
            before: "not there".to_owned(),
            now: format!("dead of {reason}"),
        })
        .collect()
}

fn effects(letters: &[PlannedLetter], before: &Value) -> Vec<Difference> {
    let shown = shown(before, "letters", "dead_letter_id");
    let words = |row: &Value| {
        let field = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
        let points = row
            .get("points")
            .and_then(Value::as_i64)
            .unwrap_or_default();
        let [would_be, because] = ["would_be", "because"].map(field);
        format!("{would_be} {because} {points:+}").replace("  ", " ")
    };
    let changes = letters.iter().filter_map(|letter| {
        let about = letter.dead_letter_id.to_string();
        let before = words(shown.get(about.as_str())?);
        let now = words(&serde_json::to_value(letter).ok()?);
        (before != now).then_some(Difference {
            what: Changed::Effect,
            about,
            before,
            now,
        })
    });
    changes.collect()
}

fn balances(wallets: &[WalletChange], before: &Value) -> Vec<Difference> {
    let shown = shown(before, "wallets", "wallet_id");
    let changes = wallets.iter().filter_map(|wallet| {
        let about = wallet.wallet_id.to_string();
        let before = shown.get(about.as_str())?.get("balance")?.as_i64()?;
        (before != wallet.balance).then(|| Difference {
            what: Changed::Balance,
            about,
            before: before.to_string(),
            now: wallet.balance.to_string(),
        })
    });
    changes.collect()
}
