//! Takes away what every login may do in a database by default, and says what it could not take away.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use paynow_desk::database::DatabaseError;

use super::query::texts;
use crate::failure::Failure;
use crate::output;

const REVOKE: &str = include_str!("everybody.sql");
/// What every login may still do, and the statement that would end it. A prepared transaction keeps its
/// locks after its session has ended, so no time-out of a login reaches it.
const LEFT: &str = "
    SELECT format('every login may still %s: %s', may, remedy) AS value
    FROM (
        SELECT 1 AS place, 'create temporary tables' AS may,
            format('as the owner of the database, run REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC',
                datname) AS remedy
        FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) AS acl
        WHERE datname = current_database() AND acl.grantee = 0 AND acl.privilege_type = 'TEMPORARY'
        UNION ALL
        SELECT 2, 'create schemas',
            format('as the owner of the database, run REVOKE CREATE ON DATABASE %I FROM PUBLIC', datname)
        FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) AS acl
        WHERE datname = current_database() AND acl.grantee = 0 AND acl.privilege_type = 'CREATE'
        UNION ALL
        SELECT 3, 'create tables',
            'as the owner of the schema, run REVOKE CREATE ON SCHEMA public FROM PUBLIC'
        FROM pg_namespace, aclexplode(coalesce(nspacl, acldefault('n', nspowner))) AS acl
        WHERE nspname = 'public' AND acl.grantee = 0 AND acl.privilege_type = 'CREATE'
        UNION ALL
        SELECT 4, 'create large objects',
            format('as a superuser, run REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC',
                string_agg(proc.oid::regprocedure::text, ', ' ORDER BY proname))
        FROM pg_proc AS proc, aclexplode(coalesce(proacl, acldefault('f', proowner))) AS acl
        WHERE pronamespace = 'pg_catalog'::regnamespace AND acl.grantee = 0
            AND proname IN ('lo_creat', 'lo_create', 'lo_from_bytea')
        HAVING count(*) > 0
        UNION ALL
        SELECT 5, 'prepare transactions, whose locks outlive every time-out',
            'set max_prepared_transactions to 0 and restart the server'
        WHERE current_setting('max_prepared_transactions')::int > 0
    ) AS what
    ORDER BY place";

pub(super) fn restrict(connection: &mut PgConnection) -> Result<(), Failure> {
    let mut left = texts(connection, LEFT)?;
    if !left.is_empty() {
        connection
            .batch_execute(REVOKE)
            .map_err(DatabaseError::from)?;
        left = texts(connection, LEFT)?;
    }
    if left.is_empty() {
        return output::line("database: no login may create temporary tables or large objects");
    }
    left.iter()
        .try_for_each(|what| output::line(&format!("database: {what}")))
}
