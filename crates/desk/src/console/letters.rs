//! Lists of dead letters that read no bodies: what a letter concerns is in columns of its own.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_query;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use paynow_shared::event::EventType;
use paynow_shared::ids::{OrderId, WalletId};
use paynow_shared::reason::Reason;
use serde::{Serialize, Serializer};

use crate::actions::{LetterAction, about_letter};
use crate::database::Database;
use crate::error::DeskError;
use crate::ids;
use crate::letters::LetterSummary;
use crate::list::ReasonGroup;
use crate::page::{Page, one_more};
use crate::row::row;
use crate::selection::{Filter, LetterState};

/// A letter of a list.
#[derive(Debug, QueryableByName, Serialize)]
pub struct ListedLetter {
    #[diesel(embed)]
    #[serde(flatten)]
    pub summary: LetterSummary,
    #[diesel(sql_type = Text)]
    pub event_id: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    #[serde(serialize_with = "ids::optional")]
    pub order_id: Option<i64>,
    /// The buyer and the receivers of gifts, with commas.
    #[diesel(sql_type = Text)]
    #[serde(serialize_with = "words")]
    pub wallet_ids: String,
    /// The points it would give at the prices of now; `None` when they are unknown.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub points_at_stake: Option<i64>,
    #[diesel(sql_type = Bool)]
    pub has_signature: bool,
    /// Since it first died.
    #[diesel(sql_type = BigInt)]
    pub age_seconds: i64,
}

/// One letter without its body, and what operators did about it.
#[derive(Debug, Serialize)]
pub struct ShownLetter {
    #[serde(flatten)]
    pub letter: ListedLetter,
    pub actions: Vec<LetterAction>,
}

row! {
    struct GroupRow {
        reason: String,
        state: String,
        letters: i64,
        oldest_age_seconds: i64,
        newest_at: String,
        points_at_stake: i64,
        letters_of_unknown_points: i64,
    }
}

row! {
    /// A product that a letter names.
    #[derive(Serialize)]
    pub struct LetterProduct {
        #[serde(serialize_with = "ids::text")]
        pub product_id: i64,
        pub quantity: i64,
        /// What one unit gives now; `None` when nobody has said.
        pub points: Option<i64>,
    }

    /// A product that open letters died of.
    #[derive(Clone)]
    pub struct WaitingProduct {
        pub product_id: i64,
        pub letters: i64,
        /// Units in all of them.
        pub quantity: i64,
    }
}

fn words<S: Serializer>(list: &str, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(list.split(',').filter(|word| !word.is_empty()))
}

/// The points of `product_lines` at the prices of now, as `content.rs` adds them up; null when unknown.
const STAKE: &str = "LATERAL (SELECT CASE WHEN letter.state IN ('discarded', 'resolved') THEN 0 \
         WHEN letter.reason = 'malformed' THEN NULL ELSE ( \
             SELECT CASE WHEN count(*) = count(points) \
                 AND coalesce(sum(points::numeric * (line ->> 'quantity')::bigint), 0) < 9223372036854775807 \
                 THEN coalesce(sum(points::numeric * (line ->> 'quantity')::bigint), 0)::bigint END \
             FROM jsonb_array_elements(letter.product_lines) AS line \
                 LEFT JOIN products ON product_id = (line ->> 'product_id')::bigint \
             HAVING letter.product_lines IS NOT NULL) END AS points_at_stake) AS stake";

/// What a filter asks for. The letters of a wallet are found first: there are few, and each is in an index. Those of its
/// orders are looked up one order after the other, because a wallet may have very many, and no index serves a list of them.
const CONDITIONS: &str = "($1 IS NULL OR letter.state = $1) AND ($2 IS NULL OR letter.reason = $2) \
     AND ($3 IS NULL OR letter.event_type = $3) \
     AND ($4 IS NULL OR letter.last_dead_at >= $4::timestamptz) \
     AND ($5 IS NULL OR letter.last_dead_at <= now() - $5 * interval '1 second') \
     AND ($6 IS NULL OR letter.order_id = $6) \
     AND ($7 IS NULL OR letter.dead_letter_id = ANY (ARRAY( \
         SELECT dead_letter_id FROM dead_letters WHERE wallet_ids @> ARRAY[$7] \
         UNION SELECT of_order.dead_letter_id FROM ( \
             SELECT order_id FROM ledger_entries WHERE wallet_id = $7 AND order_id IS NOT NULL) AS credited, \
             LATERAL (SELECT dead_letter_id FROM dead_letters WHERE order_id = credited.order_id OFFSET 0) AS of_order)))";

