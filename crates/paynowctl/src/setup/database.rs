//! Creates the roles, applies the migrations as their owner, makes a game backend's login, and limits what
//! logins may hold, under a lock that keeps other setups of the database out.

use std::error::Error;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::migration::Migration;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use paynow_desk::database::{DatabaseError, ROLE_RIGHT, open};
use paynow_process::backoff::ReconnectBackoff;
use paynow_worker::connect::{limit_silence, silence};
use paynow_worker::database::SilenceLimit;
use secrecy::SecretString;

use super::everybody;
use super::game_login::GameLogin;
use super::limits;
use super::lock::SetupLock;
use super::query::{AS_OWNER, WITHOUT_LIMITS, is_true, texts};
use crate::config::LoginLimits;
use crate::failure::Failure;
use crate::output;
use crate::pause::pause;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");
const ROLES: &str = include_str!("roles.sql");
/// A migration that waits for a table, for example during a backup, blocks every worker. It gives up
/// before that matters, and setup is run again.
const LOCK_LIMIT: &str = "SET lock_timeout TO '5s'";
/// A migration outside of a transaction builds an index while everybody works on, and waits for the
/// transactions that are older, such as the check of the ledger.
const BUILD_LIMIT: &str = "SET lock_timeout TO '25min'";
/// Drops the indexes that an interrupted build has left behind: they are of no use, and their names are taken.
const UNFINISHED_INDEXES: &str = "SELECT format('DROP INDEX CONCURRENTLY %s', indexrelid::regclass) AS value \
     FROM pg_index JOIN pg_class AS relation ON relation.oid = indexrelid \
     WHERE NOT indisvalid AND relation.relowner = 'paynow_owner'::regrole \
         AND relation.relnamespace = 'public'::regnamespace";
/// Who has held a table of ours for so long that a migration may have waited for it in vain. The time of a
/// transaction is null where this login may not see it.
const HOLDERS: &str = "SELECT DISTINCT format('%s (process %s)', session.usename, pid) AS value \
     FROM pg_locks AS held JOIN pg_stat_activity AS session USING (pid) \
     JOIN pg_class AS relation ON relation.oid = held.relation \
     WHERE held.granted AND relation.relkind = 'r' AND relation.relname <> 'setup_lock' \
         AND relation.relowner = 'paynow_owner'::regrole AND session.datname = current_database() \
         AND pid <> pg_backend_pid() \
         AND coalesce(session.xact_start < now() - interval '5 seconds', true) \
     ORDER BY value LIMIT 5";
/// Setups of two databases on one server create the same roles; the other takes milliseconds.
const ROLE_ATTEMPTS: u32 = 20;
const ROLE_WAIT_MAX: Duration = Duration::from_secs(1);

#[derive(QueryableByName)]
struct RequiredFrom {
    #[diesel(sql_type = Text)]
    at: String,
}

pub(super) fn run(
    url: &SecretString,
    limit: SilenceLimit,
    login_limits: &LoginLimits,
    game_login: Option<&GameLogin>,
) -> Result<(), Failure> {
    let mut connection = open(url, limit.ordinary())?;
    connection
        .batch_execute(WITHOUT_LIMITS)
        .map_err(DatabaseError::from)?;
    // The lock is a table of the owner, so the roles come first; several setups may make them at once.
    prepare_roles(&mut connection)?;
    let lock = SetupLock::take(url, limit)?;
    let result = migrate(&mut connection, limit)
        .and_then(|()| everybody::restrict(&mut connection))
        // Before the limits, so that a new login has them.
        .and_then(|()| game_login.map_or(Ok(()), |login| login.prepare(&mut connection)))
        .and_then(|()| limits::set(&mut connection, login_limits));
    let released = lock.release();
    result.and(released)
}

fn prepare_roles(connection: &mut PgConnection) -> Result<(), Failure> {
    if roles_are_ready(connection)? {
        return output::line("database: roles exist");
    }
    let mut backoff = ReconnectBackoff::new();
    for _attempt in 1..=ROLE_ATTEMPTS {
        connection.batch_execute(ROLES).map_err(|error| {
            let what = "this login may not create the roles: run setup once with one that may";
            failed(what, error.into())
        })?;
        if roles_are_ready(connection)? {
            return output::line(
                "database: prepared roles paynow_owner, paynow_ledger, paynow_worker, paynow_reader, \
                 paynow_spender, paynow_operator and paynow_console with its five",
            );
        }
        pause(backoff.next_wait().min(ROLE_WAIT_MAX));
    }
    Err(Failure::Refused(
        "the roles could not be prepared: the login must be the owner of the database, or a superuser"
            .to_owned(),
    ))
}

/// The error of a step, unless the server said nothing: then nobody knows more.
fn failed(what: &str, error: Box<dyn Error + Send + Sync>) -> Failure {
    match silence() {
        Some(waited) => DatabaseError::Silent(waited).into(),
        None => Failure::failed(what, error),
    }
}

