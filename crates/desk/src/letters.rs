//! The dead letters of the database, read a few at a time: a body may be a megabyte.

use std::collections::HashSet;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Integer, Nullable, Text};
use paynow_shared::event::EventType;
use paynow_shared::ids::WalletId;
use paynow_shared::reason::Reason;
use serde::Serialize;

use crate::content::{Content, Prices};
use crate::database::times;
use crate::error::DeskError;
use crate::ids;
use crate::products::prices;
use crate::row::{One, row};
use crate::selection::{Filter, LetterState, Selection};

/// How many bodies are in memory at once.
const BATCH: i64 = 64;
/// So many letters about one id are shown.
const ABOUT_MAX: i32 = 100;

row! {
    /// The part of a dead letter that `paynow_reader` may see too.
    #[derive(Clone, Serialize)]
    pub struct LetterSummary {
        #[serde(serialize_with = "ids::text")]
        pub dead_letter_id: i64,
        pub event_type: Option<String>,
        pub reason: String,
        pub error: String,
        pub state: String,
        pub secret_id: Option<String>,
        pub signed_at: Option<String>,
        pub received_at: Option<String>,
        pub attempts: i32,
        pub deaths: i32,
        pub first_dead_at: String,
        pub last_dead_at: String,
        /// Why the letter is resolved: a code.
        pub resolution: Option<String>,
        /// When retention deleted the body.
        pub body_forgotten_at: Option<String>,
    }
}

/// A dead letter without its body.
#[derive(Debug, Clone, QueryableByName, Serialize)]
pub struct Letter {
    #[diesel(embed)]
    #[serde(flatten)]
    pub summary: LetterSummary,
    #[diesel(sql_type = Text)]
    pub event_id: String,
    /// When it was discarded or resolved.
    #[diesel(sql_type = Nullable<Text>)]
    pub settled_at: Option<String>,
    #[diesel(sql_type = Binary)]
    #[serde(skip)]
    pub(crate) body_sha256: Vec<u8>,
    /// Whether it has a signature, which the worker verifies when it is replayed.
    #[diesel(sql_type = Bool)]
    pub has_signature: bool,
    /// Since it first died.
    #[diesel(sql_type = BigInt)]
    pub age_seconds: i64,
}

/// A dead letter and what its body concerns.
#[derive(Debug, Serialize)]
pub struct FoundLetter {
    #[serde(flatten)]
    pub letter: Letter,
    #[serde(flatten)]
    pub content: Content,
    /// `None` once retention has deleted it: what the letter concerned is unknown then.
    #[serde(skip)]
    pub(crate) body: Option<Vec<u8>>,
}

#[derive(QueryableByName)]
struct Stored {
    #[diesel(embed)]
    letter: Letter,
    #[diesel(sql_type = Nullable<Binary>)]
    body: Option<Vec<u8>>,
}

impl LetterSummary {
    pub(crate) fn columns() -> String {
        let times = times(&[
            "signed_at",
            "received_at",
            "first_dead_at",
            "last_dead_at",
            "body_forgotten_at",
        ]);
        format!(
            "dead_letter_id, event_type, reason, error, state, secret_id, attempts, deaths, \
             resolution, {times}"
        )
    }
}

impl LetterSummary {
    /// The letters with these numbers, lowest first.
    pub(crate) fn of_numbers(
        connection: &mut PgConnection,
        numbers: &[i64],
    ) -> QueryResult<Vec<Self>> {
        sql_query(format!(
            "SELECT {} FROM dead_letters WHERE dead_letter_id = ANY($1) ORDER BY dead_letter_id",
            Self::columns()
        ))
        .bind::<Array<BigInt>, _>(numbers)
        .load(connection)
    }
}

impl Stored {
    fn select(condition: &str) -> String {
        format!(
            "SELECT {}, event_id, {}, body_sha256, signature IS NOT NULL AS has_signature, \
                    extract(epoch FROM now() - first_dead_at)::bigint AS age_seconds, body \
             FROM dead_letters WHERE {condition}",
            LetterSummary::columns(),
            times(&["settled_at"]),
        )
    }

    fn found(self, prices: &Prices) -> FoundLetter {
        let is_settled = LetterState::is_settled(&self.letter.summary.state);
        let content = |body: &Vec<u8>| {
            let content = Content::read(body, prices);
            match is_settled {
                true => content.with_nothing_at_stake(),
                false => content,
            }
        };
        FoundLetter {
            content: self.body.as_ref().map(content).unwrap_or_default(),
            letter: self.letter,
            body: self.body,
        }
    }
}

