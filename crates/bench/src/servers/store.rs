//! The benchmark's own requests to the database, which are not measured.

use diesel::connection::SimpleConnection;
use diesel::pg::{Pg, PgConnection};
use diesel::sql_types::{Array, BigInt, Binary, Bool, Double, Text};
use diesel::{Connection, QueryableByName, RunQueryDsl};
use paynow_shared::signature::Signature;
use secrecy::{ExposeSecret, SecretString};

use super::{bulk, letters};
use crate::failure::{Doing, Result};
use crate::orders::Batch;

/// Prices stay, and so do their actions. Also sets the time of the hourly ledger check to now. Otherwise
/// every run would include one.
const RESET: &str = "SET session_replication_role = replica;
    TRUNCATE webhook_events, ledger_entries, orders, order_lines, reversals, refund_attributions, spends,
        wallets, replays, dead_letters, suspects RESTART IDENTITY;
    DELETE FROM operator_actions WHERE action <> 'price';
    UPDATE ledger_checks SET violations = 0, checked_at = now();
    CHECKPOINT;";

/// The lowest and the highest event id of a range.
pub(crate) type EventIds = (i64, i64);

#[derive(Clone)]
pub(crate) struct Store(pub(crate) SecretString);

#[derive(QueryableByName)]
pub(crate) struct ServerFacts {
    /// The version, and the settings that decide the server's speed.
    #[diesel(sql_type = Text)]
    pub(crate) text: String,
    /// Whether a commit is on disk before it is confirmed.
    #[diesel(sql_type = Bool)]
    pub(crate) is_durable: bool,
}

/// What the database holds about a range of events.
#[derive(Debug, QueryableByName)]
pub(crate) struct LedgerRange {
    #[diesel(sql_type = Array<BigInt>)]
    pub(crate) credited: Vec<i64>,
    #[diesel(sql_type = BigInt)]
    pub(crate) entries: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) open_letters: i64,
}

/// Some ids that pages are asked about.
#[derive(Debug, QueryableByName)]
pub(crate) struct Known {
    #[diesel(sql_type = Array<BigInt>)]
    pub(crate) letters: Vec<i64>,
    /// Each has entries.
    #[diesel(sql_type = Array<BigInt>)]
    pub(crate) wallets: Vec<i64>,
    #[diesel(sql_type = Array<BigInt>)]
    pub(crate) orders: Vec<i64>,
    #[diesel(sql_type = Array<BigInt>)]
    pub(crate) events: Vec<i64>,
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
    pub(crate) fn url(&self) -> &str {
        self.0.expose_secret()
    }

    /// Creates another database on the same server, empty.
    pub(crate) fn create_sibling(&self, name: &str) -> Result<Self> {
        for command in ["DROP DATABASE IF EXISTS", "CREATE DATABASE"] {
            self.execute(&format!("{command} {name}"), "creating another database")?;
        }
        let (server, _database) = self
            .url()
            .rsplit_once('/')
            .ok_or("DATABASE_URL names no database")
            .doing("naming another database")?;
        Ok(Self(format!("{server}/{name}").into()))
    }

    pub(crate) fn drop_sibling(&self, name: &str) -> Result<()> {
        let dropped = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        self.execute(&dropped, "dropping the other database")
    }

    /// Opens a new connection, because the server may have been restarted.
    pub(crate) fn connect(&self) -> Result<PgConnection> {
        PgConnection::establish(self.url()).doing("connecting to the database")
    }

    fn execute(&self, command: &str, what: &str) -> Result<()> {
        self.connect()?.batch_execute(command).doing(what)
    }

    pub(crate) fn facts(&self) -> Result<ServerFacts> {
        let asked = "SELECT 'PostgreSQL ' || current_setting('server_version') \
                || string_agg(', ' || name || ' ' || current_setting(name), '' ORDER BY place) AS text, \
            bool_and(current_setting(name) = 'on' OR name = 'shared_buffers') AS is_durable \
            FROM unnest(ARRAY['fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers']) \
                WITH ORDINALITY AS setting (name, place)";
        diesel::sql_query(asked)
            .get_result(&mut self.connect()?)
            .doing("reading the database's settings")
    }

