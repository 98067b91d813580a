//! The lock that lets one setup of a database work at a time. An advisory lock needs no right, so any
//! login could take it and keep setups out for ever; a table can be locked only by its owner here,
//! because nobody has a right to it.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use paynow_desk::database::{DatabaseError, open};
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
const OLD_SETUP_CHECK_INTERVAL: Duration = Duration::from_millis(200);

/// Holds the lock on a connection of its own, because a migration commits the transaction it runs in.
pub(super) struct SetupLock(PgConnection);

impl SetupLock {
    /// Waits for another setup of this database, if there is one. Needs the roles.
    pub(super) fn take(url: &SecretString) -> Result<Self, Failure> {
        let mut connection = open(url)?;
        for statement in [WITHOUT_LIMITS, AS_OWNER, TABLE] {
            run(&mut connection, statement)?;
        }
        let mut has_waited = is_true(&mut connection, IS_TAKEN)?;
        if has_waited {
            report_wait()?;
        }
        run(&mut connection, TAKE)?;
        while !is_true(&mut connection, TAKE_OLD)?
            && is_true(&mut connection, IS_OLD_SETUP_RUNNING)?
        {
            if !has_waited {
                has_waited = true;
                report_wait()?;
            }
            pause(OLD_SETUP_CHECK_INTERVAL);
        }
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