/// Calls `visit` with every matching letter, by number; a state of `None` means every state. Returns
/// how many letters may match besides: the filter asks for something in the body, and theirs are
/// deleted. Open letters always have a body.
pub(crate) fn scan(
    connection: &mut PgConnection,
    filter: &Filter,
    state: Option<LetterState>,
    mut visit: impl FnMut(FoundLetter),
) -> QueryResult<u64> {
    let prices = prices(connection)?;
    let orders = match filter.wallet {
        Some(wallet) => orders_of(connection, wallet)?,
        None => HashSet::new(),
    };
    let needs_body = filter.wallet.is_some() || filter.order.is_some();
    let (mut last, mut undecided) = (0, 0_u64);
    loop {
        let batch = batch(connection, filter, state, last)?;
        let Some(end) = batch.last() else {
            return Ok(undecided);
        };
        last = end.letter.summary.dead_letter_id;
        for stored in batch {
            let found = stored.found(&prices);
            if needs_body && found.body.is_none() {
                undecided += 1;
            } else if content_matches(filter, &found.content, &orders) {
                visit(found);
            }
        }
    }
}

/// The next letters by number that match as far as the columns show.
fn batch(
    connection: &mut PgConnection,
    filter: &Filter,
    state: Option<LetterState>,
    after: i64,
) -> QueryResult<Vec<Stored>> {
    let sql = Stored::select(
        "dead_letter_id > $1 AND ($2 IS NULL OR state = $2) AND ($3 IS NULL OR reason = $3) \
         AND ($4 IS NULL OR event_type = $4) \
         AND ($5 IS NULL OR last_dead_at >= $5::timestamptz) \
         AND ($6 IS NULL OR last_dead_at <= now() - $6 * interval '1 second') \
         ORDER BY dead_letter_id LIMIT $7",
    );
    sql_query(sql)
        .bind::<BigInt, _>(after)
        .bind::<Nullable<Text>, _>(state.map(LetterState::code))
        .bind::<Nullable<Text>, _>(filter.reason.map(Reason::code))
        .bind::<Nullable<Text>, _>(filter.event_type.as_ref().map(EventType::as_str))
        .bind::<Nullable<Text>, _>(filter.since.as_deref())
        .bind::<Nullable<BigInt>, _>(filter.older_than_seconds.map(i64::from))
        .bind::<BigInt, _>(BATCH)
        .load(connection)
}

/// The conditions that only the body decides. A refund does not name the receiver of a gift, but its
/// order was credited to them.
fn content_matches(filter: &Filter, content: &Content, orders: &HashSet<i64>) -> bool {
    let order = content.order_id;
    let credited = order.is_some_and(|order| orders.contains(&order));
    let concerns = |wallet: WalletId| credited || content.wallet_ids.contains(&wallet.get());
    filter.wallet.is_none_or(concerns) && filter.order.is_none_or(|it| order == Some(it.get()))
}

/// The letter of a number, or else of an event id. Either may be as short as the other, so a number
/// wins; the same event may have several letters with different bodies.
pub(crate) fn named(connection: &mut PgConnection, name: &str) -> Result<FoundLetter, DeskError> {
    let number: Option<i64> = name.parse().ok();
    let mut found: Vec<Stored> = sql_query(Stored::select("dead_letter_id = $1"))
        .bind::<Nullable<BigInt>, _>(number)
        .load(connection)?;
    if found.is_empty() {
        found = sql_query(Stored::select("event_id = $1 ORDER BY dead_letter_id"))
            .bind::<Text, _>(name)
            .load(connection)?;
    }
    let numbers: Vec<String> = found
        .iter()
        .map(|stored| stored.letter.summary.dead_letter_id.to_string())
        .collect();
    let prices = prices(connection)?;
    match (found.pop(), found.is_empty()) {
        (None, _) => Err(DeskError::NotFound(format!(
            "there is no dead letter {name}: `paynowctl events show {name}` shows whether the \
             event was settled"
        ))),
        (Some(stored), true) => Ok(stored.found(&prices)),
        (Some(_last), false) => Err(DeskError::Refused(format!(
            "event {name} has several dead letters, with different bodies: name one of them by \
             its number: {}",
            numbers.join(", ")
        ))),
    }
}

