//! Whether the database's schema is one that this version can work with.

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use diesel::sql_types::{Bool, Text};

use crate::database::DatabaseError;

/// The newest migration of this version. Newer ones may be there: each is safe for the version before
/// it; but what we ask of the schema must be there.
pub(crate) const NEWEST_MIGRATION: &str = env!("PAYNOW_NEWEST_MIGRATION");
/// Where `paynowctl setup` records what it applied. A schema from before the worker might look lacks
/// the right to, which is an answer too.
const MAY_LOOK: &str = "SELECT coalesce(has_column_privilege(\
         to_regclass('__diesel_schema_migrations'), 'version', 'SELECT'), false) AS yes";
const LOOK: &str =
    "SELECT EXISTS (SELECT FROM __diesel_schema_migrations WHERE version = $1) AS yes";

#[derive(diesel::QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

/// Fails unless the migrations of this version were applied.
pub(crate) fn need_schema(connection: &mut PgConnection) -> Result<(), DatabaseError> {
    let may_look: Answer = diesel::sql_query(MAY_LOOK).get_result(connection)?;
    if !may_look.yes {
        return Err(DatabaseError::SchemaBehind);
    }
    let looked: Answer = diesel::sql_query(LOOK)
        .bind::<Text, _>(NEWEST_MIGRATION)
        .get_result(connection)?;
    if looked.yes {
        Ok(())
    } else {
        Err(DatabaseError::SchemaBehind)
    }
}
