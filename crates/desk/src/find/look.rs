//! The statements of a search. Each finds a few rows by an index.

use std::borrow::Cow;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Nullable, Text};

use super::ids_of_players::{as_prefix, as_uuid};
use super::{AtPayNow, Found, HITS_MAX, Hit, Kind, Searched};
use crate::letters::about;
use crate::row::row;
use crate::waiting;

const DIGEST_DIGITS: usize = 64;
/// The kinds of entries whose keys hold an id or a key that somebody else chose.
const KEY_PREFIXES: [&str; 3] = ["order-line:", "spend:", "correction:"];

row! {
    struct Row {
        id: String,
        shown_with: Option<i64>,
        detail: Option<String>,
    }
}

/// A search that goes on.
struct Search<'a> {
    connection: &'a mut PgConnection,
    found: Found,
    knows_player: bool,
}

/// What the database knows.
pub(super) struct Looked {
    pub(super) found: Found,
    pub(super) may_read_names: bool,
    /// Whether a player has exactly this name or id.
    pub(super) knows_player: bool,
}

impl Search<'_> {
    fn add(&mut self, what: &'static str, kind: Kind, rows: Vec<Row>) {
        self.searched(what, None);
        let limit = usize::try_from(HITS_MAX).unwrap_or(usize::MAX);
        self.found.has_more |= rows.len() > limit;
        let hits = rows.into_iter().take(limit).map(|row| Hit {
            kind,
            id: row.id,
            shown_with: row.shown_with,
            detail: row.detail.unwrap_or_default(),
        });
        self.found.hits.extend(hits);
    }

    fn searched(&mut self, what: &'static str, left_out_because: Option<&'static str>) {
        self.found.searched.push(Searched {
            what,
            left_out_because: left_out_because.map(Cow::Borrowed),
        });
    }

    /// Rows of a statement with an id as its only bind.
    fn by_number(&mut self, sql: &str, number: i64) -> QueryResult<Vec<Row>> {
        sql_query(sql)
            .bind::<BigInt, _>(number)
            .load(&mut *self.connection)
    }
}

pub(super) fn look(
    connection: &mut PgConnection,
    text: &str,
    may_read_names: bool,
) -> QueryResult<Looked> {
    let found = Found {
        searched: Vec::new(),
        hits: Vec::new(),
        has_more: false,
        at_paynow: AtPayNow::NotAsked,
    };
    let mut search = Search {
        connection,
        found,
        knows_player: false,
    };
    let is_number = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    let number: Option<i64> = text.parse().ok().filter(|it| is_number && *it > 0);
    if let Some(number) = number {
        numbers(&mut search, number)?;
    }
    messages(&mut search, text, number)?;
    keys(&mut search, text)?;
    players(&mut search, text, may_read_names)?;
    Ok(Looked {
        found: search.found,
        may_read_names,
        knows_player: search.knows_player,
    })
}

/// What PayNow or the database numbers.
fn numbers(search: &mut Search<'_>, number: i64) -> QueryResult<()> {
    for (what, kind, sql) in NUMBERS {
        let rows = search.by_number(sql, number)?;
        search.add(what, kind, rows);
    }
    Ok(())
}