/// The letters of a replay that have no outcome, by number.
pub(crate) fn unfinished_of(
    connection: &mut PgConnection,
    action_id: i64,
) -> QueryResult<Vec<Letter>> {
    let sql = Stored::select(
        "body IS NOT NULL AND dead_letter_id IN (SELECT replays.dead_letter_id FROM replays \
             WHERE action_id = $1 AND replays.state IN ('waiting', 'sent')) ORDER BY dead_letter_id",
    );
    let found: Vec<Stored> = sql_query(sql)
        .bind::<BigInt, _>(action_id)
        .load(connection)?;
    Ok(found.into_iter().map(|stored| stored.letter).collect())
}

/// The numbers of the newest letters whose body names the id.
pub(crate) fn about(connection: &mut PgConnection, id: i64) -> QueryResult<Vec<i64>> {
    let rows: Vec<One<i64>> = sql_query("SELECT letters_about($1, $2) AS value")
        .bind::<BigInt, _>(id)
        .bind::<Integer, _>(ABOUT_MAX)
        .load(connection)?;
    Ok(rows.into_iter().map(|row| row.value).collect())
}

fn orders_of(connection: &mut PgConnection, wallet: WalletId) -> QueryResult<HashSet<i64>> {
    let rows: Vec<One<i64>> = sql_query(
        "SELECT DISTINCT order_id AS value FROM ledger_entries \
         WHERE wallet_id = $1 AND order_id IS NOT NULL",
    )
    .bind::<BigInt, _>(wallet.get())
    .load(connection)?;
    Ok(rows.into_iter().map(|row| row.value).collect())
}

pub(crate) fn numbers(letters: &[Letter]) -> Vec<i64> {
    let numbers = letters.iter().map(|letter| letter.summary.dead_letter_id);
    numbers.collect()
}

/// What a preview freezes of the letters: which they are, and their deaths.
pub(crate) fn frozen(letters: &[Letter]) -> [String; 2] {
    let lines = |line: fn(&LetterSummary) -> String| {
        let lines = letters.iter().map(|letter| line(&letter.summary));
        lines.collect::<String>()
    };
    [
        lines(|letter| format!("{}\n", letter.dead_letter_id)),
        lines(|letter| format!("{} {} {}\n", letter.deaths, letter.state, letter.reason)),
    ]
}

/// The death that came last, as a sentence.
pub(crate) fn newest_death(letters: &[Letter]) -> String {
    // Times of one form and zone sort as texts.
    let newest = letters
        .iter()
        .map(|letter| &letter.summary)
        .max_by_key(|letter| &letter.last_dead_at);
    match newest {
        Some(letter) => format!(
            "a dead letter died again, the newest death is that of {} at {} of {}",
            letter.dead_letter_id, letter.last_dead_at, letter.reason
        ),
        None => "a dead letter died again".to_owned(),
    }
}

/// The selected letters by number, all of them open: an operator has already decided about any other.
/// `participle` completes the refusal, such as "discarded".
pub(crate) fn selected_open(
    connection: &mut PgConnection,
    selection: &Selection,
    participle: &str,
) -> Result<Vec<Letter>, DeskError> {
    let mut letters: Vec<Letter> = Vec::new();
    match selection {
        Selection::Matching(filter) => {
            scan(connection, filter, Some(LetterState::Open), |found| {
                letters.push(found.letter);
            })?;
        }
        Selection::Named(names) => {
            for name in names {
                letters.push(named(connection, name)?.letter);
            }
        }
    }
    // The same letter may be named by its number and by its event.
    letters.sort_by_key(|letter| letter.summary.dead_letter_id);
    letters.dedup_by_key(|letter| letter.summary.dead_letter_id);
    if letters.is_empty() {
        return Err(DeskError::NotFound(
            "no open dead letter matches: nothing was done".to_owned(),
        ));
    }
    let not_open: Vec<String> = letters
        .iter()
        .map(|letter| &letter.summary)
        .filter(|letter| letter.state != LetterState::Open.code())
        .map(|letter| format!("{} is {}", letter.dead_letter_id, letter.state))
        .collect();
    if not_open.is_empty() {
        return Ok(letters);
    }
    Err(DeskError::Refused(format!(
        "only open dead letters can be {participle}, nothing was done: {}",
        not_open.join(", ")
    )))
}