    /// Empties every table except `products`, and runs a checkpoint.
    pub(crate) fn reset(&self) -> Result<()> {
        self.execute(RESET, "emptying the database")
    }

    /// Lets events without a proof pass the check: a baseline records no signatures, and past orders have
    /// none. The worker verifies every message all the same, because every message has a signature.
    pub(crate) fn require_no_proof(&self) -> Result<()> {
        let later = "UPDATE proof_rule SET required_from = now() + interval '1 day'";
        self.execute(later, "changing the rule for proofs")
    }

    /// Loads past orders into the ledger.
    pub(crate) fn load_past(&self, orders: i64) -> Result<()> {
        bulk::load(&mut self.connect()?, orders)
    }

    /// Loads open dead letters.
    pub(crate) fn load_letters(&self, count: i64) -> Result<()> {
        letters::load(&mut self.connect()?, count)
    }

    /// Gives the console's login a password and its rights of production; gives its address.
    pub(crate) fn let_console_in(&self, password: &str) -> Result<SecretString> {
        let changed = format!("ALTER ROLE paynow_console LOGIN PASSWORD '{password}'");
        self.execute(&changed, "letting the console in")?;
        let (_login, server) = self
            .url()
            .rsplit_once('@')
            .ok_or("DATABASE_URL names no login")
            .doing("naming the console's login")?;
        Ok(format!("postgres://paynow_console:{password}@{server}").into())
    }

    /// Ids from all over the tables.
    pub(crate) fn known(&self) -> Result<Known> {
        let asked = "SELECT \
            ARRAY(SELECT dead_letter_id FROM dead_letters ORDER BY hashint8(dead_letter_id) LIMIT 100) AS letters, \
            ARRAY(SELECT wallet_id FROM wallets ORDER BY hashint8(wallet_id) LIMIT 100) AS wallets, \
            ARRAY(SELECT order_id FROM orders ORDER BY hashint8(order_id) LIMIT 100) AS orders, \
            ARRAY(SELECT event_id FROM webhook_events ORDER BY hashint8(event_id) LIMIT 100) AS events";
        diesel::sql_query(asked)
            .get_result(&mut self.connect()?)
            .doing("reading ids for the pages")
    }

    /// Reads one row about a range of events, whose bounds are `$1` and `$2`.
    fn read<T>(&self, query: &str, (first, last): EventIds, what: &str) -> Result<T>
    where
        T: QueryableByName<Pg> + 'static,
    {
        diesel::sql_query(query)
            .bind::<BigInt, _>(first)
            .bind::<BigInt, _>(last)
            .get_result(&mut self.connect()?)
            .doing(what)
    }

    pub(crate) fn ledger(&self, events: EventIds) -> Result<LedgerRange> {
        let asked = "SELECT \
            coalesce((SELECT array_agg(event_id ORDER BY event_id) FROM webhook_events \
                WHERE event_id BETWEEN $1 AND $2 AND outcome = 'credited'), '{}') AS credited, \
            (SELECT count(*) FROM ledger_entries WHERE event_id BETWEEN $1 AND $2) AS entries, \
            (SELECT count(*) FROM dead_letters WHERE state = 'open') AS open_letters";
        self.read(asked, events, "reading the ledger")
    }

    /// Credits per second between the first and the last transaction of a range of events.
    pub(crate) fn credits_per_second(&self, events: EventIds) -> Result<f64> {
        let asked = "WITH settled AS (SELECT settled_at FROM webhook_events \
                WHERE event_id BETWEEN $1 AND $2), \
            ends AS (SELECT min(settled_at) AS first, max(settled_at) AS last FROM settled) \
            SELECT (SELECT count(*) FROM settled, ends WHERE settled_at < ends.last) \
                / greatest(extract(epoch FROM last - first)::float8, 0.001) AS number FROM ends";
        let row: Number = self.read(asked, events, "reading when events were credited")?;
        Ok(row.number)
    }

