-- Who makes people: the owner the first ones, then admins in the console, each recorded.
--
-- Safe while the previous version runs: everything is new.

-- Adds a person with a password for the first sign-in, or gives a known one new roles and, where a key is given, a
-- new such password. Null roles disable the person. All sessions of the person end.
CREATE FUNCTION set_person(by_operator text, with_why text, of_name text, with_shown_name text,
    with_roles text[], with_salt bytea, with_rounds integer, with_key bytea) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    before console_people;
BEGIN
    SELECT * INTO before FROM console_people WHERE name = of_name FOR UPDATE;
    IF before.name IS NULL THEN
        INSERT INTO console_people (name, shown_name, source, roles, password_salt, password_rounds,
            password_sha256, one_time_until)
        VALUES (of_name, coalesce(with_shown_name, of_name), 'account', with_roles, with_salt, with_rounds, sha256(with_key),
            now() + interval '7 days');
    ELSE
        UPDATE console_people SET shown_name = coalesce(with_shown_name, shown_name),
            roles = coalesce(with_roles, roles), changed_at = now(),
            disabled_at = CASE WHEN with_roles IS NULL THEN coalesce(disabled_at, now()) END
        WHERE name = of_name;
        UPDATE console_people SET source = 'account', password_salt = with_salt,
            password_rounds = with_rounds, password_sha256 = sha256(with_key), totp_secret = NULL,
            one_time_until = now() + interval '7 days'
        WHERE name = of_name AND with_key IS NOT NULL;
    END IF;
    UPDATE console_sessions SET ended_at = now() WHERE person = of_name AND ended_at IS NULL;
    PERFORM add_action('people', by_operator, with_why, jsonb_build_object('person', of_name),
        jsonb_build_object('person', of_name, 'roles', to_jsonb(with_roles),
            'roles_before', to_jsonb(before.roles), 'has_new_password', with_key IS NOT NULL,
            'is_disabled', with_roles IS NULL));
END $$;

-- The same by somebody who is signed in, about somebody else.
CREATE FUNCTION console_set_person(of_session bytea, with_why text, of_name text, with_shown_name text,
    with_roles text[], with_salt bytea, with_rounds integer, with_key bytea) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    person text := require_recent_role(of_session, ARRAY['admin']);
BEGIN
    IF person = of_name THEN
        RAISE EXCEPTION 'nobody changes their own roles'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'console_people_not_oneself';
    END IF;
    PERFORM set_person(person, with_why, of_name, with_shown_name, with_roles, with_salt, with_rounds, with_key);
END $$;

REVOKE EXECUTE ON FUNCTION
    set_person(text, text, text, text, text[], bytea, integer, bytea),
    console_set_person(bytea, text, text, text, text[], bytea, integer, bytea)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION console_set_person(bytea, text, text, text, text[], bytea, integer, bytea)
    TO paynow_console_admin;
