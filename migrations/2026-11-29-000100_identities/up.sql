-- Who a customer is in games: the ids and the last name that PayNow told with an order. Names are personal
-- data, so they are forgotten when a person asks and when their time is over.
--
-- Safe while the previous version runs: its programs do not know the table. What its workers apply
-- meanwhile is filled in afterwards.

CREATE TABLE customer_identities (
    wallet_id bigint NOT NULL,
    -- In lower case, as PayNow's profile says; 'name' for a customer of whom it told no profile.
    platform text NOT NULL,
    -- Normalized by normal_external_id; the wallet's own id on the platform 'name', so that a name is only
    -- in the next column.
    external_id text NOT NULL,
    -- The last one seen.
    name text,
    first_seen_at timestamptz NOT NULL,
    -- To a day: a customer who orders all day costs no write.
    last_seen_at timestamptz NOT NULL,
    CONSTRAINT customer_identities_pkey PRIMARY KEY (wallet_id, platform, external_id)
);
CREATE INDEX customer_identities_external_id_idx ON customer_identities (external_id, platform);
CREATE INDEX customer_identities_name_idx ON customer_identities (lower(name) text_pattern_ops);
CREATE INDEX customer_identities_last_seen_at_idx ON customer_identities (last_seen_at);

GRANT SELECT (wallet_id, platform, external_id, first_seen_at, last_seen_at) ON customer_identities
    TO paynow_reader;
GRANT SELECT (name) ON customer_identities TO paynow_operator;

-- The event up to which identities were filled in from payloads that are older than this table; null when
-- all is done. For a day it goes on with new events, because a worker of the version before may apply them.
ALTER TABLE upgrade_rule
    ADD COLUMN identities_filled_to bigint,
    ADD COLUMN identities_filled_until timestamptz;
UPDATE upgrade_rule SET identities_filled_to = 0, identities_filled_until = now() + interval '1 day'
WHERE EXISTS (SELECT FROM webhook_events);

-- The functions without a GRANT are used by other functions here only.

-- A text without control characters and spaces around it; null if nothing is left.
CREATE FUNCTION clean_text(given text) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT nullif(btrim(regexp_replace(given, '[\u0001-\u001f\u007f-\u009f]', '', 'g')), '')
$$;

-- As `paynow_shared::identity::external_id` does it. A cut id would be another one, so a long one is none.
CREATE FUNCTION normal_external_id(given text) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT CASE
        WHEN id ~* '^([0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$'
            THEN replace(id, '-', '')::uuid::text
        WHEN length(id) <= 100 THEN id
    END FROM (SELECT clean_text(given)) AS cleaned (id)
$$;

