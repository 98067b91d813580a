DROP FUNCTION console_end_own_session(bytea, bigint);
DROP FUNCTION console_own_sessions(bytea);
ALTER TABLE console_sessions DROP COLUMN session_id;