/// When the last letter of the page before died.
const LAST_DEATH: &str = "(SELECT last_dead_at FROM dead_letters WHERE dead_letter_id = $8)";

fn filtered<'a>(
    query: String,
    filter: &Filter,
    state: Option<LetterState>,
) -> BoxedSqlQuery<'a, Pg, SqlQuery> {
    sql_query(query)
        .into_boxed()
        .bind::<Nullable<Text>, _>(state.map(LetterState::code))
        .bind::<Nullable<Text>, _>(filter.reason.map(Reason::code))
        .bind::<Nullable<Text>, _>(filter.event_type.as_ref().map(EventType::to_string))
        .bind::<Nullable<Text>, _>(filter.since.clone())
        .bind::<Nullable<BigInt>, _>(filter.older_than_seconds.map(i64::from))
        .bind::<Nullable<BigInt>, _>(filter.order.map(OrderId::get))
        .bind::<Nullable<BigInt>, _>(filter.wallet.map(WalletId::get))
}

fn select(condition: &str) -> String {
    format!(
        "SELECT {}, event_id, order_id, coalesce(array_to_string(wallet_ids, ','), '') AS wallet_ids, \
                points_at_stake, signature IS NOT NULL AS has_signature, \
                extract(epoch FROM now() - letter.first_dead_at)::bigint AS age_seconds \
         FROM dead_letters AS letter, {STAKE} WHERE {condition}",
        LetterSummary::columns(),
    )
}

/// The matching letters by reason and state; a state of `None` means every state.
pub fn groups(
    database: &Database,
    filter: &Filter,
    state: Option<LetterState>,
) -> Result<Vec<ReasonGroup>, DeskError> {
    // Letters with the same lines are counted first, so that each sum is made once.
    let query = format!(
        "SELECT reason, state, sum(letters)::bigint AS letters, \
                max(oldest_age_seconds) AS oldest_age_seconds, max(newest_at) AS newest_at, \
                least(coalesce(sum(points_at_stake::numeric * letters), 0), 9223372036854775807)::bigint \
                    AS points_at_stake, \
                coalesce(sum(letters) FILTER (WHERE points_at_stake IS NULL), 0)::bigint \
                    AS letters_of_unknown_points \
         FROM (SELECT reason, state, product_lines, count(*) AS letters, \
                   extract(epoch FROM now() - min(first_dead_at))::bigint AS oldest_age_seconds, \
                   to_char(max(last_dead_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') \
                       AS newest_at \
               FROM dead_letters AS letter WHERE {CONDITIONS} GROUP BY reason, state, product_lines) AS letter, \
             {STAKE} GROUP BY reason, state ORDER BY reason, state"
    );
    let rows: Vec<GroupRow> = database
        .patient()
        .read(|connection| filtered(query, filter, state).load(connection))?;
    Ok(rows.into_iter().map(GroupRow::group).collect())
}

/// A page of the matching letters, the newest number first; `after` is the last number of the page before. With a
/// condition about the time of the last death, the newest death comes first: whoever walks down the numbers may read every
/// letter before one is within the time.
pub fn page(
    database: &Database,
    filter: &Filter,
    state: Option<LetterState>,
    after: Option<i64>,
    limit: u32,
) -> Result<Page<ListedLetter>, DeskError> {
    let is_by_time = filter.since.is_some() || filter.older_than_seconds.is_some();
    let place = match (is_by_time, after) {
        (true, Some(_)) => format!(
            "letter.last_dead_at <= {LAST_DEATH} AND (letter.last_dead_at < {LAST_DEATH} OR letter.dead_letter_id < $8)"
        ),
        (true, None) | (false, _) => "letter.dead_letter_id < $8".to_owned(),
    };
    let first = match is_by_time {
        true => "letter.last_dead_at DESC,",
        false => "",
    };
    let query = select(&format!(
        "{CONDITIONS} AND {place} ORDER BY {first} letter.dead_letter_id DESC LIMIT $9"
    ));
    let rows = database.read(|connection| {
        filtered(query, filter, state)
            .bind::<BigInt, _>(after.unwrap_or(i64::MAX))
            .bind::<BigInt, _>(one_more(limit))
            .load(connection)
    })?;
    Ok(Page::of(rows, limit))
}

