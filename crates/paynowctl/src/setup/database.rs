//! Creates the roles, then applies the migrations as their owner, under a lock that keeps other setups
//! of the database out.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Bool};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use paynow_desk::database::{DatabaseError, ROLE_RIGHT, open};
use paynow_process::backoff::ReconnectBackoff;
use secrecy::SecretString;

use crate::failure::Failure;
use crate::output;
use crate::pause::pause;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");
const ROLES: &str = include_str!("roles.sql");
/// A migration that waits for a table, for example during a backup, blocks every worker. It gives up
/// before that matters, and setup is run again.
const AS_OWNER: &str = "SET ROLE paynow_owner; SET lock_timeout TO '5s'";
/// "paynow" in ASCII, so that no other program uses this number in the database.
const LOCK_KEY: i64 = 0x7061_796e_6f77;
/// Setups of two databases on one server create the same roles; the other takes milliseconds.
const ROLE_ATTEMPTS: u32 = 20;
const ROLE_WAIT_MAX: Duration = Duration::from_secs(1);

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

pub(super) fn run(url: &SecretString) -> Result<(), Failure> {
    let mut connection = open(url)?;
    take_lock(&mut connection)?;
    let result = prepare_roles(&mut connection).and_then(|()| migrate(&mut connection));
    // A pooler would keep the connection, and with it the lock, open.
    let unlocked = sql_query("SELECT pg_advisory_unlock($1)")
        .bind::<BigInt, _>(LOCK_KEY)
        .execute(&mut connection);
    result?;
    unlocked.map_err(DatabaseError::from)?;
    Ok(())
}

fn take_lock(connection: &mut PgConnection) -> Result<(), Failure> {
    let try_lock = format!("SELECT pg_try_advisory_lock({LOCK_KEY}) AS yes");
    if ask(connection, &try_lock)? {
        return Ok(());
    }
    output::line("database: waiting for another setup of this database")?;
    sql_query("SELECT pg_advisory_lock($1)")
        .bind::<BigInt, _>(LOCK_KEY)
        .execute(connection)
        .map_err(DatabaseError::from)?;
    Ok(())
}

fn ask(connection: &mut PgConnection, question: &str) -> Result<bool, Failure> {
    let answer: Answer = sql_query(question)
        .get_result(connection)
        .map_err(DatabaseError::from)?;
    Ok(answer.yes)
}

fn prepare_roles(connection: &mut PgConnection) -> Result<(), Failure> {
    if roles_are_ready(connection)? {
        return output::line("database: roles exist");
    }
    let mut backoff = ReconnectBackoff::new();
    for _attempt in 1..=ROLE_ATTEMPTS {
        connection.batch_execute(ROLES).map_err(|error| {
            Failure::failed(
                "this login may not create the roles: run setup once with one that may",
                error,
            )
        })?;
        if roles_are_ready(connection)? {
            return output::line(
                "database: prepared roles paynow_owner, paynow_worker, paynow_reader, paynow_spender and \
                 paynow_operator",
            );
        }
        pause(backoff.next_wait().min(ROLE_WAIT_MAX));
    }
    Err(Failure::Refused(
        "the roles could not be prepared: the login must be the owner of the database, or a superuser"
            .to_owned(),
    ))
}

/// Whether nothing of `roles.sql` is left to do.
fn roles_are_ready(connection: &mut PgConnection) -> Result<bool, Failure> {
    let roles_exist = ask(
        connection,
        "SELECT count(*) = 5 AS yes FROM pg_roles \
         WHERE rolname IN ('paynow_owner', 'paynow_worker', 'paynow_reader', 'paynow_spender', \
                           'paynow_operator')",
    )?;
    if !roles_exist {
        return Ok(false);
    }
    ask(
        connection,
        &format!(
            "SELECT pg_has_role(current_user, 'paynow_owner', {ROLE_RIGHT}) \
                    AND has_schema_privilege('paynow_owner', 'public', 'CREATE') \
                    AND has_schema_privilege('paynow_worker', 'public', 'USAGE') \
                    AND has_schema_privilege('paynow_reader', 'public', 'USAGE') \
                    AND has_schema_privilege('paynow_spender', 'public', 'USAGE') \
                    AND has_schema_privilege('paynow_operator', 'public', 'USAGE') \
                    AND pg_has_role('paynow_operator', 'paynow_reader', 'MEMBER') \
                    AND pg_has_role('paynow_owner', 'paynow_operator', 'MEMBER') AS yes"
        ),
    )
}

fn migrate(connection: &mut PgConnection) -> Result<(), Failure> {
    let refused = |error: diesel::result::Error| Failure::from(DatabaseError::from(error));
    connection.batch_execute(AS_OWNER).map_err(refused)?;
    let pending = connection
        .pending_migrations(MIGRATIONS)
        .map_err(|error| Failure::failed("the applied migrations could not be read", error))?;
    for migration in &pending {
        let name = migration.name();
        connection.run_migration(migration).map_err(|error| {
            Failure::failed(
                format!(
                    "migration {name} failed and was rolled back; those before it stay applied, and \
                     setup may be run again"
                ),
                error,
            )
        })?;
        output::line(&format!("database: applied migration {name}"))?;
    }
    if pending.is_empty() {
        output::line("database: migrations are up to date")?;
    }
    connection
        .batch_execute("RESET lock_timeout; RESET ROLE")
        .map_err(refused)
}
