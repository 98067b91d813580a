-- What happened to each event, what an order was, what a product gives, and what is dead.

CREATE TYPE event_outcome AS ENUM (
    'credited',         -- its ledger entries were posted
    'already_credited', -- another event had told us of the same order lines
    'reversed',         -- a refund or chargeback took points back
    'restored',         -- a chargeback was won: points were given again
    'noted',            -- a refund or chargeback that changes no balance
    'ignored'           -- its type moves no points
);

CREATE TABLE webhook_events (
    event_id bigint NOT NULL,
    event_type text NOT NULL,
    outcome event_outcome NOT NULL,
    order_id bigint,
    -- Outlives the payload: tells the same event again from another body under its id.
    body_sha256 bytea NOT NULL,
    -- Holds personal data; null once its retention is over.
    payload bytea,
    secret_id text,
    signed_at timestamptz,
    received_at timestamptz,
    attempts integer NOT NULL,
    settled_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT webhook_events_pkey PRIMARY KEY (event_id),
    CONSTRAINT webhook_events_body_sha256_length CHECK (octet_length(body_sha256) = 32),
    CONSTRAINT webhook_events_credit_names_its_order CHECK (outcome = 'ignored' OR order_id IS NOT NULL)
);

-- What retention has still to do, so that it never walks over what it has done.
CREATE INDEX webhook_events_with_payload_idx ON webhook_events (event_id)
    WHERE payload IS NOT NULL;

-- The worker may forget payloads and change nothing else of an event. Several at once pass over
-- each other's rows.
CREATE FUNCTION forget_payloads(before bigint, at_once integer) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH old AS (
        SELECT event_id FROM webhook_events
        WHERE payload IS NOT NULL AND event_id < before
        ORDER BY event_id LIMIT at_once FOR UPDATE SKIP LOCKED
    ), forgotten AS (
        UPDATE webhook_events SET payload = NULL
        FROM old WHERE webhook_events.event_id = old.event_id RETURNING 1
    )
    SELECT count(*) FROM forgotten
$$;
REVOKE EXECUTE ON FUNCTION forget_payloads(bigint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_payloads(bigint, integer) TO paynow_worker;

CREATE TABLE orders (
    order_id bigint NOT NULL,
    event_id bigint NOT NULL,
    store_id bigint,
    buyer_wallet_id bigint,
    total_amount_minor bigint,
    currency text,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT orders_pkey PRIMARY KEY (order_id)
);

CREATE TYPE reversal_kind AS ENUM (
    'refund', 'chargeback_opened', 'chargeback_won', 'chargeback_lost'
);

-- What is known of an order's refunds and chargebacks. The place in the order's sequence can be
-- claimed once: of two workers that decide about one order at once, the second decides anew.
CREATE TABLE reversals (
    order_id bigint NOT NULL,
    sequence integer NOT NULL,
    kind reversal_kind NOT NULL,
    -- The refund's id, or the id of the payment that was charged back.
    reference_id bigint NOT NULL,
    event_id bigint NOT NULL,
    amount_minor bigint,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT reversals_pkey PRIMARY KEY (order_id, sequence),
    CONSTRAINT reversals_reference_id_kind_key UNIQUE (reference_id, kind),
    CONSTRAINT reversals_refund_has_an_amount CHECK (kind <> 'refund' OR amount_minor >= 0)
);

CREATE TABLE products (
    product_id bigint NOT NULL,
    points bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT products_pkey PRIMARY KEY (product_id),
    CONSTRAINT products_points_not_negative CHECK (points >= 0)
);

CREATE TABLE dead_letters (
    dead_letter_id bigint GENERATED ALWAYS AS IDENTITY,
    -- The message id: the event id, or the SHA-256 of a body that names none.
    event_id text NOT NULL,
    event_type text,
    reason text NOT NULL,
    error text NOT NULL,
    state text NOT NULL DEFAULT 'open',
    body bytea NOT NULL,
    body_sha256 bytea NOT NULL,
    secret_id text,
    signed_at timestamptz,
    received_at timestamptz,
    attempts integer NOT NULL,
    deaths integer NOT NULL DEFAULT 1,
    -- Reason, error and time of each earlier death, oldest first.
    history jsonb NOT NULL DEFAULT '[]',
    first_dead_at timestamptz NOT NULL DEFAULT now(),
    last_dead_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT dead_letters_pkey PRIMARY KEY (dead_letter_id),
    -- The same event with the same body dies again in its own row; another body is another letter.
    CONSTRAINT dead_letters_event_id_body_sha256_key UNIQUE (event_id, body_sha256),
    CONSTRAINT dead_letters_state_known
        CHECK (state IN ('open', 'replayed', 'discarded', 'resolved')),
    CONSTRAINT dead_letters_body_sha256_length CHECK (octet_length(body_sha256) = 32)
);

-- Messages in hand of a worker that handles them alone, because they came back again and again. A
-- mark that outlived its process counts a crash.
CREATE TABLE suspects (
    body_sha256 bytea NOT NULL,
    process_id bigint NOT NULL,
    crashes integer NOT NULL DEFAULT 0,
    CONSTRAINT suspects_pkey PRIMARY KEY (body_sha256)
);

-- By column: payload and body hold personal data, and no login of ours needs to read them.
GRANT SELECT (event_id, event_type, outcome, order_id, body_sha256, secret_id, signed_at,
    received_at, attempts, settled_at) ON webhook_events TO paynow_reader;
GRANT SELECT (dead_letter_id, event_id, event_type, reason, error, state, body_sha256, secret_id,
    signed_at, received_at, attempts, deaths, first_dead_at, last_dead_at, history)
    ON dead_letters TO paynow_reader;
GRANT SELECT ON orders, reversals, products, suspects TO paynow_reader;

GRANT INSERT ON webhook_events, orders, reversals, dead_letters TO paynow_worker;
GRANT SELECT (event_id, body_sha256) ON webhook_events TO paynow_worker;
GRANT SELECT (order_id, total_amount_minor) ON orders TO paynow_worker;
GRANT SELECT (order_id, sequence, kind, reference_id, amount_minor) ON reversals TO paynow_worker;
GRANT SELECT ON products TO paynow_worker;
GRANT SELECT, INSERT, DELETE ON suspects TO paynow_worker;
GRANT UPDATE (process_id, crashes) ON suspects TO paynow_worker;
-- What its upsert compares, counts and takes over from the newcomer.
GRANT SELECT (event_id, body_sha256, reason, error, attempts, deaths, last_dead_at, history)
    ON dead_letters TO paynow_worker;
GRANT UPDATE (reason, error, state, attempts, deaths, last_dead_at, history)
    ON dead_letters TO paynow_worker;
