//! Dead letters as they are kept, a few at a time: a body may be a megabyte, and there may be many.

use std::collections::HashSet;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Integer, Nullable, Text};
use paynow_shared::event::EventType;
use paynow_shared::ids::{ProductId, WalletId};
use paynow_shared::points::Points;
use paynow_shared::reason::Reason;
use serde_json::{Value, json};

use super::about::{About, Products};
use crate::cli::Filter;
use crate::database::time_text;
use crate::failure::Failure;

/// How many bodies are in memory at once.
const BATCH: i64 = 64;

/// A dead letter without its body.
#[derive(Debug, QueryableByName)]
pub(super) struct Letter {
    #[diesel(sql_type = BigInt)]
    pub(super) dead_letter_id: i64,
    #[diesel(sql_type = Text)]
    pub(super) event_id: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) event_type: Option<String>,
    #[diesel(sql_type = Text)]
    pub(super) reason: String,
    #[diesel(sql_type = Text)]
    pub(super) error: String,
    #[diesel(sql_type = Text)]
    pub(super) state: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) secret_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) signed_at: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) received_at: Option<String>,
    #[diesel(sql_type = Integer)]
    pub(super) attempts: i32,
    #[diesel(sql_type = Integer)]
    pub(super) deaths: i32,
    #[diesel(sql_type = Text)]
    pub(super) first_dead_at: String,
    #[diesel(sql_type = Text)]
    pub(super) last_dead_at: String,
    /// When it was discarded or resolved.
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) settled_at: Option<String>,
    /// Why it is resolved.
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) resolution: Option<String>,
    #[diesel(sql_type = Binary)]
    pub(super) body_sha256: Vec<u8>,
    /// Set when there is no body any more.
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) body_forgotten_at: Option<String>,
    /// Since it died first.
    #[diesel(sql_type = BigInt)]
    pub(super) age_seconds: i64,
}

/// A dead letter with its body, and what the body is about.
pub(super) struct Read {
    pub(super) letter: Letter,
    /// `None` once retention has deleted it: nobody can tell then what it was about.
    pub(super) body: Option<Vec<u8>>,
    pub(super) about: About,
}

#[derive(QueryableByName)]
struct Stored {
    #[diesel(embed)]
    letter: Letter,
    #[diesel(sql_type = Nullable<Binary>)]
    body: Option<Vec<u8>>,
}

#[derive(QueryableByName)]
struct Product {
    #[diesel(sql_type = BigInt)]
    product_id: i64,
    #[diesel(sql_type = BigInt)]
    points: i64,
}

#[derive(QueryableByName)]
struct Order {
    #[diesel(sql_type = BigInt)]
    order_id: i64,
}

fn select(condition: &str) -> String {
    format!(
        "SELECT dead_letter_id, event_id, event_type, reason, error, state, secret_id, \
                {} AS signed_at, {} AS received_at, attempts, deaths, \
                {} AS first_dead_at, {} AS last_dead_at, {} AS settled_at, resolution, \
                body_sha256, {} AS body_forgotten_at, \
                extract(epoch FROM now() - first_dead_at)::bigint AS age_seconds, body \
         FROM dead_letters WHERE {condition}",
        time_text("signed_at"),
        time_text("received_at"),
        time_text("first_dead_at"),
        time_text("last_dead_at"),
        time_text("settled_at"),
        time_text("body_forgotten_at")
    )
}

/// Shows every letter that is meant to `look`, by number; a state of `None` means all of them. Gives
/// the number of letters of which nobody can tell whether they are meant, because the filter asks for
/// what stood in a body that is deleted. Open letters always have theirs.
pub(super) fn scan(
    connection: &mut PgConnection,
    filter: &Filter,
    state: Option<&str>,
    mut look: impl FnMut(Read),
) -> QueryResult<u64> {
    let products = products(connection)?;
    let orders = match filter.wallet {
        Some(wallet) => orders_of(connection, wallet)?,
        None => HashSet::new(),
    };
    let asks_the_body = filter.wallet.is_some() || filter.order.is_some();
    let (mut last, mut untold) = (0, 0_u64);
    loop {
        let batch = batch(connection, filter, state, last)?;
        let Some(end) = batch.last() else {
            return Ok(untold);
        };
        last = end.letter.dead_letter_id;
        for stored in batch {
            let read = read(stored, &products);
            if asks_the_body && read.body.is_none() {
                untold += 1;
            } else if is_meant(filter, &read.about, &orders) {
                look(read);
            }
        }
    }
}

/// The next letters by number that have what the table itself can tell.
fn batch(
    connection: &mut PgConnection,
    filter: &Filter,
    state: Option<&str>,
    after: i64,
) -> QueryResult<Vec<Stored>> {
    let sql = select(
        "dead_letter_id > $1 AND ($2 IS NULL OR state = $2) AND ($3 IS NULL OR reason = $3) \
         AND ($4 IS NULL OR event_type = $4) \
         AND ($5 IS NULL OR last_dead_at >= $5::timestamptz) \
         AND ($6 IS NULL OR last_dead_at <= now() - $6 * interval '1 second') \
         ORDER BY dead_letter_id LIMIT $7",
    );
    sql_query(sql)
        .bind::<BigInt, _>(after)
        .bind::<Nullable<Text>, _>(state)
        .bind::<Nullable<Text>, _>(filter.reason.map(Reason::code))
        .bind::<Nullable<Text>, _>(filter.event_type.as_ref().map(EventType::as_str))
        .bind::<Nullable<Text>, _>(filter.since.as_deref())
        .bind::<Nullable<BigInt>, _>(filter.older_than.map(i64::from))
        .bind::<BigInt, _>(BATCH)
        .load(connection)
}

