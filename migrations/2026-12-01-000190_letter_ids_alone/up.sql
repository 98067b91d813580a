-- It catches errors, which PostgreSQL cannot do in a parallel plan: a search on a large table failed where no index
-- served it.
ALTER FUNCTION letter_ids(bytea) PARALLEL UNSAFE;
