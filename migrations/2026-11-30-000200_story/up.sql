-- What look-ups show of an event that waited on the retry ladder once it waits no more, what waits for an order, and
-- which orders a payment is named with.
--
-- Safe while the previous version runs: its workers write neither the columns nor the tables. What a payment was for
-- is filled in afterwards from what they applied.

ALTER TABLE waiting_events
    -- What the event names; null where it names none, and in a row that the version before wrote.
    ADD COLUMN order_id bigint,
    ADD COLUMN refund_id bigint,
    ADD COLUMN payment_id bigint;
-- A row per event that waits: the table is small. The first is for the list of what waits.
CREATE INDEX waiting_events_since_idx ON waiting_events (since, event_id);
CREATE INDEX waiting_events_order_idx ON waiting_events (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX waiting_events_refund_idx ON waiting_events (refund_id) WHERE refund_id IS NOT NULL;
CREATE INDEX waiting_events_payment_idx ON waiting_events (payment_id) WHERE payment_id IS NOT NULL;

GRANT UPDATE (order_id, refund_id, payment_id) ON waiting_events TO paynow_worker;

-- The rungs that an event took, and why. A rung that it takes again for the same reason at the same attempt, in an
-- outage or after a replay, is counted in its row: so there are few rows of an event, however long it waits.
CREATE TABLE waiting_steps (
    -- As in `waiting_events`.
    event_id text NOT NULL,
    attempt integer NOT NULL,
    rung_seconds integer NOT NULL,
    reason text NOT NULL,
    -- The last one.
    error text NOT NULL,
    times integer NOT NULL,
    first_at timestamptz NOT NULL DEFAULT now(),
    last_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT waiting_steps_pkey PRIMARY KEY (event_id, attempt, rung_seconds, reason)
);
-- For retention.
CREATE INDEX waiting_steps_last_at_idx ON waiting_steps (last_at);

GRANT SELECT ON waiting_steps TO paynow_reader;
GRANT SELECT, INSERT, DELETE ON waiting_steps TO paynow_worker;
GRANT UPDATE (error, times, last_at) ON waiting_steps TO paynow_worker;

-- Which events named a payment together with an order. Ids only, so it is kept when the payload is deleted.
CREATE TABLE order_payments (
    payment_id bigint NOT NULL,
    order_id bigint NOT NULL,
    event_id bigint NOT NULL,
    CONSTRAINT order_payments_pkey PRIMARY KEY (payment_id, event_id)
);
CREATE INDEX order_payments_order_idx ON order_payments (order_id);

GRANT SELECT ON order_payments TO paynow_reader;
GRANT INSERT ON order_payments TO paynow_worker;

-- The event up to which payments were filled in from payloads that are older than this table; null when all is done.
-- For a day it goes on with new events, because a worker of the version before may apply them.
ALTER TABLE upgrade_rule
    ADD COLUMN payments_filled_to bigint,
    ADD COLUMN payments_filled_until timestamptz;
UPDATE upgrade_rule SET payments_filled_to = 0, payments_filled_until = now() + interval '1 day'
WHERE EXISTS (SELECT FROM webhook_events);

-- The id in a JSON value; null if there is none.
CREATE FUNCTION id_of(value jsonb) RETURNS bigint
    LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT CASE WHEN plain_text(value) !~ '^[0-9]{1,19}$' THEN NULL
                WHEN plain_text(value)::numeric > 9223372036854775807 THEN NULL
                ELSE nullif(plain_text(value)::bigint, 0) END
$$;

-- Fills in the payments of the next events that were applied before there was the table. Returns how many events it
-- looked at; 0 when nothing is left, or when another worker does it.
CREATE FUNCTION fill_payments(at_once integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    filled_to bigint;
    until timestamptz;
    event record;
    document jsonb;
    looked_at bigint := 0;
BEGIN
    SELECT payments_filled_to, payments_filled_until INTO filled_to, until FROM upgrade_rule
    WHERE payments_filled_to IS NOT NULL FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    FOR event IN
        SELECT event_id, event_type, payload FROM webhook_events
        WHERE payload IS NOT NULL AND event_id > filled_to
        ORDER BY event_id LIMIT greatest(least(at_once, 10000), 0)
    LOOP
        looked_at := looked_at + 1;
        filled_to := event.event_id;
        -- As `paynow_worker::ledger::payments` does it.
        CONTINUE WHEN event.event_type NOT IN ('ON_REFUND', 'ON_CHARGEBACK', 'ON_CHARGEBACK_CLOSED',
            'ON_PAYMENT_COMPLETED', 'ON_PAYMENT_FAILED');
        BEGIN
            document := convert_from(event.payload, 'UTF8')::jsonb -> 'body';
        EXCEPTION WHEN OTHERS THEN
            -- Not JSON that this database can hold.
            CONTINUE;
        END;
        INSERT INTO order_payments (payment_id, order_id, event_id)
        SELECT payment, paid_order, event.event_id
        FROM (SELECT id_of(document -> CASE event.event_type WHEN 'ON_REFUND' THEN 'payment_id' ELSE 'id' END),
                     id_of(document -> 'order_id')) AS named (payment, paid_order)
        WHERE payment IS NOT NULL AND paid_order IS NOT NULL
        ON CONFLICT ON CONSTRAINT order_payments_pkey DO NOTHING;
    END LOOP;
    UPDATE upgrade_rule SET payments_filled_to =
        CASE WHEN looked_at = 0 AND now() > until THEN NULL ELSE filled_to END
    WHERE looked_at > 0 OR now() > until;
    RETURN looked_at;
END $$;

REVOKE EXECUTE ON FUNCTION id_of(jsonb), fill_payments(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fill_payments(integer) TO paynow_worker;
