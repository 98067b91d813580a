//! The bare client's transactions, one after the other over one connection.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::{Array, BigInt};
use diesel::{Connection, QueryResult, RunQueryDsl};

use crate::failure::{Doing, Result};

/// The worker's default batch size.
const ROWS: usize = 200;
const WALLETS: i64 = 100_000;

const TABLES: &str = "CREATE SCHEMA IF NOT EXISTS bench;
    DROP TABLE IF EXISTS bench.events, bench.wallets;
    CREATE TABLE bench.events
        (event_id bigint PRIMARY KEY, wallet_id bigint NOT NULL, points bigint NOT NULL);
    CREATE TABLE bench.wallets (wallet_id bigint PRIMARY KEY, balance bigint NOT NULL);";
const INSERT_EVENTS: &str = "INSERT INTO bench.events (event_id, wallet_id, points) \
    SELECT * FROM unnest($1, $2, $3) AS event (event_id, wallet_id, points) ORDER BY event_id \
    ON CONFLICT DO NOTHING";
const UPSERT_WALLETS: &str = "INSERT INTO bench.wallets AS wallet (wallet_id, balance) \
    SELECT wallet_id, sum(points)::bigint FROM unnest($1, $2) AS event (wallet_id, points) \
    GROUP BY wallet_id ORDER BY wallet_id \
    ON CONFLICT (wallet_id) DO UPDATE SET balance = wallet.balance + excluded.balance";

const SINGLES: &str = "CREATE SCHEMA IF NOT EXISTS bench;
    DROP TABLE IF EXISTS bench.single;
    CREATE TABLE bench.single (number bigint PRIMARY KEY);";

/// Rows per second of transactions of 200 rows and their wallets.
pub(crate) fn batch_rows_per_second(
    connection: &mut PgConnection,
    transactions: usize,
) -> Result<f64> {
    connection
        .batch_execute(TABLES)
        .doing("creating the benchmark's tables")?;
    let mut random = fastrand::Rng::with_seed(5);
    let began = Instant::now();
    for transaction in 0..transactions {
        let first = (transaction * ROWS) as i64;
        let events: Vec<i64> = (first..).take(ROWS).collect();
        let wallets: Vec<i64> = events.iter().map(|_event| random.i64(0..WALLETS)).collect();
        let applied = connection.transaction(|connection| apply(connection, &events, &wallets));
        applied.doing("writing a bare batch")?;
    }
    Ok((transactions * ROWS) as f64 / began.elapsed().as_secs_f64())
}

fn apply(connection: &mut PgConnection, events: &[i64], wallets: &[i64]) -> QueryResult<()> {
    let points = vec![500_i64; events.len()];
    diesel::sql_query(INSERT_EVENTS)
        .bind::<Array<BigInt>, _>(events)
        .bind::<Array<BigInt>, _>(wallets)
        .bind::<Array<BigInt>, _>(&points)
        .execute(connection)?;
    diesel::sql_query(UPSERT_WALLETS)
        .bind::<Array<BigInt>, _>(wallets)
        .bind::<Array<BigInt>, _>(&points)
        .execute(connection)?;
    Ok(())
}

/// How long each of this many transactions of one row takes.
pub(crate) fn commit_latencies(
    connection: &mut PgConnection,
    commits: usize,
) -> Result<Vec<Duration>> {
    connection
        .batch_execute(SINGLES)
        .doing("creating the benchmark's table")?;
    (0..commits)
        .map(|number| {
            let began = Instant::now();
            diesel::sql_query("INSERT INTO bench.single (number) VALUES ($1)")
                .bind::<BigInt, _>(number as i64)
                .execute(connection)
                .doing("committing one row")?;
            Ok(began.elapsed())
        })
        .collect()
}
