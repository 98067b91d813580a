-- A proxy says who people are. The first sign-in keeps a digest of the secret that the console has from its settings,
-- and every later one must have the same.
--
-- Safe while the previous version runs: everything is new.

CREATE TABLE console_proxy (
    is_the_one boolean NOT NULL DEFAULT true,
    -- Of the digest that the console sends.
    secret_digest bytea NOT NULL,
    CONSTRAINT console_proxy_pkey PRIMARY KEY (is_the_one),
    CONSTRAINT console_proxy_one_row CHECK (is_the_one),
    CONSTRAINT console_proxy_secret_digest_length CHECK (octet_length(secret_digest) = 32)
);

-- Signs in whom a proxy names. Where people have accounts, no proxy is believed: a deployment has one source. Else it
-- must know the secret of the first one, so that whoever has the login of the console and no more is nobody.
CREATE FUNCTION console_sign_in_by_proxy(of_name text, with_shown_name text, with_roles text[],
    new_session bytea, with_secret_sha256 bytea) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    known console_people;
BEGIN
    IF EXISTS (SELECT FROM console_people WHERE source = 'account' AND disabled_at IS NULL) THEN
        RAISE EXCEPTION 'people have accounts here, so no proxy is believed'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'console_people_one_source';
    END IF;
    INSERT INTO console_proxy (secret_digest) SELECT sha256(with_secret_sha256)
    ON CONFLICT ON CONSTRAINT console_proxy_pkey DO NOTHING;
    IF (SELECT secret_digest FROM console_proxy) IS DISTINCT FROM sha256(with_secret_sha256) THEN
        RAISE EXCEPTION 'the proxy has another secret than the one that was believed first'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'console_proxy_secret';
    END IF;
    INSERT INTO console_people (name, shown_name, source, roles)
    VALUES (of_name, with_shown_name, 'proxy', with_roles)
    ON CONFLICT ON CONSTRAINT console_people_pkey DO UPDATE
        SET shown_name = excluded.shown_name, roles = excluded.roles, changed_at = now()
        WHERE console_people.source = 'proxy' AND console_people.disabled_at IS NULL
    RETURNING * INTO known;
    IF known.name IS NULL THEN
        INSERT INTO console_access (person, what, about) VALUES (of_name, 'sign_in_refused', 'disabled');
        RETURN 'refused';
    END IF;
    UPDATE console_sessions SET ended_at = now()
    WHERE person = known.name AND ended_at IS NULL AND roles <> with_roles;
    -- contract: sessions that have long ended; no row is deleted by this migration
    DELETE FROM console_sessions WHERE ends_at < now() - interval '7 days';
    INSERT INTO console_sessions (id_sha256, person, roles) VALUES (new_session, known.name, with_roles);
    INSERT INTO console_access (person, what) VALUES (known.name, 'sign_in');
    RETURN 'signed_in';
END $$;

-- For a new secret: the next sign-in through a proxy is a first one. Only the owner may call it.
CREATE FUNCTION forget_proxy_secret(by_operator text, with_why text) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    -- contract: the one row that this function is about; no row is deleted by this migration
    DELETE FROM console_proxy;
    PERFORM add_action('people', by_operator, with_why, '{"proxy_secret": "forgotten"}', '{}');
END $$;

REVOKE EXECUTE ON FUNCTION console_sign_in_by_proxy(text, text, text[], bytea, bytea), forget_proxy_secret(text, text)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION console_sign_in_by_proxy(text, text, text[], bytea, bytea) TO paynow_console;
