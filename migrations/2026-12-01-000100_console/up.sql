-- The people who use the console, their sessions, and a record of what they looked at. The console has one login,
-- so a function below finds who acts from the session, and believes no name that it is told.
--
-- Safe while the previous version runs: everything is new, and the trigger on `operator_actions` is about logins of
-- the console only.

CREATE TABLE console_people (
    -- ASCII in lower case, so that `Anna` and `anna` are one person, and no letter looks like another.
    name text NOT NULL,
    shown_name text NOT NULL,
    -- `account`: a password here; `proxy`: another system says who it is, at every sign-in.
    source text NOT NULL,
    roles text[] NOT NULL,
    password_salt bytea,
    password_rounds integer,
    -- Of the key that is derived from the password: whoever reads this row cannot sign in with it.
    password_sha256 bytea,
    -- Somebody else knows the password, so the person must replace it, until then.
    one_time_until timestamptz,
    totp_secret bytea,
    -- The newest code that was used: none counts twice.
    totp_step bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz,
    CONSTRAINT console_people_pkey PRIMARY KEY (name),
    CONSTRAINT console_people_name_form CHECK (name COLLATE "C" ~ '^[!-@[-~]{1,100}$'),
    CONSTRAINT console_people_shown_name_bounded CHECK (length(shown_name) BETWEEN 1 AND 100),
    CONSTRAINT console_people_source_known CHECK (source IN ('account', 'proxy')),
    CONSTRAINT console_people_roles_known
        CHECK (roles <@ ARRAY['viewer', 'support', 'operator', 'approver', 'admin']),
    CONSTRAINT console_people_account_has_password CHECK (source <> 'account'
        OR coalesce(octet_length(password_salt) >= 16 AND password_rounds >= 100000
            AND octet_length(password_sha256) = 32
            AND (one_time_until IS NOT NULL OR octet_length(totp_secret) >= 20), false)),
    -- Each sign-in derives the key with these rounds, one at a time for everybody.
    CONSTRAINT console_people_bounded CHECK (cardinality(roles) <= 5 AND password_rounds <= 2000000
        AND octet_length(password_salt) <= 64 AND octet_length(totp_secret) <= 64)
);

CREATE TABLE console_sessions (
    -- Of the 32 random bytes in the cookie.
    id_sha256 bytea NOT NULL,
    person text NOT NULL,
    -- As they were at the sign-in: a change of a person's roles ends the sessions.
    roles text[] NOT NULL,
    signed_in_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ends_at timestamptz NOT NULL DEFAULT clock_timestamp() + interval '12 hours',
    ended_at timestamptz,
    CONSTRAINT console_sessions_pkey PRIMARY KEY (id_sha256),
    CONSTRAINT console_sessions_person_fkey FOREIGN KEY (person) REFERENCES console_people,
    CONSTRAINT console_sessions_id_sha256_length CHECK (octet_length(id_sha256) = 32)
);
CREATE INDEX console_sessions_person_idx ON console_sessions (person);

-- What people looked at, and what they were refused. What they did is in `operator_actions`.
CREATE TABLE console_access (
    access_id bigint GENERATED ALWAYS AS IDENTITY,
    -- Null where nobody signed in.
    person text,
    what text NOT NULL,
    about text NOT NULL DEFAULT '',
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT console_access_pkey PRIMARY KEY (access_id),
    CONSTRAINT console_access_what_known CHECK (what IN ('sign_in', 'sign_in_refused', 'sign_out', 'enrol',
        'refused', 'look_up', 'preview', 'export')),
    CONSTRAINT console_access_about_bounded CHECK (length(about) <= 500)
);
CREATE INDEX console_access_person_idx ON console_access (person, access_id);
CREATE INDEX console_access_at_idx ON console_access (at);
CREATE INDEX console_access_what_idx ON console_access (what, access_id);

CREATE FUNCTION refuse_console_access_change() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'what people looked at is never changed'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'console_access_append_only';
END $$;
CREATE TRIGGER console_access_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON console_access
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_console_access_change();

