-- What PostgreSQL lets every login do in a database unless it is told otherwise, and no program of ours
-- needs. Only the owner of the database may take the first two away, and only a superuser the third:
-- for anybody else these statements do nothing, and `setup` looks afterwards what is left.

-- A database that was made before PostgreSQL 15 lets everybody create tables.
DO $$
BEGIN
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
EXCEPTION WHEN insufficient_privilege OR internal_error THEN
    NULL;
END $$;

DO $$
BEGIN
    EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
EXCEPTION WHEN insufficient_privilege OR internal_error THEN
    NULL;
END $$;

-- Large objects fill the disk, and belong to no table whose rights could forbid it.
DO $$
BEGIN
    REVOKE EXECUTE ON FUNCTION pg_catalog.lo_creat(integer), pg_catalog.lo_create(oid),
        pg_catalog.lo_from_bytea(oid, bytea) FROM PUBLIC;
EXCEPTION WHEN insufficient_privilege OR internal_error THEN
    NULL;
END $$;
