-- Signing in with a password and the code of an authenticator. Both are checked here, so that whoever has the login of
-- the console learns no secret of an authenticator, and comes in with no password alone.
--
-- Safe while the previous version runs: everything is new.

-- SHA-1 (FIPS 180-4), which authenticators use. PostgreSQL has it only in the extension pgcrypto, which setup's login may
-- not be allowed to create, and which would bring every login functions that this schema does not need.
CREATE FUNCTION sha1_of(message bytea) RETURNS bytea
    LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    mask CONSTANT bigint := 4294967295;
    hash bigint[] := '{1732584193, 4023233417, 2562383102, 271733878, 3285377520}';
    padded bytea := message || '\x80'::bytea
        || decode(repeat('00', (119 - octet_length(message) % 64) % 64), 'hex') || int8send(octet_length(message) * 8);
    words bigint[];
    word bigint;
    a bigint; b bigint; c bigint; d bigint; e bigint;
    mixed bigint;
BEGIN
    FOR block IN 0 .. octet_length(padded) / 64 - 1 LOOP
        words := ARRAY(SELECT ('x' || encode(substr(padded, block * 64 + place * 4 + 1, 4), 'hex'))::bit(32)::bigint & mask
            FROM generate_series(0, 15) AS place ORDER BY place);
        FOR place IN 17 .. 80 LOOP
            word := words[place - 3] # words[place - 8] # words[place - 14] # words[place - 16];
            words[place] := ((word << 1) | (word >> 31)) & mask;
        END LOOP;
        a := hash[1]; b := hash[2]; c := hash[3]; d := hash[4]; e := hash[5];
        FOR place IN 1 .. 80 LOOP
            mixed := CASE (place - 1) / 20
                WHEN 0 THEN ((b & c) | (~b & d)) + 1518500249
                WHEN 1 THEN (b # c # d) + 1859775393
                WHEN 2 THEN ((b & c) | (b & d) | (c & d)) + 2400959708
                ELSE (b # c # d) + 3395469782 END;
            mixed := ((((a << 5) | (a >> 27)) & mask) + mixed + e + words[place]) & mask;
            e := d; d := c; c := ((b << 30) | (b >> 2)) & mask; b := a; a := mixed;
        END LOOP;
        hash := ARRAY[(hash[1] + a) & mask, (hash[2] + b) & mask, (hash[3] + c) & mask, (hash[4] + d) & mask,
            (hash[5] + e) & mask];
    END LOOP;
    RETURN decode((SELECT string_agg(lpad(to_hex(part), 8, '0'), '' ORDER BY place)
        FROM unnest(hash) WITH ORDINALITY AS parts (part, place)), 'hex');
END $$;

-- The six digits that an authenticator shows at a step (RFC 6238, RFC 4226), for a secret of at most 64 bytes.
CREATE FUNCTION code_at(secret bytea, step bigint) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = public, pg_temp AS $$
DECLARE
    inner_key bytea := decode(repeat('36', 64), 'hex');
    outer_key bytea := decode(repeat('5c', 64), 'hex');
    tag bytea;
    start integer;
BEGIN
    FOR place IN 0 .. octet_length(secret) - 1 LOOP
        inner_key := set_byte(inner_key, place, get_byte(secret, place) # 54);
        outer_key := set_byte(outer_key, place, get_byte(secret, place) # 92);
    END LOOP;
    tag := sha1_of(outer_key || sha1_of(inner_key || int8send(step)));
    start := get_byte(tag, 19) & 15;
    RETURN lpad(((('x' || encode(substr(tag, start + 1, 4), 'hex'))::bit(32)::bigint & 2147483647) % 1000000)::text,
        6, '0');
END $$;

-- What a password is derived with. There is an answer for every name, so that nobody learns who is known.
CREATE FUNCTION console_challenge(of_name text, OUT salt bytea, OUT rounds integer)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(known.password_salt, substr(sha256(convert_to(asked.name, 'UTF8')), 1, 16)),
        coalesce(known.password_rounds, 600000)
    FROM (SELECT of_name) AS asked (name) LEFT JOIN console_people AS known
        ON known.name = asked.name AND known.source = 'account'
$$;

-- Signs in with the key that is derived from the password, and the code of now, of the step before or of the one after.
-- `first` has no roles until the person has chosen a password.
CREATE FUNCTION console_sign_in(of_name text, with_key bytea, with_code text, new_session bytea) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    known console_people;
    -- Not the name: people type passwords into the wrong field.
    shadow text := 'name ' || left(encode(sha256(convert_to(of_name, 'UTF8')), 'hex'), 16);
    now_step bigint := floor(extract(epoch FROM clock_timestamp()) / 30);
    at_step bigint;
    is_right boolean;
BEGIN
    -- Several at once wait for each other here, so that none is uncounted and no code is used twice.
    PERFORM pg_advisory_xact_lock(hashtextextended(shadow, 20261201));
    IF (SELECT count(*) >= 5 FROM console_access
        WHERE what = 'sign_in_refused' AND about = shadow AND at > clock_timestamp() - interval '1 minute')
    THEN
        RETURN 'too_many';
    END IF;
    SELECT * INTO known FROM console_people WHERE name = of_name FOR UPDATE;
    -- Looked at for unknown names too, so that the time does not tell who is known.
    SELECT max(step) INTO at_step FROM generate_series(now_step - 1, now_step + 1) AS step
    WHERE code_at(coalesce(known.totp_secret, decode(repeat('00', 20), 'hex')), step) = with_code;
    is_right := known.name IS NOT NULL AND known.source = 'account' AND known.disabled_at IS NULL
        AND known.password_sha256 = sha256(with_key)
        AND (known.one_time_until > clock_timestamp()
             OR known.one_time_until IS NULL AND at_step > known.totp_step);
    IF is_right IS NOT TRUE THEN
        INSERT INTO console_access (person, what, about) VALUES (known.name, 'sign_in_refused', shadow);
        RETURN 'refused';
    END IF;
    UPDATE console_people SET totp_step = greatest(totp_step, at_step) WHERE name = of_name;
    -- contract: sessions that have long ended; no row is deleted by this migration
    DELETE FROM console_sessions WHERE ends_at < clock_timestamp() - interval '7 days';
    INSERT INTO console_sessions (id_sha256, person, roles) VALUES (new_session, known.name, known.roles);
    INSERT INTO console_access (person, what) VALUES (known.name, 'sign_in');
    RETURN CASE WHEN known.one_time_until IS NULL THEN 'signed_in' ELSE 'first' END;
END $$;

REVOKE EXECUTE ON FUNCTION sha1_of(bytea), code_at(bytea, bigint), console_challenge(text),
    console_sign_in(text, bytea, text, bytea)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION console_challenge(text), console_sign_in(text, bytea, text, bytea) TO paynow_console;
