//! Whether this version of the worker can use the schema of the database.

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use diesel::sql_types::{Bool, Text};

use super::DatabaseError;

/// The newest migration of this version. The database may have newer ones, because each is safe for
/// the version before it.
pub const NEWEST_MIGRATION: &str = env!("PAYNOW_NEWEST_MIGRATION");
/// `paynowctl setup` records the applied migrations in this table. An old schema does not allow the
/// worker to read it.
const MAY_READ_MIGRATIONS: &str = "SELECT coalesce(has_column_privilege(\
         to_regclass('__diesel_schema_migrations'), 'version', 'SELECT'), false) AS yes";
const IS_MIGRATION_APPLIED: &str =
    "SELECT EXISTS (SELECT FROM __diesel_schema_migrations WHERE version = $1) AS yes";

#[derive(diesel::QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

/// Fails unless the migrations of this version were applied.
pub(super) fn require_schema(connection: &mut PgConnection) -> Result<(), DatabaseError> {
    let may_read: Answer = diesel::sql_query(MAY_READ_MIGRATIONS).get_result(connection)?;
    if !may_read.yes {
        return Err(DatabaseError::SchemaBehind);
    }
    let applied: Answer = diesel::sql_query(IS_MIGRATION_APPLIED)
        .bind::<Text, _>(NEWEST_MIGRATION)
        .get_result(connection)?;
    match applied.yes {
        true => Ok(()),
        false => Err(DatabaseError::SchemaBehind),
    }
}