-- The text of a JSON string, the digits of an integer, and null for everything else.
CREATE FUNCTION plain_text(value jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT CASE jsonb_typeof(value) WHEN 'string' THEN value #>> '{}'
                                    WHEN 'number' THEN substring(value #>> '{}' FROM '^[0-9]+$') END
$$;

-- What a customer or the receiver of a gift is told to be, as `paynow_shared::wire::identities` reads it.
CREATE FUNCTION identities_of(person jsonb)
    RETURNS TABLE (wallet_id bigint, platform text, external_id text, name text)
    LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    WITH known AS (
        SELECT CASE WHEN plain_text(person -> 'id') !~ '^[0-9]{1,19}$' THEN NULL
                    WHEN plain_text(person -> 'id')::numeric > 9223372036854775807 THEN NULL
                    ELSE nullif(plain_text(person -> 'id')::bigint, 0) END AS wallet_id,
            left(clean_text(plain_text(person -> 'name')), 100) AS name
    ), profiles AS (
        SELECT known.wallet_id, told.platform, normal_external_id(plain_text(profile -> 'id')) AS external_id,
            coalesce(left(clean_text(plain_text(profile -> 'name')), 100), known.name) AS name
        FROM known, LATERAL (VALUES
            ('steam', person -> 'steam'),
            ('minecraft', person -> 'minecraft'),
            (lower(clean_text(plain_text(person #> '{profile,platform}'))), person -> 'profile')
        ) AS told (platform, profile)
        WHERE told.platform ~ '^[a-z0-9_-]{1,30}$' AND told.platform <> 'name'
    )
    SELECT profiles.* FROM profiles
    WHERE profiles.wallet_id IS NOT NULL AND profiles.external_id IS NOT NULL
    UNION ALL
    SELECT known.wallet_id, 'name', known.wallet_id::text, known.name FROM known
    WHERE known.wallet_id IS NOT NULL AND known.name IS NOT NULL
        AND NOT EXISTS (SELECT FROM profiles WHERE profiles.external_id IS NOT NULL)
$$;

-- Records what the events of one transaction told. The texts are bytes in UTF-8. False if nothing could be
-- recorded, and a row that another transaction holds is passed over: no credit waits for an identity, and
-- the customer's next order tells it again. Locks no row that it does not change.
CREATE FUNCTION record_identities(of_wallets bigint[], of_platforms text[], of_ids bytea[], with_names bytea[],
    seen_at_ms bigint[]) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    SET lock_timeout = '100ms'
    -- By index, also with a plan from when the table was small.
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
BEGIN
    WITH told AS (
        SELECT wallet_id, platform, convert_from(id, 'UTF8') AS external_id,
            convert_from(told_name, 'UTF8') AS name, place,
            -- The time in an id is PayNow's; none is later than now.
            least(to_timestamp(at_ms / 1000.0), now()) AS told_at
        FROM unnest(of_wallets, of_platforms, of_ids, with_names, seen_at_ms) WITH ORDINALITY
            AS row_of (wallet_id, platform, id, told_name, at_ms, place)
    ), seen AS MATERIALIZED (
        SELECT wallet_id, platform, external_id, min(told_at) AS first_at, max(told_at) AS last_at,
            (array_agg(name ORDER BY told_at DESC, place) FILTER (WHERE name IS NOT NULL))[1] AS name
        FROM told GROUP BY wallet_id, platform, external_id
    ), news AS MATERIALIZED (
        SELECT seen.*, known.wallet_id IS NOT NULL AS is_known
        FROM seen LEFT JOIN customer_identities AS known USING (wallet_id, platform, external_id)
        WHERE known.wallet_id IS NULL
            OR seen.last_at > known.last_seen_at + interval '1 day'
            OR seen.first_at < known.first_seen_at - interval '1 day'
            OR (seen.last_at >= known.last_seen_at AND seen.name <> coalesce(known.name, ''))
    ), held AS MATERIALIZED (
        SELECT known.wallet_id, known.platform, known.external_id
        FROM news JOIN customer_identities AS known USING (wallet_id, platform, external_id)
        WHERE news.is_known
        ORDER BY known.wallet_id, known.platform, known.external_id FOR UPDATE OF known SKIP LOCKED
    ), changed AS (
        UPDATE customer_identities AS known SET
            name = CASE WHEN news.last_at >= known.last_seen_at THEN coalesce(news.name, known.name)
                ELSE known.name END,
            first_seen_at = least(news.first_at, known.first_seen_at),
            last_seen_at = greatest(news.last_at, known.last_seen_at)
        FROM held JOIN news USING (wallet_id, platform, external_id)
        WHERE known.wallet_id = held.wallet_id AND known.platform = held.platform
            AND known.external_id = held.external_id
    )
    INSERT INTO customer_identities (wallet_id, platform, external_id, name, first_seen_at, last_seen_at)
    SELECT wallet_id, platform, external_id, name, first_at, last_at FROM news WHERE NOT is_known
    ORDER BY wallet_id, platform, external_id
    ON CONFLICT ON CONSTRAINT customer_identities_pkey DO NOTHING;
    RETURN true;
EXCEPTION WHEN OTHERS THEN
    -- Without the message, which may contain a name.
    RAISE WARNING 'identities of customers were not recorded: SQLSTATE %', SQLSTATE;
    RETURN false;
END $$;

-- Fills in the identities of the next events that were applied before there were any. Returns how many
-- events it looked at; 0 when nothing is left, or when another worker does it.
CREATE FUNCTION fill_identities(at_once integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    filled_to bigint;
    until timestamptz;
    event record;
    document jsonb;
    found_people jsonb := '[]';
    looked_at bigint := 0;
BEGIN
    SELECT identities_filled_to, identities_filled_until INTO filled_to, until FROM upgrade_rule
    WHERE identities_filled_to IS NOT NULL FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    -- FOR SHARE: what `forget_wallet` forgets meanwhile is not filled in again.
    FOR event IN
        SELECT event_id, event_type, payload FROM webhook_events
        WHERE payload IS NOT NULL AND event_id > filled_to
        ORDER BY event_id LIMIT greatest(least(at_once, 10000), 0) FOR SHARE SKIP LOCKED
    LOOP
        looked_at := looked_at + 1;
        filled_to := event.event_id;
        CONTINUE WHEN event.event_type <> 'ON_ORDER_COMPLETED';
        BEGIN
            document := convert_from(event.payload, 'UTF8')::jsonb -> 'body';
            found_people := found_people || (
                SELECT coalesce(jsonb_agg(to_jsonb(identity) || jsonb_build_object('at_ms',
                    -- An id holds the milliseconds since 1645568542000 above its lowest 22 bits.
                    (event.event_id >> 22) + 1645568542000)), '[]')
                FROM (SELECT document -> 'customer' AS person
                      UNION ALL
                      SELECT line -> 'gift_to_customer' FROM jsonb_array_elements(
                          CASE jsonb_typeof(document -> 'lines') WHEN 'array' THEN document -> 'lines'
                              ELSE '[]' END) AS line) AS people,
                    identities_of(people.person) AS identity);
        EXCEPTION WHEN OTHERS THEN
            -- Not JSON, or not JSON that this database can hold: the worker read no more from it either.
            CONTINUE;
        END;
    END LOOP;
    PERFORM record_identities(array_agg((one ->> 'wallet_id')::bigint), array_agg(one ->> 'platform'),
        array_agg(convert_to(one ->> 'external_id', 'UTF8')), array_agg(convert_to(one ->> 'name', 'UTF8')),
        array_agg((one ->> 'at_ms')::bigint))
    FROM jsonb_array_elements(found_people) AS one HAVING count(*) > 0;
    UPDATE upgrade_rule SET identities_filled_to =
        CASE WHEN looked_at = 0 AND now() > until THEN NULL ELSE filled_to END
    WHERE looked_at > 0 OR now() > until;
    RETURN looked_at;
END $$;

-- IDENTITY_RETENTION_DAYS is at least 1. STRICT: without a number nothing is forgotten.
CREATE FUNCTION forget_identities(retention_days integer, at_once integer) RETURNS bigint
    LANGUAGE sql STRICT SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH old AS (
        SELECT wallet_id, platform, external_id FROM customer_identities
        WHERE last_seen_at < now() - make_interval(days => greatest(least(retention_days, 36500), 1))
        ORDER BY last_seen_at LIMIT greatest(least(at_once, 10000), 0) FOR UPDATE SKIP LOCKED
    ), forgotten AS (
        -- contract: retention, which only this version's worker asks for
        DELETE FROM customer_identities AS known USING old
        WHERE known.wallet_id = old.wallet_id AND known.platform = old.platform
            AND known.external_id = old.external_id
        RETURNING 1
    )
    SELECT count(*) FROM forgotten
$$;

-- Whether one of these ids is in a body: as a text of its own, or as the number in a field of ids. Other numbers,
-- such as quantities and amounts, are none.
CREATE FUNCTION mentions(body bytea, numbers text[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM unnest(numbers) AS number
        WHERE position(convert_to(number, 'UTF8') IN body) > 0
            AND encode(body, 'escape') ~ ('"' || number || '"|id"\s*:\s*' || number || '([^0-9]|$)')
    )
$$;

-- Whether a number is a customer's at all. Whoever mistypes it must not remove what is about something else.
CREATE FUNCTION is_customer(of_wallet bigint) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM wallets WHERE wallet_id = of_wallet)
        OR EXISTS (SELECT FROM customer_identities WHERE wallet_id = of_wallet)
        OR EXISTS (SELECT FROM orders WHERE buyer_wallet_id = of_wallet)
$$;

-- The orders that a wallet paid or got something from. A refund names only the order.
CREATE FUNCTION orders_of_wallet(of_wallet bigint) RETURNS bigint[]
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(array_agg(order_id), '{}') FROM (
        SELECT order_id FROM orders WHERE buyer_wallet_id = of_wallet
        UNION
        SELECT order_id FROM ledger_entries WHERE wallet_id = of_wallet AND order_id IS NOT NULL
    ) AS its
$$;

-- The events whose payload contains something about a wallet's owner.
CREATE FUNCTION events_about(of_wallet bigint, its_orders bigint[]) RETURNS bigint[]
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(array_agg(event_id ORDER BY event_id), '{}') FROM webhook_events
    WHERE payload IS NOT NULL
        AND (order_id = ANY (its_orders)
             OR mentions(payload, ARRAY[of_wallet::text])
             -- Events of types that move no points have no order here.
             OR (order_id IS NULL AND mentions(payload, its_orders::text[])))
$$;

-- The dead letters whose body does, settled or not.
CREATE FUNCTION letters_about(of_wallet bigint, its_orders bigint[], are_settled boolean) RETURNS bigint[]
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(array_agg(dead_letter_id ORDER BY dead_letter_id), '{}') FROM dead_letters
    WHERE body IS NOT NULL AND (state IN ('discarded', 'resolved')) = are_settled
        AND mentions(body, of_wallet::text || its_orders::text[])
$$;

-- What `forget_wallet` would remove, in numbers, and the dead letters whose body must stay.
CREATE FUNCTION forgettable(of_wallet bigint, OUT identities bigint, OUT payloads bigint, OUT bodies bigint,
    OUT unsettled_letters bigint[])
    LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    its_orders bigint[] := orders_of_wallet(of_wallet);
BEGIN
    IF NOT is_customer(of_wallet) THEN
        RETURN;
    END IF;
    SELECT count(*) INTO identities FROM customer_identities WHERE wallet_id = of_wallet;
    payloads := cardinality(events_about(of_wallet, its_orders));
    bodies := cardinality(letters_about(of_wallet, its_orders, true));
    unsettled_letters := letters_about(of_wallet, its_orders, false);
END $$;

-- Removes what names the owner of a wallet. What keeps credits correct stays: digests, orders, entries.
CREATE FUNCTION forget_wallet(of_wallet bigint, by_operator text, with_why text, OUT identities bigint,
    OUT payloads bigint, OUT bodies bigint, OUT unsettled_letters bigint[])
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    its_orders bigint[] := orders_of_wallet(of_wallet);
    its_events bigint[];
    its_letters bigint[];
BEGIN
    IF NOT is_customer(of_wallet) THEN
        RETURN;
    END IF;
    its_events := events_about(of_wallet, its_orders);
    UPDATE webhook_events SET payload = NULL WHERE event_id = ANY (its_events);
    its_letters := letters_about(of_wallet, its_orders, true);
    UPDATE dead_letters SET body = NULL
    WHERE dead_letter_id = ANY (its_letters) AND state IN ('discarded', 'resolved');
    -- Last, so that it sees what was filled in from these payloads until they were gone.
    -- contract: a person asked for it, and only this version's paynowctl calls it
    DELETE FROM customer_identities WHERE wallet_id = of_wallet;
    GET DIAGNOSTICS identities = ROW_COUNT;
    payloads := cardinality(its_events);
    bodies := cardinality(its_letters);
    unsettled_letters := letters_about(of_wallet, its_orders, false);
    PERFORM add_action('forget', by_operator, with_why,
        jsonb_build_object('wallet_id', of_wallet::text),
        jsonb_build_object('identities', identities, 'event_ids', id_texts(its_events),
            'dead_letter_ids', id_texts(its_letters), 'unsettled', id_texts(unsettled_letters)));
END $$;

ALTER TABLE operator_actions
    -- contract: the rule is only widened, and put back in the same statement
    DROP CONSTRAINT operator_actions_action_known,
    ADD CONSTRAINT operator_actions_action_known CHECK (action IN
        ('discard', 'correct', 'replay', 'history_send', 'price', 'attribute', 'forget'));

REVOKE EXECUTE ON FUNCTION
    clean_text(text), normal_external_id(text), plain_text(jsonb), identities_of(jsonb),
    record_identities(bigint[], text[], bytea[], bytea[], bigint[]),
    fill_identities(integer), forget_identities(integer, integer),
    mentions(bytea, text[]), is_customer(bigint), orders_of_wallet(bigint), events_about(bigint, bigint[]),
    letters_about(bigint, bigint[], boolean),
    forgettable(bigint), forget_wallet(bigint, text, text)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    record_identities(bigint[], text[], bytea[], bytea[], bigint[]),
    fill_identities(integer), forget_identities(integer, integer)
    TO paynow_worker;
GRANT EXECUTE ON FUNCTION forgettable(bigint), forget_wallet(bigint, text, text) TO paynow_operator;
