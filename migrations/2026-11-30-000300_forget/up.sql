-- What is about a customer, with each payload and each body read once, however many orders the customer has. Not by
-- the index on the ids of letters: it has the ids of the fields that we know, and a person must be forgotten also
-- where another field tells of an order.
--
-- Safe while the previous version runs: both functions answer as before, and nobody else calls them.

-- The events whose payload contains something about a wallet's owner.
CREATE OR REPLACE FUNCTION events_about(of_wallet bigint, its_orders bigint[]) RETURNS bigint[]
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(array_agg(event_id ORDER BY event_id), '{}') FROM (
        SELECT event_id FROM webhook_events
        WHERE payload IS NOT NULL
            AND (order_id IN (SELECT unnest(its_orders)) OR mentions(payload, ARRAY[of_wallet::text]))
        UNION
        -- Events of types that move no points have no order here. Every id of the payload that `mentions` would
        -- find: a text of its own, or the number in a field of ids.
        SELECT event_id FROM webhook_events,
            LATERAL regexp_matches(encode(payload, 'escape'), '"([0-9]+)(?=")|id"\s*:\s*([0-9]+)', 'g') AS id
        WHERE payload IS NOT NULL AND order_id IS NULL
            AND coalesce(id[1], id[2]) IN (SELECT unnest(its_orders)::text)
    ) AS its
$$;

-- The dead letters whose body does, settled or not.
CREATE OR REPLACE FUNCTION letters_about(of_wallet bigint, its_orders bigint[], are_settled boolean) RETURNS bigint[]
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(array_agg(DISTINCT dead_letter_id ORDER BY dead_letter_id), '{}')
    FROM dead_letters,
        LATERAL regexp_matches(encode(body, 'escape'), '"([0-9]+)(?=")|id"\s*:\s*([0-9]+)', 'g') AS id
    WHERE body IS NOT NULL AND (state IN ('discarded', 'resolved')) = are_settled
        AND coalesce(id[1], id[2]) IN (SELECT of_wallet::text UNION ALL SELECT unnest(its_orders)::text)
$$;
