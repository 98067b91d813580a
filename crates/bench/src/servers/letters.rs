//! Loads open dead letters, each with a body like that of an order. Triggers are off during the load, so what a
//! letter concerns is written as the trigger would have read it.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, RunQueryDsl};

use crate::failure::{Doing, Result, ensure};
use crate::orders::{FIRST_WALLET, MANY_WALLETS, PRODUCT};

const LETTERS_PER_INSERT: i64 = 20_000;
/// Below every id that an order of a run has.
const FIRST_ID: i64 = 300_000_000_000_000_000;
const IDS_PER_LETTER: i64 = 4;

/// `$1` and `$2` are the numbers of the first and the last letter, `$3` the body with `format`'s marks. Half of
/// them have one reason, as after a product without points.
const LETTERS: &str = "INSERT INTO dead_letters (event_id, event_type, reason, error, body, body_sha256, \
        secret_id, signature, signed_at, received_at, attempts, first_dead_at, last_dead_at, order_id, \
        wallet_ids, product_lines, content_read) \
    SELECT (first_id + 2)::text, 'ON_ORDER_COMPLETED', \
        (ARRAY['unknown_product', 'wrong_store', 'unknown_product', 'order_type', \
            'unknown_product', 'wallet_locked', 'unknown_product', 'ledger_rejected'])[1 + number % 8], \
        'it died before this run', body, sha256(body), 'bench', sha256(body), died_at, died_at, 1, \
        died_at, died_at, first_id, ARRAY[wallet_id], \
        jsonb_build_array(jsonb_build_object('product_id', $6::text, 'quantity', 1 + number % 3)), true \
    FROM (SELECT number, $4 + number * $5 AS first_id, \
              $7 + abs(hashint8(number)::bigint) % $8 AS wallet_id, \
              now() - (number % 2592000) * interval '1 second' AS died_at \
          FROM generate_series($1, $2) AS number) AS letter, \
        LATERAL (SELECT convert_to(format($3, first_id + 2, first_id, first_id + 1, wallet_id, \
            'Player' || wallet_id, $6, 1 + number % 3), 'UTF8') AS body) AS written";
/// Whether the columns are what the trigger would have read.
const WRONG: &str = "SELECT count(*) AS value \
    FROM (SELECT * FROM dead_letters ORDER BY hashint8(dead_letter_id) LIMIT 100) AS letter, \
        LATERAL letter_content(body) AS told \
    WHERE (letter.order_id, letter.wallet_ids, letter.product_lines) \
        IS DISTINCT FROM (told.order_id, told.wallet_ids, told.product_lines)";

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

pub(super) fn load(connection: &mut PgConnection, count: i64) -> Result<()> {
    let what = "loading dead letters";
    let switched = connection.batch_execute("SET session_replication_role = replica");
    switched.doing(what)?;
    let body = body();
    let mut first = 0;
    while first < count {
        let last = (first + LETTERS_PER_INSERT).min(count) - 1;
        let loaded = diesel::sql_query(LETTERS)
            .bind::<BigInt, _>(first)
            .bind::<BigInt, _>(last)
            .bind::<Text, _>(&body)
            .bind::<BigInt, _>(FIRST_ID)
            .bind::<BigInt, _>(IDS_PER_LETTER)
            .bind::<BigInt, _>(PRODUCT)
            .bind::<BigInt, _>(FIRST_WALLET)
            .bind::<BigInt, _>(MANY_WALLETS)
            .execute(connection);
        loaded.doing(what)?;
        first = last + 1;
    }
    // What autovacuum would have done by then; not within a transaction.
    for command in ["VACUUM ANALYZE dead_letters", "CHECKPOINT"] {
        connection.batch_execute(command).doing(what)?;
    }
    let wrong: Count = diesel::sql_query(WRONG)
        .get_result(connection)
        .doing(what)?;
    ensure(wrong.value == 0, what, || {
        format!(
            "{} of 100 do not concern what their bodies tell",
            wrong.value
        )
    })
}

/// The template of orders, with marks of PostgreSQL's `format` in place of ours.
fn body() -> String {
    let body = format!(
        include_str!("../order.template.json"),
        event = "%1$s",
        order = "%2$s",
        line = "%3$s",
        checkout = "%2$s",
        checkout_line = "%3$s",
        customer = "%4$s",
        name = "%5$s",
        product = "%6$s",
        quantity = "%7$s",
        amount = 499,
        created_at = "2026-01-01T00:00:00Z",
    );
    body.replace('\n', "")
}
