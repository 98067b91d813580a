//! The shortest that a commit takes: one row, one after the other.

use std::time::Instant;

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::BigInt;

use crate::failure::{Doing, Result};

const TABLE: &str = "CREATE SCHEMA IF NOT EXISTS bench;
    DROP TABLE IF EXISTS bench.single;
    CREATE TABLE bench.single (number bigint PRIMARY KEY);";

pub(crate) fn commit_latencies_ms(
    connection: &mut PgConnection,
    commits: usize,
) -> Result<Vec<f64>> {
    connection
        .batch_execute(TABLE)
        .doing("making the bench's table")?;
    (0..commits)
        .map(|number| {
            let began = Instant::now();
            diesel::sql_query("INSERT INTO bench.single (number) VALUES ($1)")
                .bind::<BigInt, _>(number as i64)
                .execute(connection)
                .doing("committing one row")?;
            Ok(began.elapsed().as_secs_f64() * 1000.0)
        })
        .collect()
}