    /// Turns the tracking of commit times on or off, from the next restart of the server.
    pub(crate) fn track_commits(&self, on: bool) -> Result<()> {
        let (command, value) = if on { ("SET", " = on") } else { ("RESET", "") };
        for setting in ["track_commit_timestamp", "track_wal_io_timing"] {
            let changed = format!("ALTER SYSTEM {command} {setting}{value}");
            self.execute(&changed, "changing the tracking of commit times")?;
        }
        Ok(())
    }

    pub(crate) fn commit_times(&self, (first, last): EventIds) -> Result<Vec<CommitTime>> {
        let asked = "SELECT event_id, \
            (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000)::bigint AS at_us \
            FROM webhook_events WHERE event_id BETWEEN $1 AND $2";
        diesel::sql_query(asked)
            .bind::<BigInt, _>(first)
            .bind::<BigInt, _>(last)
            .load(&mut self.connect()?)
            .doing("reading the times of commits")
    }

    /// Sets the statistics of log flushes to zero.
    pub(crate) fn reset_flush_statistics(&self) -> Result<()> {
        self.execute(
            "SELECT pg_stat_reset_shared('wal')",
            "resetting the statistics of log flushes",
        )
    }

    /// The mean time of a log flush since the statistics were reset, in milliseconds.
    pub(crate) fn flush_ms(&self) -> Result<f64> {
        let asked = "SELECT (wal_sync_time + wal_write_time) / greatest(wal_sync, 1) AS number \
            FROM pg_stat_wal";
        let row: Number = diesel::sql_query(asked)
            .get_result(&mut self.connect()?)
            .doing("reading the time of log flushes")?;
        Ok(row.number)
    }

    /// How long a check of the whole ledger takes.
    pub(crate) fn ledger_check_seconds(&self) -> Result<f64> {
        let began = std::time::Instant::now();
        self.execute("SELECT check_ledger(0)", "checking the whole ledger")?;
        Ok(began.elapsed().as_secs_f64())
    }

    /// Inserts open dead letters with the reason `unknown_product`.
    pub(crate) fn file_letters(&self, batch: &Batch) -> Result<()> {
        let of_all = |value: fn(&Batch, usize) -> i64| -> Vec<i64> {
            (0..batch.len()).map(|index| value(batch, index)).collect()
        };
        let signature = |index| Signature::from_base64(batch.signature(index));
        let signatures: Vec<Vec<u8>> = (0..batch.len())
            .filter_map(|index| signature(index).map(|it| it.as_bytes().to_vec()))
            .collect();
        let bodies: Vec<&[u8]> = (0..batch.len()).map(|index| batch.body(index)).collect();
        let filed = diesel::sql_query(
            "INSERT INTO dead_letters (event_id, event_type, reason, error, body, body_sha256, \
                 secret_id, signature, signed_at, received_at, attempts) \
             SELECT event_id::text, 'ON_ORDER_COMPLETED', 'unknown_product', \
                 'its product was unknown', body, sha256(body), 'bench', signature, \
                 to_timestamp(signed_at_ms / 1000.0), now(), 1 \
             FROM unnest($1, $2, $3, $4) AS letter (event_id, body, signature, signed_at_ms)",
        )
        .bind::<Array<BigInt>, _>(of_all(Batch::event_id))
        .bind::<Array<Binary>, _>(bodies)
        .bind::<Array<Binary>, _>(signatures)
        .bind::<Array<BigInt>, _>(of_all(Batch::signed_at_ms))
        .execute(&mut self.connect()?);
        filed.map(drop).doing("filing dead letters")
    }
}
