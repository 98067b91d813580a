//! A session of an administrator in the database, past the proxies.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, QueryResult, RunQueryDsl, sql_query};

use crate::world::World;

/// Longer than the recovery of a server that was killed.
const OPEN_LIMIT: Duration = Duration::from_secs(60);
/// A fault must be able to undo what it did, and must not wait for ever.
const SETTINGS: &str = "SET default_transaction_read_only TO off; SET statement_timeout TO '20s'; \
     SET lock_timeout TO '10s'; SET application_name TO 'trial'";

#[derive(diesel::QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

#[derive(diesel::QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    value: String,
}

pub(super) struct Session(PgConnection);

impl Session {
    /// Waits for a server that another fault may just have started.
    pub(super) fn open(world: &World) -> Result<Self, String> {
        let mut problem = "the trial was given up".to_owned();
        let mut session = None;
        world.wait(OPEN_LIMIT, || {
            match Self::connect(world) {
                Ok(connection) => session = Some(Self(connection)),
                Err(error) => problem = error,
            }
            session.is_some()
        });
        session.ok_or_else(|| format!("no session in the database: {problem}"))
    }

    fn connect(world: &World) -> Result<PgConnection, String> {
        let mut connection = PgConnection::establish(world.database.url().as_str())
            .map_err(|error| error.to_string())?;
        connection
            .batch_execute(SETTINGS)
            .map_err(|error| error.to_string())?;
        Ok(connection)
    }

    /// Whether a session without the settings of this one may write, if one can be opened.
    pub(super) fn is_writable(world: &World) -> Option<bool> {
        let mut usual = PgConnection::establish(world.database.url().as_str()).ok()?;
        let setting = "SELECT current_setting('transaction_read_only') AS value";
        let word = sql_query(setting).get_result::<Word>(&mut usual).ok()?;
        Some(word.value == "off")
    }

    pub(super) fn run(&mut self, sql: &str) -> Result<(), String> {
        explained(self.0.batch_execute(sql), sql)
    }

    /// The number that a query returns as `value`.
    pub(super) fn number(&mut self, sql: &str) -> Result<i64, String> {
        let number = sql_query(sql).get_result::<Number>(&mut self.0);
        explained(number, sql).map(|number| number.value)
    }

    /// The texts that a query returns as `value`.
    pub(super) fn texts(&mut self, sql: &str) -> Result<Vec<String>, String> {
        let words = sql_query(sql).load::<Word>(&mut self.0);
        explained(words, sql).map(|words| words.into_iter().map(|word| word.value).collect())
    }

    /// The processes of the workers' sessions.
    pub(super) fn worker_backends(&mut self) -> Result<Vec<u32>, String> {
        let pids = self.texts(
            "SELECT pid::text AS value FROM pg_stat_activity \
             WHERE datname = current_database() AND application_name = 'paynow-worker'",
        )?;
        Ok(pids.iter().filter_map(|pid| pid.parse().ok()).collect())
    }

    /// The process of this session.
    pub(super) fn pid(&mut self) -> Result<u32, String> {
        let pid = self.number("SELECT pg_backend_pid()::bigint AS value")?;
        u32::try_from(pid).map_err(|error| format!("{pid} is no process: {error}"))
    }

    /// Sets a setting of the server, or resets it, and lets all its sessions know.
    pub(super) fn alter_system(&mut self, change: &str) -> Result<(), String> {
        self.run(&format!("ALTER SYSTEM {change}"))?;
        self.run("SELECT pg_reload_conf()")
    }
}

fn explained<T>(result: QueryResult<T>, sql: &str) -> Result<T, String> {
    result.map_err(|error| format!("{error}: {sql}"))
}