/// How many match, and no more than the limit and one.
pub fn count(
    database: &Database,
    filter: &Filter,
    state: Option<LetterState>,
    limit: u32,
) -> Result<i64, DeskError> {
    let query = format!(
        "SELECT count(*) AS value FROM (SELECT FROM dead_letters AS letter WHERE {CONDITIONS} LIMIT $8) AS matching"
    );
    let count: crate::row::One<i64> = database.read(|connection| {
        filtered(query, filter, state)
            .bind::<BigInt, _>(one_more(limit))
            .get_result(connection)
    })?;
    Ok(count.value)
}

/// The letter of a number, without its body: anybody who may look may see it.
pub fn show(database: &Database, dead_letter_id: i64) -> Result<ShownLetter, DeskError> {
    let found: Option<ShownLetter> = database.read(|connection| {
        let letter: Option<ListedLetter> = sql_query(select("letter.dead_letter_id = $1"))
            .bind::<BigInt, _>(dead_letter_id)
            .get_result(connection)
            .optional()?;
        let Some(letter) = letter else {
            return Ok(None);
        };
        let actions = about_letter(connection, dead_letter_id)?;
        Ok(Some(ShownLetter { letter, actions }))
    })?;
    found.ok_or_else(|| DeskError::NotFound(format!("there is no dead letter {dead_letter_id}")))
}

/// The products that the letter names, as far as its body could be read.
pub fn products_of(
    database: &Database,
    dead_letter_id: i64,
) -> Result<Vec<LetterProduct>, DeskError> {
    let query = "SELECT product_id, quantity, points \
         FROM (SELECT (line ->> 'product_id')::bigint AS product_id, \
                   least(sum((line ->> 'quantity')::numeric), 9223372036854775807)::bigint AS quantity \
               FROM dead_letters, jsonb_array_elements(product_lines) AS line \
               WHERE dead_letter_id = $1 GROUP BY 1) AS named \
             LEFT JOIN products USING (product_id) ORDER BY product_id";
    Ok(database.read(|connection| {
        sql_query(query)
            .bind::<BigInt, _>(dead_letter_id)
            .load(connection)
    })?)
}

/// The products in open letters that died of a product without points, those of most letters first. One may have
/// points by now, and waits for a replay.
pub fn waiting_products(database: &Database, limit: u32) -> Result<Vec<WaitingProduct>, DeskError> {
    // Letters with the same lines are counted first, so that each is taken apart once.
    let query = "SELECT product_id, sum(letters)::bigint AS letters, \
             least(sum(letters * units), 9223372036854775807)::bigint AS quantity \
         FROM (SELECT product_lines, count(*) AS letters FROM dead_letters \
               WHERE state = 'open' AND reason = 'unknown_product' GROUP BY product_lines) AS alike, \
             LATERAL (SELECT (line ->> 'product_id')::bigint AS product_id, \
                 sum((line ->> 'quantity')::numeric) AS units \
                 FROM jsonb_array_elements(product_lines) AS line GROUP BY 1) AS named \
         GROUP BY product_id ORDER BY letters DESC, product_id LIMIT $1";
    Ok(database.patient().read(|connection| {
        sql_query(query)
            .bind::<BigInt, _>(i64::from(limit))
            .load(connection)
    })?)
}

impl GroupRow {
    fn group(self) -> ReasonGroup {
        ReasonGroup {
            reason: self.reason,
            state: self.state,
            letters: self.letters.unsigned_abs(),
            oldest_age_seconds: self.oldest_age_seconds,
            newest_at: self.newest_at,
            points_at_stake: self.points_at_stake,
            letters_of_unknown_points: self.letters_of_unknown_points.unsigned_abs(),
        }
    }
}
