DROP FUNCTION forgettable_ids(bigint);