-- Widened as it stands, so that this migration repeats none of its other words.
DO $$
DECLARE
    before text := (SELECT pg_get_constraintdef(oid) FROM pg_constraint
        WHERE conname = 'operator_actions_action_known' AND conrelid = 'operator_actions'::regclass);
    widened text := replace(before, ']))', ', ''correct_request''::text, ''correct_decide''::text, '
        '''replay_control''::text, ''reveal''::text, ''people''::text]))');
BEGIN
    IF widened IS NOT DISTINCT FROM before THEN
        RAISE EXCEPTION 'the rule operator_actions_action_known is not as expected';
    END IF;
    -- contract: the rule is only widened, and put back in the same statement
    EXECUTE 'ALTER TABLE operator_actions DROP CONSTRAINT operator_actions_action_known, '
        || 'ADD CONSTRAINT operator_actions_action_known ' || widened;
END $$;

-- Whether this session's login is the console's. Whoever may act as the owner is not: it sets everything up.
CREATE FUNCTION is_console_login() RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM pg_roles AS login, pg_roles AS console, pg_roles AS owner
        WHERE login.rolname = session_user AND console.rolname = 'paynow_console'
            AND owner.rolname = 'paynow_owner' AND NOT login.rolsuper
            AND pg_has_role(login.oid, console.oid, 'MEMBER')
            AND NOT pg_has_role(login.oid, owner.oid, 'MEMBER'))
$$;

-- The person of a session that is not over, and its roles; none before the person has chosen a password. By the clock:
-- in a transaction that somebody holds open, `now()` is the time at which it began.
CREATE FUNCTION live_session(of_session bytea, OUT person text, OUT roles text[], OUT is_recent boolean)
    LANGUAGE sql SET search_path = public, pg_temp AS $$
    SELECT found.name, CASE WHEN found.one_time_until IS NULL THEN console_sessions.roles ELSE '{}' END,
        signed_in_at > clock_timestamp() - interval '15 minutes'
    FROM console_sessions JOIN console_people AS found ON found.name = person
    WHERE id_sha256 = of_session AND ended_at IS NULL AND ends_at > clock_timestamp()
        AND seen_at > clock_timestamp() - interval '30 minutes' AND disabled_at IS NULL
$$;

-- The person of a session that has one of these roles. What the person does from here on in this transaction is
-- recorded under the session.
CREATE FUNCTION require_role(of_session bytea, any_of text[]) RETURNS text
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    found record;
BEGIN
    -- Sums and states below must be those of now, and not those of the time at which a transaction began.
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        RAISE EXCEPTION 'sessions act in transactions that are READ COMMITTED'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'console_reads_committed';
    END IF;
    SELECT * INTO found FROM live_session(of_session);
    IF found.person IS NULL THEN
        RAISE EXCEPTION 'the session is over'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'console_session_over';
    END IF;
    IF NOT found.roles && any_of THEN
        RAISE EXCEPTION '% has none of the roles %', found.person, array_to_string(any_of, ', ')
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'console_role_missing';
    END IF;
    PERFORM set_config('paynow.console_session', encode(of_session, 'hex'), true);
    RETURN found.person;
END $$;

-- The same, for what takes a sign-in of the last minutes.
CREATE FUNCTION require_recent_role(of_session bytea, any_of text[]) RETURNS text
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    person text := require_role(of_session, any_of);
BEGIN
    IF NOT (SELECT is_recent FROM live_session(of_session)) THEN
        RAISE EXCEPTION '% must sign in once more', person
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'console_sign_in_recent';
    END IF;
    RETURN person;
END $$;

-- An action that comes through the console is its session's, whatever name it is recorded with. Not even a session
-- that was signed out keeps the end of a replay from being recorded, so a replay's own records only need the
-- session to be the person's.
CREATE FUNCTION refuse_forged_name() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    of_session bytea;
    acting record;
BEGIN
    IF NOT is_console_login() THEN
        RETURN NEW;
    END IF;
    of_session := decode(coalesce(current_setting('paynow.console_session', true), ''), 'hex');
    IF NEW.action = 'replay' AND NEW.selection ? 'replay' THEN
        SELECT console_sessions.person, roles INTO acting FROM console_sessions WHERE id_sha256 = of_session;
    ELSE
        SELECT * INTO acting FROM live_session(of_session);
    END IF;
    IF acting.person IS DISTINCT FROM NEW.operator THEN
        RAISE EXCEPTION 'the session is not one of %', NEW.operator
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'operator_actions_of_the_session';
    END IF;
    IF NOT acting.roles && (CASE
        WHEN NEW.action = 'people' THEN ARRAY['admin']
        WHEN NEW.action IN ('correct_request', 'correct') THEN ARRAY['support', 'operator', 'approver']
        WHEN NEW.action = 'correct_decide' THEN ARRAY['support', 'operator', 'approver']
        WHEN NEW.action = 'reveal' THEN ARRAY['operator', 'approver']
        ELSE ARRAY['operator'] END)
    THEN
        RAISE EXCEPTION '% has no role for that', NEW.operator
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'console_role_missing';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER operator_actions_of_the_session BEFORE INSERT ON operator_actions
    FOR EACH ROW EXECUTE FUNCTION refuse_forged_name();

-- The steps of a replay record no name, and each takes or keeps the hold of the replay: only for a session of somebody
-- who may replay, even if it was signed out since.
CREATE FUNCTION refuse_hold_of_nobody() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF is_console_login() AND NOT EXISTS (SELECT FROM console_sessions WHERE 'operator' = ANY (roles)
        AND id_sha256 = decode(coalesce(current_setting('paynow.console_session', true), ''), 'hex'))
    THEN
        RAISE EXCEPTION 'a replay is run for somebody who may replay'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'console_role_missing';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER replay_runs_of_the_session BEFORE INSERT OR UPDATE ON replay_runs
    FOR EACH ROW EXECUTE FUNCTION refuse_hold_of_nobody();

-- The session, if it is not over. That it is used is written at most twice a minute; a page that only follows what
-- happens does not use it.
CREATE FUNCTION console_session(of_session bytea, is_use boolean, OUT person text, OUT shown_name text, OUT roles text[],
    OUT must_enrol boolean, OUT signed_in_at timestamptz, OUT is_recent boolean, OUT ends_at timestamptz)
    RETURNS SETOF record
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
BEGIN
    UPDATE console_sessions SET seen_at = clock_timestamp()
    WHERE is_use AND id_sha256 = of_session AND seen_at < clock_timestamp() - interval '30 seconds'
        AND (SELECT live.person FROM live_session(of_session) AS live) IS NOT NULL;
    RETURN QUERY SELECT known.name, known.shown_name, live.roles, known.one_time_until IS NOT NULL,
            session.signed_in_at, live.is_recent, session.ends_at
        FROM live_session(of_session) AS live JOIN console_people AS known ON known.name = live.person
            JOIN console_sessions AS session ON session.id_sha256 = of_session;
END $$;

CREATE FUNCTION console_sign_out(of_session bytea) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH over AS (
        UPDATE console_sessions SET ended_at = now() WHERE id_sha256 = of_session AND ended_at IS NULL
        RETURNING person
    )
    INSERT INTO console_access (person, what) SELECT person, 'sign_out' FROM over
$$;

-- Ends every session of the session's person.
CREATE FUNCTION console_sign_out_everywhere(of_session bytea) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH over AS (
        UPDATE console_sessions SET ended_at = now()
        WHERE ended_at IS NULL AND person = (SELECT person FROM live_session(of_session))
        RETURNING person
    )
    INSERT INTO console_access (person, what, about)
    SELECT DISTINCT person, 'sign_out', 'everywhere' FROM over
$$;

-- A person's own password and second factor. All sessions end: the next sign-in shows that both work.
CREATE FUNCTION console_enrol(of_session bytea, with_salt bytea, with_rounds integer, with_key bytea,
    with_totp_secret bytea, at_step bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    live record;
BEGIN
    SELECT * INTO live FROM live_session(of_session);
    IF live.person IS NULL THEN
        RAISE EXCEPTION 'the session is over'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'console_session_over';
    END IF;
    IF NOT live.is_recent THEN
        RAISE EXCEPTION '% must sign in once more', live.person
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'console_sign_in_recent';
    END IF;
    UPDATE console_people SET password_salt = with_salt, password_rounds = with_rounds,
        password_sha256 = sha256(with_key), totp_secret = with_totp_secret, totp_step = at_step,
        one_time_until = NULL, changed_at = now()
    WHERE name = live.person AND source = 'account';
    UPDATE console_sessions SET ended_at = now() WHERE person = live.person AND ended_at IS NULL;
    INSERT INTO console_access (person, what) VALUES (live.person, 'enrol');
END $$;

-- Records what a person looked at or was refused.
CREATE FUNCTION record_access(of_session bytea, of_kind text, with_about text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO console_access (person, what, about)
    VALUES (require_role(of_session, ARRAY['viewer', 'support', 'operator', 'approver', 'admin']), of_kind,
        left(with_about, 500));
END $$;

REVOKE EXECUTE ON FUNCTION
    refuse_console_access_change(), is_console_login(), live_session(bytea), require_role(bytea, text[]),
    require_recent_role(bytea, text[]), refuse_forged_name(), refuse_hold_of_nobody(), console_session(bytea, boolean), console_sign_out(bytea), console_sign_out_everywhere(bytea),
    console_enrol(bytea, bytea, integer, bytea, bytea, bigint), record_access(bytea, text, text)
    FROM PUBLIC;

-- The console's login by itself: sessions, and nothing that a person asks for.
GRANT EXECUTE ON FUNCTION
    console_session(bytea, boolean), console_sign_out(bytea),
    console_sign_out_everywhere(bytea), console_enrol(bytea, bytea, integer, bytea, bytea, bigint),
    record_access(bytea, text, text)
    TO paynow_console;
GRANT SELECT (name, shown_name, source, roles, one_time_until, created_at, changed_at, disabled_at)
    ON console_people TO paynow_reader, paynow_console_admin;
GRANT SELECT (person, roles, signed_in_at, seen_at, ends_at, ended_at) ON console_sessions
    TO paynow_console_admin;
GRANT SELECT ON console_access TO paynow_reader;
GRANT SELECT (name) ON customer_identities TO paynow_console_support;
GRANT SELECT (body) ON dead_letters TO paynow_console_operator;
GRANT EXECUTE ON FUNCTION
    set_price(bigint, bigint, timestamptz, text, text), discard_letters(bigint[], text, text, jsonb),
    hold_replay(bigint), take_letters(bigint, bigint), give_back_letters(bigint, bigint[]),
    mark_letters_sent(bigint, bigint[]), observe_replay(bigint), end_replay_run(bigint, text, text, text)
    TO paynow_console_operator;