/// The rest of the filter, which only the body can tell. A refund does not name the receiver of a
/// gift, but its order was credited to them.
fn is_meant(filter: &Filter, about: &About, orders: &HashSet<i64>) -> bool {
    let credited = about.order.is_some_and(|order| orders.contains(&order));
    filter
        .wallet
        .is_none_or(|wallet| credited || about.wallets.contains(&wallet.get()))
        && filter
            .order
            .is_none_or(|order| about.order == Some(order.get()))
}

/// The letter of a number, or else of an event id. Either may be as short as the other, so a number
/// wins; the same event may have several letters with different bodies.
pub(super) fn named(connection: &mut PgConnection, name: &str) -> Result<Read, Failure> {
    let number: Option<i64> = name.parse().ok();
    let mut found: Vec<Stored> = sql_query(select("dead_letter_id = $1"))
        .bind::<Nullable<BigInt>, _>(number)
        .load(connection)?;
    if found.is_empty() {
        found = sql_query(select("event_id = $1 ORDER BY dead_letter_id"))
            .bind::<Text, _>(name)
            .load(connection)?;
    }
    let numbers: Vec<String> = found
        .iter()
        .map(|stored| stored.letter.dead_letter_id.to_string())
        .collect();
    let products = products(connection)?;
    match (found.pop(), found.is_empty()) {
        (None, _) => Err(Failure::NotFound(format!(
            "there is no dead letter {name}: `paynowctl events show {name}` tells whether the \
             event was settled"
        ))),
        (Some(stored), true) => Ok(read(stored, &products)),
        (Some(_last), false) => Err(Failure::Refused(format!(
            "event {name} has several dead letters, with different bodies: name one of them by \
             its number: {}",
            numbers.join(", ")
        ))),
    }
}

fn read(stored: Stored, products: &Products) -> Read {
    let about = |body: &Vec<u8>| About::read(body, products);
    Read {
        about: stored.body.as_ref().map(about).unwrap_or_default(),
        letter: stored.letter,
        body: stored.body,
    }
}

fn products(connection: &mut PgConnection) -> QueryResult<Products> {
    let rows: Vec<Product> =
        sql_query("SELECT product_id, points FROM products").load(connection)?;
    // A product of another shape than an id can be in no order.
    let known = |row: Product| {
        let product = ProductId::from_i64(row.product_id).ok()?;
        Some((product, Points::new(row.points)))
    };
    Ok(rows.into_iter().filter_map(known).collect())
}

fn orders_of(connection: &mut PgConnection, wallet: WalletId) -> QueryResult<HashSet<i64>> {
    let rows: Vec<Order> = sql_query(
        "SELECT DISTINCT order_id FROM ledger_entries \
         WHERE wallet_id = $1 AND order_id IS NOT NULL",
    )
    .bind::<BigInt, _>(wallet.get())
    .load(connection)?;
    Ok(rows.into_iter().map(|row| row.order_id).collect())
}

impl Read {
    /// All but the body.
    pub(super) fn document(&self) -> Value {
        let (letter, about) = (&self.letter, &self.about);
        let wallets = about.wallets.iter().map(i64::to_string);
        json!({
            "dead_letter_id": letter.dead_letter_id.to_string(),
            "event_id": letter.event_id,
            "event_type": letter.event_type,
            "reason": letter.reason,
            "error": letter.error,
            "state": letter.state,
            "order_id": about.order.map(|order| order.to_string()),
            "wallet_ids": wallets.collect::<Vec<String>>(),
            "points_at_stake": about.stake.map(Points::get),
            "secret_id": letter.secret_id,
            "signed_at": letter.signed_at,
            "received_at": letter.received_at,
            "attempts": letter.attempts,
            "deaths": letter.deaths,
            "first_dead_at": letter.first_dead_at,
            "last_dead_at": letter.last_dead_at,
            "settled_at": letter.settled_at,
            "resolution": letter.resolution,
            "body_forgotten_at": letter.body_forgotten_at,
            "age_seconds": letter.age_seconds,
        })
    }

    pub(super) fn stake_text(&self) -> String {
        self.about
            .stake
            .map_or_else(|| "unknown".to_owned(), |points| points.to_string())
    }
}

/// What an operator does to letters is done to open ones only: the rest is somebody's decision already.
pub(super) fn check_open(letters: &[Letter], to_be: &str) -> Result<(), Failure> {
    let not_open: Vec<String> = letters
        .iter()
        .filter(|letter| letter.state != "open")
        .map(|letter| format!("{} is {}", letter.dead_letter_id, letter.state))
        .collect();
    if not_open.is_empty() {
        return Ok(());
    }
    Err(Failure::Refused(format!(
        "only open dead letters can be {to_be}, nothing was done: {}",
        not_open.join(", ")
    )))
}

/// The letters an operator means: by name, or else the open ones that the filter finds.
pub(super) fn chosen(
    connection: &mut PgConnection,
    names: &[String],
    filter: &Filter,
) -> Result<Vec<Letter>, Failure> {
    let mut letters: Vec<Letter> = Vec::new();
    if names.is_empty() {
        scan(connection, filter, Some("open"), |read| {
            letters.push(read.letter);
        })?;
    }
    for name in names {
        letters.push(named(connection, name)?.letter);
    }
    // The same letter may be named by its number and by its event.
    letters.sort_by_key(|letter| letter.dead_letter_id);
    letters.dedup_by_key(|letter| letter.dead_letter_id);
    if letters.is_empty() {
        return Err(Failure::NotFound(
            "no open dead letter is like that: nothing was done".to_owned(),
        ));
    }
    Ok(letters)
}
