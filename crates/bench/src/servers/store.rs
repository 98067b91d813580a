//! What the benchmark asks of the database beside the measured work.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::{Array, BigInt, Binary, Double, Text};
use diesel::{Connection, QueryableByName, RunQueryDsl};
use secrecy::{ExposeSecret, SecretString};

use super::bulk;
use crate::failure::{Doing, Result};

/// The look at the whole ledger that a worker takes once an hour counts as just taken: a run of
/// seconds would else meet it always.
const RESET: &str = "SET session_replication_role = replica;
    TRUNCATE webhook_events, ledger_entries, orders, reversals, wallets, replays, dead_letters,
        operator_actions, suspects RESTART IDENTITY;
    UPDATE ledger_checks SET violations = 0, checked_at = now();
    CHECKPOINT;";

/// Only known for transactions that begin after the restart.
const TRACK_COMMITS: [&str; 2] = [
    "ALTER SYSTEM SET track_commit_timestamp = on",
    "ALTER SYSTEM SET track_wal_io_timing = on",
];
const FORGET_COMMITS: [&str; 2] = [
    "ALTER SYSTEM RESET track_commit_timestamp",
    "ALTER SYSTEM RESET track_wal_io_timing",
];

#[derive(Clone)]
pub(crate) struct Store(SecretString);

/// What the server says of itself.
#[derive(Debug, QueryableByName)]
pub(crate) struct Settings {
    #[diesel(sql_type = Text)]
    pub(crate) version: String,
    #[diesel(sql_type = Text)]
    pub(crate) fsync: String,
    #[diesel(sql_type = Text)]
    pub(crate) synchronous_commit: String,
    #[diesel(sql_type = Text)]
    pub(crate) full_page_writes: String,
    #[diesel(sql_type = Text)]
    pub(crate) shared_buffers: String,
}

/// What became of a range of events.
#[derive(Debug, QueryableByName)]
pub(crate) struct Books {
    #[diesel(sql_type = Array<BigInt>)]
    pub(crate) credited: Vec<i64>,
    #[diesel(sql_type = BigInt)]
    pub(crate) entries: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) open_letters: i64,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = Double)]
    number: f64,
}

/// When the transaction of an event committed, in Unix microseconds.
#[derive(QueryableByName)]
pub(crate) struct CommitTime {
    #[diesel(sql_type = BigInt)]
    pub(crate) event_id: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) at_us: i64,
}

impl Store {
    pub(crate) fn new(url: SecretString) -> Self {
        Self(url)
    }

    pub(crate) fn url(&self) -> &str {
        self.0.expose_secret()
    }

    /// Another database of the same server, made new.
    pub(crate) fn sibling(&self, name: &str) -> Result<Self> {
        let mut connection = self.connect()?;
        for command in ["DROP DATABASE IF EXISTS", "CREATE DATABASE"] {
            let made = connection.batch_execute(&format!("{command} {name}"));
            made.doing("making another database")?;
        }
        let (server, _database) = self
            .url()
            .rsplit_once('/')
            .ok_or("the address names none")
            .doing("naming another database")?;
        Ok(Self(format!("{server}/{name}").into()))
    }

    pub(crate) fn drop_sibling(&self, name: &str) -> Result<()> {
        let dropped = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        self.execute(&dropped, "dropping the other database")
    }

    /// Opened anew each time: the server is restarted in between.
    pub(crate) fn connect(&self) -> Result<PgConnection> {
        PgConnection::establish(self.url()).doing("connecting to the database")
    }

    fn execute(&self, command: &str, what: &str) -> Result<()> {
        self.connect()?.batch_execute(command).doing(what)
    }

    pub(crate) fn settings(&self) -> Result<Settings> {
        let asked = "SELECT current_setting('server_version') AS version, \
            current_setting('fsync') AS fsync, \
            current_setting('synchronous_commit') AS synchronous_commit, \
            current_setting('full_page_writes') AS full_page_writes, \
            current_setting('shared_buffers') AS shared_buffers";
        let row = diesel::sql_query(asked).get_result(&mut self.connect()?);
        row.doing("asking the database for its settings")
    }

    /// Empties every table but products, and has the server write what it holds back.
    pub(crate) fn reset(&self) -> Result<()> {
        self.execute(RESET, "emptying the database")
    }

    /// Fills the books with orders of the past.
    pub(crate) fn load_past(&self, orders: i64) -> Result<()> {
        bulk::load(&mut self.connect()?, orders)
    }

