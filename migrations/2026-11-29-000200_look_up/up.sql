-- What the look-ups of `paynowctl` need: the events that wait on the retry ladder, which dead letters concern
-- an id, and what operators did about one.
--
-- Safe while the previous version runs: its worker writes no row of `waiting_events`, and what is shown of an
-- event that is settled or dead does not depend on them.

-- One row per event that a worker put on the ladder. Written after the broker confirmed the message, and best
-- effort: a row may be missing, and a row whose time is long over may be left of an event that waits no more.
CREATE TABLE waiting_events (
    -- The message id: the event id, or the SHA-256 of a body that names none.
    event_id text NOT NULL,
    event_type text,
    reason text NOT NULL,
    error text NOT NULL,
    -- How often it was tried.
    attempt integer NOT NULL,
    rung_seconds integer NOT NULL,
    -- When it was put on the ladder first, and last.
    since timestamptz NOT NULL DEFAULT now(),
    deferred_at timestamptz NOT NULL DEFAULT now(),
    next_at timestamptz NOT NULL,
    CONSTRAINT waiting_events_pkey PRIMARY KEY (event_id)
);

GRANT SELECT ON waiting_events TO paynow_reader;
GRANT SELECT, INSERT, DELETE ON waiting_events TO paynow_worker;
GRANT UPDATE (event_type, reason, error, attempt, rung_seconds, deferred_at, next_at)
    ON waiting_events TO paynow_worker;

-- The ids that a body concerns: its order, lines, refund or payment, the buyer and the receivers of gifts.
-- Never fails, because an index calls it with whatever bytes somebody sent.
CREATE FUNCTION letter_ids(of_body bytea) RETURNS bigint[]
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 10000 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    told json;
    ids bigint[];
BEGIN
    -- JSON may have a character that text cannot have.
    told := replace(convert_from(of_body, 'UTF8'), '\u0000', '\ufffd')::json -> 'body';
    SELECT array_agg(DISTINCT id::bigint) INTO ids
    FROM (
        SELECT told #>> path FROM (VALUES ('{id}'::text[]), ('{order_id}'), ('{payment_id}'),
            ('{order,id}'), ('{customer,id}'), ('{order,customer,id}')) AS known (path)
        UNION ALL
        SELECT line #>> path
        FROM (VALUES (told -> 'lines'), (told #> '{order,lines}')) AS list (lines),
            json_array_elements(CASE json_typeof(lines) WHEN 'array' THEN lines ELSE '[]' END) AS line,
            (VALUES ('{id}'::text[]), ('{gift_to_customer,id}')) AS known (path)
    ) AS named (id)
    WHERE id ~ '^[1-9][0-9]{0,18}$'
        AND (length(id) < 19 OR id COLLATE "C" <= '9223372036854775807');
    RETURN coalesce(ids, '{}');
EXCEPTION WHEN OTHERS THEN
    RETURN '{}';
END $$;

-- The newest dead letters that concern an id. Whoever asks needs no right to read a body. Letters whose body
-- retention deleted are not found.
CREATE FUNCTION letters_about(of_id bigint, at_most integer) RETURNS SETOF bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH about AS MATERIALIZED (
        SELECT dead_letter_id FROM dead_letters
        WHERE body IS NOT NULL AND letter_ids(body) @> ARRAY[of_id]
    )
    SELECT dead_letter_id FROM about ORDER BY dead_letter_id DESC LIMIT at_most
$$;

REVOKE EXECUTE ON FUNCTION letter_ids(bytea), letters_about(bigint, integer) FROM PUBLIC;
-- Whoever may write a letter, because the index on it calls the function.
GRANT EXECUTE ON FUNCTION letter_ids(bytea) TO paynow_worker;
GRANT EXECUTE ON FUNCTION letters_about(bigint, integer) TO paynow_reader;

-- What an action was about, and when it was. Only people write actions, so the table is small enough for indexes
-- that are made in a transaction.
CREATE INDEX operator_actions_about_idx ON operator_actions
    USING gin (selection jsonb_path_ops, outcome jsonb_path_ops);
CREATE INDEX operator_actions_acted_at_idx ON operator_actions (acted_at);
