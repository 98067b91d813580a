CREATE OR REPLACE FUNCTION events_about(of_wallet bigint, its_orders bigint[]) RETURNS bigint[]
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(array_agg(event_id ORDER BY event_id), '{}') FROM webhook_events
    WHERE payload IS NOT NULL
        AND (order_id = ANY (its_orders)
             OR mentions(payload, ARRAY[of_wallet::text])
             -- Events of types that move no points have no order here.
             OR (order_id IS NULL AND mentions(payload, its_orders::text[])))
$$;

CREATE OR REPLACE FUNCTION letters_about(of_wallet bigint, its_orders bigint[], are_settled boolean) RETURNS bigint[]
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(array_agg(dead_letter_id ORDER BY dead_letter_id), '{}') FROM dead_letters
    WHERE body IS NOT NULL AND (state IN ('discarded', 'resolved')) = are_settled
        AND mentions(body, of_wallet::text || its_orders::text[])
$$;