    /// The events of a range as the books have them.
    pub(crate) fn books(&self, first: i64, last: i64) -> Result<Books> {
        let asked = "SELECT \
            coalesce((SELECT array_agg(event_id ORDER BY event_id) FROM webhook_events \
                WHERE event_id BETWEEN $1 AND $2 AND outcome = 'credited'), '{}') AS credited, \
            (SELECT count(*) FROM ledger_entries WHERE event_id BETWEEN $1 AND $2) AS entries, \
            (SELECT count(*) FROM dead_letters WHERE state = 'open') AS open_letters";
        let row = diesel::sql_query(asked)
            .bind::<BigInt, _>(first)
            .bind::<BigInt, _>(last)
            .get_result(&mut self.connect()?);
        row.doing("reading the books")
    }

    /// Credits a second between the first and the last transaction of a range of events.
    pub(crate) fn credits_per_second(&self, first: i64, last: i64) -> Result<f64> {
        let asked = "WITH settled AS (SELECT settled_at FROM webhook_events \
                WHERE event_id BETWEEN $1 AND $2), \
            ends AS (SELECT min(settled_at) AS first, max(settled_at) AS last FROM settled) \
            SELECT (SELECT count(*) FROM settled, ends WHERE settled_at < ends.last) \
                / greatest(extract(epoch FROM last - first)::float8, 0.001) AS number FROM ends";
        let row: Number = diesel::sql_query(asked)
            .bind::<BigInt, _>(first)
            .bind::<BigInt, _>(last)
            .get_result(&mut self.connect()?)
            .doing("reading when events were credited")?;
        Ok(row.number)
    }

    /// Turns the tracking of commit times on or off; the server is to be restarted then.
    pub(crate) fn track_commits(&self, on: bool) -> Result<()> {
        let mut connection = self.connect()?;
        for command in if on { TRACK_COMMITS } else { FORGET_COMMITS } {
            let done = connection.batch_execute(command);
            done.doing("changing what the server tracks")?;
        }
        Ok(())
    }

    pub(crate) fn commit_times(&self, first: i64, last: i64) -> Result<Vec<CommitTime>> {
        let asked = "SELECT event_id, \
            (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000)::bigint AS at_us \
            FROM webhook_events WHERE event_id BETWEEN $1 AND $2";
        diesel::sql_query(asked)
            .bind::<BigInt, _>(first)
            .bind::<BigInt, _>(last)
            .load(&mut self.connect()?)
            .doing("reading the times of commits")
    }

    /// From here on flushes of the log are counted anew.
    pub(crate) fn forget_flushes(&self) -> Result<()> {
        self.execute(
            "SELECT pg_stat_reset_shared('wal')",
            "resetting a statistic",
        )
    }

    /// How long a flush of the log took on average: a commit's time is taken just before its own.
    pub(crate) fn flush_ms(&self) -> Result<f64> {
        let asked = "SELECT (wal_sync_time + wal_write_time) / greatest(wal_sync, 1) AS number \
            FROM pg_stat_wal";
        let row: Number = diesel::sql_query(asked)
            .get_result(&mut self.connect()?)
            .doing("reading how long the log's flushes take")?;
        Ok(row.number)
    }

    /// How long the hourly look at the whole ledger takes.
    pub(crate) fn ledger_check_seconds(&self) -> Result<f64> {
        let began = std::time::Instant::now();
        self.execute("SELECT check_ledger(0)", "looking at the whole ledger")?;
        Ok(began.elapsed().as_secs_f64())
    }

    /// Files open dead letters, as if their product had been unknown.
    pub(crate) fn file_letters(&self, event_ids: &[i64], bodies: &[&[u8]]) -> Result<()> {
        let filed = diesel::sql_query(
            "INSERT INTO dead_letters (event_id, event_type, reason, error, body, body_sha256, \
                 secret_id, signed_at, received_at, attempts) \
             SELECT event_id::text, 'ON_ORDER_COMPLETED', 'unknown_product', \
                 'its product was unknown', body, sha256(body), 'bench', now(), now(), 1 \
             FROM unnest($1, $2) AS letter (event_id, body)",
        )
        .bind::<Array<BigInt>, _>(event_ids)
        .bind::<Array<Binary>, _>(bodies)
        .execute(&mut self.connect()?);
        filed.map(drop).doing("filing dead letters")
    }
}