/// Whether nothing of `roles.sql` is left to do.
fn roles_are_ready(connection: &mut PgConnection) -> Result<bool, Failure> {
    let roles_exist = is_true(
        connection,
        "SELECT count(*) = 12 AS value FROM pg_roles \
         WHERE rolname IN ('paynow_owner', 'paynow_worker', 'paynow_reader', 'paynow_spender', \
                           'paynow_operator', 'paynow_ledger', 'paynow_console', \
                           'paynow_console_viewer', 'paynow_console_support', 'paynow_console_operator', \
                           'paynow_console_approver', 'paynow_console_admin')",
    )?;
    if !roles_exist {
        return Ok(false);
    }
    is_true(
        connection,
        &format!(
            "SELECT pg_has_role(current_user, 'paynow_owner', {ROLE_RIGHT}) \
                    AND has_schema_privilege('paynow_owner', 'public', 'CREATE') \
                    AND has_schema_privilege('paynow_ledger', 'public', 'CREATE') \
                    AND has_schema_privilege('paynow_worker', 'public', 'USAGE') \
                    AND has_schema_privilege('paynow_reader', 'public', 'USAGE') \
                    AND has_schema_privilege('paynow_spender', 'public', 'USAGE') \
                    AND has_schema_privilege('paynow_operator', 'public', 'USAGE') \
                    AND has_schema_privilege('paynow_console', 'public', 'USAGE') \
                    AND has_schema_privilege('paynow_console_admin', 'public', 'USAGE') \
                    AND (SELECT count(*) FROM pg_auth_members \
                         WHERE member::regrole::text LIKE 'paynow\\_console%' \
                             AND roleid::regrole::text LIKE 'paynow\\_%') >= 9 \
                    AND pg_has_role('paynow_operator', 'paynow_reader', 'MEMBER') \
                    AND pg_has_role('paynow_owner', 'paynow_operator', 'MEMBER') \
                    AND pg_has_role('paynow_owner', 'paynow_ledger', 'MEMBER') AS value"
        ),
    )
}

/// Says until when the worker applies messages that have no signature.
fn print_proof_rule(connection: &mut PgConnection) -> Result<(), Failure> {
    let rules: Vec<RequiredFrom> = sql_query(
        "SELECT to_char(required_from AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS at \
         FROM proof_rule WHERE required_from > now()",
    )
    .load(connection)
    .map_err(DatabaseError::from)?;
    rules.iter().try_for_each(|RequiredFrom { at }| {
        output::line(&format!(
            "database: messages without a signature of PayNow are applied until {at}, then they become \
             dead letters"
        ))
    })
}

fn migrate(connection: &mut PgConnection, limit: SilenceLimit) -> Result<(), Failure> {
    let refused = |error: diesel::result::Error| Failure::from(DatabaseError::from(error));
    for statement in [AS_OWNER, LOCK_LIMIT] {
        connection.batch_execute(statement).map_err(refused)?;
    }
    let pending = connection
        .pending_migrations(MIGRATIONS)
        .map_err(|error| failed("the applied migrations could not be read", error))?;
    for migration in &pending {
        if !migration.metadata().run_in_transaction() {
            connection.batch_execute(BUILD_LIMIT).map_err(refused)?;
            for drop in texts(connection, UNFINISHED_INDEXES)? {
                connection.batch_execute(&drop).map_err(refused)?;
            }
        }
        apply(connection, migration.as_ref(), limit)?;
        connection.batch_execute(LOCK_LIMIT).map_err(refused)?;
    }
    if pending.is_empty() {
        output::line("database: migrations are up to date")?;
    }
    print_proof_rule(connection)?;
    connection
        .batch_execute("SET lock_timeout TO 0; RESET ROLE")
        .map_err(refused)
}

fn apply(
    connection: &mut PgConnection,
    migration: &dyn Migration<Pg>,
    limit: SilenceLimit,
) -> Result<(), Failure> {
    let name = migration.name();
    // A migration of a large table says nothing while it works.
    limit_silence(connection, limit.patient());
    let applied = connection.run_migration(migration);
    limit_silence(connection, limit.ordinary());
    let Err(error) = applied else {
        return output::line(&format!("database: applied migration {name}"));
    };
    if let Some(waited) = silence() {
        return Err(DatabaseError::Silent(waited).into());
    }
    let holders = holders(connection)?;
    Err(Failure::failed(
        format!(
            "migration {name} failed and was rolled back; those before it stay applied, and \
             setup may be run again{holders}"
        ),
        error,
    ))
}

/// The end of a sentence that names who may be in the way.
fn holders(connection: &mut PgConnection) -> Result<String, Failure> {
    let logins = texts(connection, HOLDERS)?;
    Ok(match logins.is_empty() {
        true => String::new(),
        false => format!(
            "; these logins have had our tables in use for more than 5 seconds: {}",
            logins.join(", ")
        ),
    })
}