const NUMBERS: [(&str, Kind, &str); 7] = [
    (
        "wallet",
        Kind::Wallet,
        "SELECT wallet_id::text AS id, wallet_id AS shown_with, format('balance %s', balance) AS detail \
         FROM wallets WHERE wallet_id = $1",
    ),
    (
        "event",
        Kind::Event,
        "SELECT event_id::text AS id, order_id AS shown_with, format('%s, %s', event_type, outcome) \
                AS detail \
         FROM webhook_events WHERE event_id = $1",
    ),
    (
        "order",
        Kind::Order,
        "SELECT order_id::text AS id, order_id AS shown_with, \
                format('bought by %s', coalesce(buyer_wallet_id::text, 'nobody named')) AS detail \
         FROM orders WHERE order_id = $1",
    ),
    (
        "refund",
        Kind::Refund,
        "SELECT reference_id::text AS id, order_id AS shown_with, format('of order %s', order_id) AS detail \
         FROM reversals WHERE reference_id = $1 AND kind = 'refund' LIMIT 21",
    ),
    (
        "payment that was charged back",
        Kind::Chargeback,
        "SELECT reference_id::text AS id, order_id AS shown_with, \
                format('%s, of order %s', kind, order_id) AS detail \
         FROM reversals WHERE reference_id = $1 AND kind <> 'refund' LIMIT 21",
    ),
    (
        "payment",
        Kind::Payment,
        "SELECT payment_id::text AS id, order_id AS shown_with, \
                format('of order %s, named by events: %s', order_id, count(*)) AS detail \
         FROM (SELECT payment_id, order_id FROM order_payments WHERE payment_id = $1 LIMIT 100) AS named \
         GROUP BY payment_id, order_id ORDER BY order_id LIMIT 21",
    ),
    (
        "operator action",
        Kind::OperatorAction,
        "SELECT action_id::text AS id, NULL::bigint AS shown_with, format('%s by %s', action, operator) \
                AS detail \
         FROM operator_actions WHERE action_id = $1",
    ),
];

/// Messages that are no settled events: on the ladder, or dead.
fn messages(search: &mut Search<'_>, text: &str, number: Option<i64>) -> QueryResult<()> {
    let is_digest = text.len() == DIGEST_DIGITS && text.bytes().all(|it| it.is_ascii_hexdigit());
    if number.is_none() && !is_digest {
        return Ok(());
    }
    let text = text.to_ascii_lowercase();
    let waiting = waiting::naming(search.connection, &text, number)?;
    let rows = waiting.into_iter().map(|it| {
        let order = it.order_id.map(|order| format!(", of order {order}"));
        Row {
            detail: Some(format!(
                "{}{}, waits for its next attempt at {}: {}",
                it.event_type.as_deref().unwrap_or("an event"),
                order.unwrap_or_default(),
                it.next_at,
                it.reason
            )),
            id: it.event_id,
            shown_with: it.order_id,
        }
    });
    search.add(
        "event on the retry ladder or an id in one",
        Kind::WaitingEvent,
        rows.collect(),
    );
    let mut letters = match number {
        Some(number) => about(search.connection, number)?,
        None => Vec::new(),
    };
    letters.extend(number);
    let rows = sql_query(
        "WITH letter AS ( \
             (SELECT dead_letter_id FROM dead_letters WHERE event_id = $1 LIMIT $3) \
             UNION (SELECT dead_letter_id FROM dead_letters \
                    WHERE body_sha256 = decode($4, 'hex') LIMIT $3) \
             UNION SELECT unnest($2)) \
         SELECT found.* FROM letter, LATERAL ( \
             SELECT dead_letter_id::text AS id, NULL::bigint AS shown_with, \
                 format('%s, %s, event %s', state, reason, event_id) AS detail \
             FROM dead_letters WHERE dead_letters.dead_letter_id = letter.dead_letter_id LIMIT 1) AS found \
         ORDER BY id::bigint DESC LIMIT $3",
    )
    .bind::<Text, _>(&text)
    .bind::<Array<BigInt>, _>(letters)
    .bind::<BigInt, _>(i64::from(HITS_MAX) + 1)
    .bind::<Nullable<Text>, _>(is_digest.then_some(text.as_str()))
    .load(&mut *search.connection)?;
    search.add("dead letter or an id in one", Kind::DeadLetter, rows);
    Ok(())
}

