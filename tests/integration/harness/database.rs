//! A database of its own for one test.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, RunQueryDsl};
use url::Url;

use super::wait::eventually;

pub(crate) struct TestDatabase {
    url: Url,
    server: Url,
    name: String,
    connection: Mutex<Option<PgConnection>>,
}

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

impl TestDatabase {
    pub(crate) fn create(server: &Url, name: &str) -> Self {
        let mut connection = PgConnection::establish(server.as_str()).expect("the server answers");
        connection
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .expect("a database is created");
        let mut url = server.clone();
        url.set_path(name);
        Self {
            url,
            server: server.clone(),
            name: name.to_owned(),
            connection: Mutex::new(None),
        }
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Opens a connection for the test itself.
    pub(crate) fn connect(&self) -> PgConnection {
        PgConnection::establish(self.url.as_str()).expect("the database answers")
    }

    /// Opens a connection for another login.
    pub(crate) fn connect_as(&self, user: &str, password: &str) -> PgConnection {
        let mut url = self.url.clone();
        url.set_username(user).expect("a database URL has a user");
        url.set_password(Some(password))
            .expect("a database URL has a password");
        PgConnection::establish(url.as_str()).expect("the login is accepted")
    }

    /// Runs statements. The error is the server's message.
    pub(crate) fn execute(&self, sql: &str) -> Result<(), String> {
        self.on(|connection| connection.batch_execute(sql))
    }

    /// Makes the server count what the test's own session has read. It otherwise does so within 10 s, and the test would take
    /// that for what others read meanwhile.
    pub(crate) fn count_own_reads(&self) {
        self.execute("SELECT pg_stat_force_next_flush()")
            .expect("everybody may");
    }

    /// Sets from when on messages need a proof, as only the owner of the tables may.
    pub(crate) fn require_proof_from(&self, time: &str) {
        let rule = format!("UPDATE proof_rule SET required_from = {time}");
        self.execute(&rule).expect("the test is the owner");
    }

    /// The number that a query returns as `value`.
    #[track_caller]
    pub(crate) fn number(&self, sql: &str) -> i64 {
        self.on(|connection| diesel::sql_query(sql).get_result::<Number>(connection))
            .unwrap_or_else(|error| panic!("{error}: {sql}"))
            .value
    }

    /// Waits until another session waits for a lock that the test holds.
    #[track_caller]
    pub(crate) fn await_blocked(&self) {
        eventually("another session waits for the lock", || {
            let waiting = "SELECT count(*) AS value FROM pg_stat_activity \
                           WHERE datname = current_database() AND wait_event_type = 'Lock'";
            (self.number(waiting) > 0).then_some(())
        });
    }

    /// The texts that a query returns as `value`.
    #[track_caller]
    pub(crate) fn texts(&self, sql: &str) -> Vec<String> {
        self.on(|connection| diesel::sql_query(sql).load::<Word>(connection))
            .unwrap_or_else(|error| panic!("{error}: {sql}"))
            .into_iter()
            .map(|word| word.value)
            .collect()
    }

    /// Connects again when the last query failed, because a fault test may have cut the connection.
    fn on<T>(
        &self,
        work: impl Fn(&mut PgConnection) -> diesel::QueryResult<T>,
    ) -> Result<T, String> {
        let mut kept = self.connection.lock().expect("no holder panics");
        if let Some(connection) = kept.as_mut()
            && diesel::sql_query("SELECT 1").execute(connection).is_err()
        {
            *kept = None;
        }
        let connection = kept.get_or_insert_with(|| self.connect());
        work(connection).map_err(|error| error.to_string())
    }

    pub(crate) fn drop_it(&self) {
        *self.connection.lock().expect("no holder panics") = None;
        let mut connection = PgConnection::establish(self.server.as_str()).expect("it answers");
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // Fails while a login of another test goes, with its settings in this database.
        eventually("a database is dropped", || {
            connection.batch_execute(&drop).ok()
        });
    }
}

/// The directories of all migrations, first to last.
pub(crate) fn migrations() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    let mut directories: Vec<PathBuf> = std::fs::read_dir(root)
        .expect("there are migrations")
        .map(|entry| entry.expect("a directory can be listed").path())
        .filter(|path| path.is_dir())
        .collect();
    directories.sort();
    directories
}
