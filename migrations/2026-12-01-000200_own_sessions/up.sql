-- A person sees the own sessions, and ends one of them: that of a device that was lost or left open.
--
-- Safe while the previous version runs: it has no console.

-- The digest of a session's id never leaves the database, so a number stands for the session.
ALTER TABLE console_sessions ADD COLUMN session_id bigint GENERATED ALWAYS AS IDENTITY,
    ADD CONSTRAINT console_sessions_session_id_key UNIQUE (session_id);

-- The sessions of the session's person that are not over.
CREATE FUNCTION console_own_sessions(of_session bytea, OUT session_id bigint, OUT source text, OUT is_this boolean,
    OUT signed_in_at timestamptz, OUT seen_at timestamptz, OUT ends_at timestamptz) RETURNS SETOF record
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT own.session_id, known.source, own.id_sha256 = of_session, own.signed_in_at, own.seen_at, own.ends_at
    FROM live_session(of_session) AS live JOIN console_people AS known ON known.name = live.person
        JOIN console_sessions AS own ON own.person = live.person
    WHERE own.ended_at IS NULL AND own.ends_at > clock_timestamp()
        AND own.seen_at > clock_timestamp() - interval '30 minutes'
$$;

-- Ends one of them, and says whether there was one with this number.
CREATE FUNCTION console_end_own_session(of_session bytea, of_number bigint) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH over AS (
        UPDATE console_sessions SET ended_at = now()
        WHERE session_id IN (SELECT own.session_id FROM console_own_sessions(of_session) AS own
                WHERE own.session_id = of_number)
            AND ended_at IS NULL
        RETURNING person
    ), recorded AS (
        INSERT INTO console_access (person, what, about)
        SELECT person, 'sign_out', format('session %s', of_number) FROM over
        RETURNING access_id
    )
    SELECT EXISTS (SELECT FROM recorded)
$$;

REVOKE EXECUTE ON FUNCTION console_own_sessions(bytea), console_end_own_session(bytea, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION console_own_sessions(bytea), console_end_own_session(bytea, bigint) TO paynow_console;
