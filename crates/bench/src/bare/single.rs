//! The shortest time that a commit takes: transactions of one row, one after the other.

use std::time::{Duration, Instant};

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::BigInt;

use crate::failure::{Doing, Result};

const TABLE: &str = "CREATE SCHEMA IF NOT EXISTS bench;
    DROP TABLE IF EXISTS bench.single;
    CREATE TABLE bench.single (number bigint PRIMARY KEY);";

pub(crate) fn commit_latencies(
    connection: &mut PgConnection,
    commits: usize,
) -> Result<Vec<Duration>> {
    connection
        .batch_execute(TABLE)
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
