//! The check of the whole ledger, on a connection of its own: it reads for minutes, and whatever becomes of
//! it must not keep the gauges from being read. One worker checks for all; the survey reads its result.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::sql_types::{Bool, Integer};
use diesel::{Connection, QueryableByName, RunQueryDsl};
use paynow_process::backoff::ReconnectBackoff;
use paynow_process::observe::Observable;

use crate::config::SurveySettings;
use crate::database::{DatabaseAddress, DatabaseError, blocking};
use crate::observe::background::{LedgerCheckFailed, LedgerChecked};

/// A check of a ledger that has grown for years reads for minutes.
const LIMIT: &str = "SET LOCAL statement_timeout = '15min'";
/// After a failure. With a shorter interval than an hour between two checks, the waits are shorter too.
const FIRST_WAIT: Duration = Duration::from_secs(60);
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// Asks at once and then after every interval of the survey whether a check is due, until it is dropped.
pub async fn run(database: DatabaseAddress, settings: SurveySettings) {
    let mut backoff = backoff(settings.ledger_check_interval);
    loop {
        let (address, started) = (database.clone(), Instant::now());
        let looked = blocking(move || look(&address, settings.ledger_check_interval)).await;
        let pause = match looked {
            Ok(has_looked) => {
                if has_looked {
                    // Only then: where a check is not due, another one may have failed.
                    backoff.reset();
                    let took = started.elapsed();
                    LedgerChecked { took }.emit();
                }
                settings.interval
            }
            Err(error) => {
                let (error, wait, address) = (&error, backoff.next_wait(), database.clone());
                LedgerCheckFailed { error, wait }.emit();
                // Without the database, the other workers find out by themselves.
                let _postponed = blocking(move || postpone(&address, wait)).await;
                wait
            }
        };
        tokio::time::sleep(pause).await;
    }
}

fn backoff(interval: Duration) -> ReconnectBackoff {
    let first = (interval / 60).clamp(SHORTEST_WAIT, FIRST_WAIT);
    let longest = (interval / 4).clamp(SHORTEST_WAIT, LONGEST_WAIT);
    ReconnectBackoff::between(first, longest)
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    has_looked: bool,
}

/// Checks the ledger unless a worker did within `max_age` or is doing so, or a check failed lately. Tells
/// whether it did.
fn look(database: &DatabaseAddress, max_age: Duration) -> Result<bool, DatabaseError> {
    let mut connection = database.connect_patient()?;
    connection.transaction(|connection| {
        connection.batch_execute(LIMIT)?;
        let answer: Answer = diesel::sql_query("SELECT check_ledger($1) AS has_looked")
            .bind::<Integer, _>(seconds(max_age))
            .get_result(connection)?;
        paynow_process::fault_point!("mid_check");
        Ok(answer.has_looked)
    })
}

/// Has all workers wait before the next check.
fn postpone(database: &DatabaseAddress, wait: Duration) -> Result<(), DatabaseError> {
    let mut connection = database.connect()?;
    diesel::sql_query("SELECT postpone_ledger_check($1)")
        .bind::<Integer, _>(seconds(wait))
        .execute(&mut connection)?;
    Ok(())
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_check_is_not_begun_anew_at_once() {
        for (interval, first, longest) in
            [(3600, 60, 900), (86_400, 60, 900), (60, 1, 15), (1, 1, 1)]
        {
            let mut backoff = backoff(Duration::from_secs(interval));
            let is_about = |wait: Duration, seconds: u64| {
                let middle = Duration::from_secs(seconds);
                wait >= middle.mul_f64(0.49) && wait <= middle.mul_f64(1.51)
            };
            assert!(is_about(backoff.next_wait(), first), "{interval}");
            let later = (0..20).map(|_| backoff.next_wait()).last();
            assert!(is_about(later.unwrap(), longest), "{interval}");
        }
    }
}