/// Entry keys as they are written, and what follows their first part.
fn keys(search: &mut Search<'_>, text: &str) -> QueryResult<()> {
    let mut keys = vec![text.to_owned()];
    keys.extend(KEY_PREFIXES.map(|prefix| format!("{prefix}{text}")));
    let rows = sql_query(
        "SELECT found.* FROM unnest($1) AS asked (key), LATERAL ( \
             SELECT entry_key AS id, coalesce(order_id, wallet_id) AS shown_with, \
                 format('%s points of wallet %s%s', points, wallet_id, \
                     coalesce(', order ' || order_id, '')) AS detail \
             FROM ledger_entries WHERE entry_key = asked.key LIMIT 1) AS found",
    )
    .bind::<Array<Text>, _>(keys)
    .load(&mut *search.connection)?;
    search.add(
        "entry key, or the order line, spend or correction of one",
        Kind::LedgerEntry,
        rows,
    );
    let product: Option<i64> = text.parse().ok();
    if let Some(product) = product {
        let sql = "SELECT product_id::text AS id, NULL::bigint AS shown_with, \
                       concat_ws(', ', name, format('%s points', points)) AS detail \
                   FROM products WHERE product_id = $1";
        let rows = search.by_number(sql, product)?;
        search.add("product", Kind::Product, rows);
    }
    Ok(())
}

/// What games know players by.
fn players(search: &mut Search<'_>, text: &str, may_read_names: bool) -> QueryResult<()> {
    let id = as_uuid(text).unwrap_or_else(|| text.to_owned());
    let name = if may_read_names {
        "identity.name"
    } else {
        "NULL"
    };
    let rows = sql_query(format!(
        "SELECT found.* FROM unnest(ARRAY[$1, lower($1)]) WITH ORDINALITY AS asked (id, place), LATERAL ( \
             SELECT wallet_id::text AS id, {HAS_WALLET} AS shown_with, {} AS detail \
             FROM customer_identities AS identity WHERE external_id = asked.id LIMIT $2) AS found \
         WHERE place = 1 OR $1 <> lower($1)",
        player(name)
    ))
    .bind::<Text, _>(&id)
    .bind::<BigInt, _>(i64::from(HITS_MAX) + 1)
    .load(&mut *search.connection)?;
    search.knows_player |= !rows.is_empty();
    search.add("id of a player in a game", Kind::Player, rows);
    if !may_read_names {
        let why = "this login may not read names, which are personal data; paynow_operator may";
        search.searched("player name", Some(why));
        return Ok(());
    }
    let (exact, longer) = names(search.connection, text)?;
    search.knows_player |= !exact.is_empty();
    let rows = exact.into_iter().chain(longer).collect();
    search.add("player name or its beginning", Kind::Player, rows);
    Ok(())
}

/// The exact names, and the longer ones. Both walk the index in its own order, and end after a few rows.
fn names(connection: &mut PgConnection, text: &str) -> QueryResult<(Vec<Row>, Vec<Row>)> {
    let mut named = |condition: &str| {
        let statement = sql_query(format!(
            "SELECT wallet_id::text AS id, {HAS_WALLET} AS shown_with, {} AS detail \
             FROM customer_identities AS identity WHERE {condition} AND $2 IS NOT NULL \
             ORDER BY lower(name) USING ~<~ LIMIT $3",
            player("identity.name")
        ));
        statement
            .bind::<Text, _>(text)
            .bind::<Text, _>(as_prefix(text))
            .bind::<BigInt, _>(i64::from(HITS_MAX) + 1)
            .load(connection)
    };
    let exact = named("lower(name) = lower($1)")?;
    let longer = named("lower(name) LIKE lower($2) AND lower(name) <> lower($1)")?;
    Ok((exact, longer))
}

/// SQL for the wallet of a player, if it has one: nothing was credited to a buyer of gifts.
const HAS_WALLET: &str =
    "(SELECT wallet_id FROM wallets WHERE wallets.wallet_id = identity.wallet_id)";

/// SQL for what a hit on a player says.
fn player(name: &str) -> String {
    format!(
        "concat_ws(', ', {name}, platform || ' ' || external_id, \
             (SELECT format('balance %s', balance) FROM wallets WHERE wallets.wallet_id = identity.wallet_id))"
    )
}
