//! The lock that lets one setup of a database work at a time. An advisory lock needs no right, so any
//! login could take it and keep setups out for ever; a table can be locked only by its owner here,
//! because nobody has a right to it.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use paynow_desk::database::{DatabaseError, open};
use paynow_worker::connect::limit_silence;
use paynow_worker::database::SilenceLimit;
use secrecy::SecretString;

use super::query::{AS_OWNER, WITHOUT_LIMITS, is_true};
use crate::failure::Failure;
use crate::output;
use crate::pause::pause;

/// Two setups may create it at the same time, and one of them fails with a duplicate.
const TABLE: &str = "DO $$ BEGIN \
         CREATE TABLE IF NOT EXISTS public.setup_lock (); \
     EXCEPTION WHEN unique_violation OR duplicate_table THEN NULL; \
     END $$";
/// Lets a backup read the table, and takes no snapshot that `CREATE INDEX CONCURRENTLY` would wait for.
const TAKE: &str = "BEGIN; LOCK TABLE public.setup_lock IN EXCLUSIVE MODE";
const IS_TAKEN: &str = "SELECT EXISTS (SELECT FROM pg_locks \
         WHERE relation = 'public.setup_lock'::regclass AND mode = 'ExclusiveLock' AND granted \
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS value";
/// Keeps out setups of version 0.1.0, which take only this: "paynow" in ASCII.
const TAKE_OLD: &str = "SELECT pg_try_advisory_xact_lock(x'7061796e6f77'::bigint) AS value";
/// Whoever holds it and may not act as the owner is no setup, so it keeps nobody out.
const IS_OLD_SETUP_RUNNING: &str = "SELECT EXISTS (\
         SELECT FROM pg_locks JOIN pg_stat_activity AS session USING (pid) \
         JOIN pg_roles AS login ON login.oid = session.usesysid \
         WHERE locktype = 'advisory' AND granted AND objsubid = 1 \
             AND (classid::bigint << 32 | objid::bigint) = x'7061796e6f77'::bigint \
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
             AND pg_has_role(login.oid, 'paynow_owner', 'MEMBER')) AS value";
/// The server keeps the last question open, and with it a snapshot, until the next simple statement.
const END_OF_QUESTIONS: &str = "SELECT 1";
const CHECK_INTERVAL: Duration = Duration::from_millis(200);

/// Holds the lock on a connection of its own, because a migration commits the transaction it runs in.
pub(super) struct SetupLock(PgConnection);

impl SetupLock {
    /// Waits for another setup of this database, if there is one. Needs the roles.
    pub(super) fn take(url: &SecretString, limit: SilenceLimit) -> Result<Self, Failure> {
        let mut connection = open(url, limit.ordinary())?;
        for statement in [WITHOUT_LIMITS, AS_OWNER, TABLE] {
            run(&mut connection, statement)?;
        }
        // Asks again and again, because a server that makes us wait cannot be told from a silent one.
        let mut has_waited = false;
        while is_true(&mut connection, IS_TAKEN)? {
            if !has_waited {
                has_waited = true;
                report_wait()?;
            }
            pause(CHECK_INTERVAL);
        }
        // It waits only if another setup took the lock at this moment.
        limit_silence(&mut connection, limit.patient());
        run(&mut connection, TAKE)?;
        limit_silence(&mut connection, limit.ordinary());
        while !is_true(&mut connection, TAKE_OLD)?
            && is_true(&mut connection, IS_OLD_SETUP_RUNNING)?
        {
            if !has_waited {
                has_waited = true;
                report_wait()?;
            }
            pause(CHECK_INTERVAL);
        }
        run(&mut connection, END_OF_QUESTIONS)?;
        Ok(Self(connection))
    }

    /// A pooler would keep a connection that is only closed, and with it the lock, open.
    pub(super) fn release(mut self) -> Result<(), Failure> {
        run(&mut self.0, "COMMIT; RESET ROLE")
    }
}

fn report_wait() -> Result<(), Failure> {
    output::line("database: waiting for another setup of this database")
}

fn run(connection: &mut PgConnection, statements: &str) -> Result<(), Failure> {
    connection
        .batch_execute(statements)
        .map_err(|error| DatabaseError::from(error).into())
}
