//! Whether an error of the database is a lock that another transaction holds. The ledger's trigger names
//! held wallets. Elsewhere no trigger can, and diesel does not give the SQLSTATE.

use std::time::Duration;

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::{Bool, Text};

use super::DatabaseError;

/// PostgreSQL's messages about locks, where its messages are in English.
const MESSAGES: [&str; 2] = [
    "canceling statement due to lock timeout",
    "deadlock detected",
];
/// What a transaction does before it waits for a lock takes less than this.
const WORK_BEFORE_WAIT: Duration = Duration::from_secs(2);
/// Only who may change a table as a whole can lock it as a whole, and no event is at fault then. All
/// others wait behind such a lock even before it is granted.
const STATE: &str = "SELECT current_setting('lc_messages') AS language, EXISTS (\
         SELECT FROM pg_locks WHERE locktype = 'relation' AND pid <> pg_backend_pid() \
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
             AND relation = ANY (ARRAY['webhook_events', 'orders', 'order_lines', \
                 'reversals', 'refund_attributions', 'ledger_entries', 'wallets', \
                 'product_prices', 'suspects']::regclass[]) \
             AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', \
                 'AccessExclusiveLock')) AS is_table_locked";

#[derive(diesel::QueryableByName)]
struct State {
    #[diesel(sql_type = Text)]
    language: String,
    #[diesel(sql_type = Bool)]
    is_table_locked: bool,
}

/// Sets how long a statement of this connection waits for a lock.
pub(crate) fn limit_waits(
    connection: &mut PgConnection,
    wait: Duration,
) -> Result<(), DatabaseError> {
    let statement = format!("SET lock_timeout TO {}", wait.as_millis());
    Ok(connection.batch_execute(&statement)?)
}

/// Looks at the error of a transaction that failed after `elapsed`: if it waited `wait` for a row that
/// another transaction holds, the error is [`DatabaseError::RowLocked`].
pub(crate) fn explain(
    connection: &mut PgConnection,
    error: DatabaseError,
    elapsed: Duration,
    wait: Duration,
) -> DatabaseError {
    let DatabaseError::Unavailable(message) = error else {
        return error;
    };
    match diesel::sql_query(STATE).get_result::<State>(connection) {
        Ok(state) if !state.is_table_locked && is_lock(&message, &state, elapsed, wait) => {
            DatabaseError::RowLocked(message)
        }
        // If even this query fails, the database is not available.
        Ok(_) | Err(_) => DatabaseError::Unavailable(message),
    }
}

/// A message in another language is a lock's if it came just when the wait for a lock ended.
fn is_lock(message: &str, state: &State, elapsed: Duration, wait: Duration) -> bool {
    let is_english = ["C", "POSIX", "en"]
        .iter()
        .any(|prefix| state.language.starts_with(prefix));
    match is_english || MESSAGES.contains(&message) {
        true => MESSAGES.contains(&message),
        false => (wait..wait.saturating_add(WORK_BEFORE_WAIT)).contains(&elapsed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_known_by_its_message_or_in_another_language_by_its_time() {
        let wait = Duration::from_secs(1);
        let is_lock = |message: &str, language: &str, elapsed_ms: u64| {
            let state = State {
                language: language.to_owned(),
                is_table_locked: false,
            };
            is_lock(message, &state, Duration::from_millis(elapsed_ms), wait)
        };
        let german = "storniere Anfrage wegen Zeit\u{fc}berschreitung der Sperre";
        assert!(is_lock(MESSAGES[0], "en_US.UTF-8", 1_001));
        assert!(is_lock(MESSAGES[0], "de_DE.UTF-8", 20));
        assert!(is_lock(german, "de_DE.UTF-8", 1_001));
        assert!(!is_lock(german, "de_DE.UTF-8", 900));
        assert!(!is_lock(german, "de_DE.UTF-8", 30_000));
        for language in ["C", "en_GB.UTF-8"] {
            assert!(!is_lock("could not extend file", language, 1_001));
        }
    }
}
