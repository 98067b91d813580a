//! Roles, then the migrations as their owner, under a lock that setups of one database share.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Bool};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use paynow_process::backoff::ReconnectBackoff;
use secrecy::SecretString;

use crate::database::{DatabaseError, ROLE_RIGHT, open};
use crate::failure::Failure;
use crate::output;
use crate::pause::pause;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");
const ROLES: &str = include_str!("roles.sql");
/// A migration that waits for a table behind a backup makes every worker wait behind itself: better
/// to give up before they notice, and to be run again.
const AS_OWNER: &str = "SET ROLE paynow_owner; SET lock_timeout TO '5s'";
/// "paynow" in ASCII: any constant that no other program takes in this database.
const LOCK_KEY: i64 = 0x7061_796e_6f77;
/// A setup of another database that makes the same roles is done within milliseconds.
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
    let result = make_roles(&mut connection).and_then(|()| migrate(&mut connection));
    // Closing the connection would do; where it goes through a pooler, it stays open.
    let unlocked = sql_query("SELECT pg_advisory_unlock($1)")
        .bind::<BigInt, _>(LOCK_KEY)
        .execute(&mut connection);
    result?;
    unlocked.map_err(DatabaseError::from)?;
    Ok(())
}

fn take_lock(connection: &mut PgConnection) -> Result<(), Failure> {
    if ask(
        connection,
        &format!("SELECT pg_try_advisory_lock({LOCK_KEY}) AS yes"),
    )? {
        return Ok(());
    }
    output::line("database: another setup is running here, waiting for it")?;
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

fn make_roles(connection: &mut PgConnection) -> Result<(), Failure> {
    if roles_are_ready(connection)? {
        return output::line("database: roles are there");
    }
    let mut backoff = ReconnectBackoff::new();
    for _attempt in 1..=ROLE_ATTEMPTS {
        connection.batch_execute(ROLES).map_err(|error| {
            Failure::failed(
                "this login may not make the roles: let one that may run setup once",
                error,
            )
        })?;
        if roles_are_ready(connection)? {
            return output::line(
                "database: made roles paynow_owner, paynow_worker, paynow_reader, paynow_spender and \
                 paynow_operator ready",
            );
        }
        pause(backoff.next_wait().min(ROLE_WAIT_MAX));
    }
    Err(Failure::Refused(
        "the roles could not be made ready: the login must be the database's owner, or a superuser"
            .to_owned(),
    ))
}

/// Whether all that `roles.sql` does has been done.
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
        .map_err(|error| Failure::failed("the applied migrations cannot be read", error))?;
    for migration in &pending {
        let name = migration.name();
        connection.run_migration(migration).map_err(|error| {
            Failure::failed(
                format!(
                    "migration {name} was refused and undone; those before it stay, and setup may \
                     be run again"
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
