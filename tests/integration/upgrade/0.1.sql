-- A database of PayNow points as the programs of 0.1.0 left it, in its last state before the migration
-- 2026-11-27-000200_proof: they got signed webhooks, and paynowctl and spend() did the rest. Ids are made
-- up: order N is 511705088000000000 + 100 N; its buyer is 1 more, its first line 10 and its payment 20.
-- Written by pg_dump --inserts --rows-per-insert=20, without its comments and the settings that other
-- versions of PostgreSQL do not know.

SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;

CREATE TYPE public.event_outcome AS ENUM (
    'credited',
    'already_credited',
    'reversed',
    'restored',
    'noted',
    'ignored'
);

ALTER TYPE public.event_outcome OWNER TO paynow_owner;

CREATE TYPE public.ledger_entry_kind AS ENUM (
    'order_line',
    'refund',
    'chargeback',
    'chargeback_won',
    'spend',
    'correction'
);

ALTER TYPE public.ledger_entry_kind OWNER TO paynow_owner;

CREATE TYPE public.reversal_kind AS ENUM (
    'refund',
    'chargeback_opened',
    'chargeback_won',
    'chargeback_lost'
);

ALTER TYPE public.reversal_kind OWNER TO paynow_owner;

CREATE FUNCTION public.check_ledger(max_age_seconds integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger_checks WHERE checked_at IS NULL
                   OR checked_at < now() - make_interval(secs => max_age_seconds))
    THEN
        RETURN false;
    END IF;
    -- Any one row does, as long as every look takes the same.
    PERFORM FROM ledger_checks WHERE check_id = 'balances_match_ledger' FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE ledger_checks SET violations = found.violations, checked_at = now()
    FROM (SELECT check_id, count(culprit) AS violations
          FROM ledger_checks LEFT JOIN ledger_violations USING (check_id) GROUP BY check_id) found
    WHERE ledger_checks.check_id = found.check_id;
    RETURN true;
END $$;

ALTER FUNCTION public.check_ledger(max_age_seconds integer) OWNER TO paynow_owner;

CREATE FUNCTION public.date_dead_letter() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    was_state text;
    was_resolution text;
    died_again boolean := false;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        was_state := OLD.state;
        was_resolution := OLD.resolution;
        died_again := NEW.deaths <> OLD.deaths;
    END IF;
    IF NEW.state NOT IN ('discarded', 'resolved') THEN
        NEW.settled_at := NULL;
    ELSIF NEW.settled_at IS NULL OR NEW.state <> was_state OR died_again THEN
        NEW.settled_at := now();
    END IF;
    NEW.resolution := CASE
        WHEN NEW.state <> 'resolved' THEN NULL
        WHEN was_state = 'replayed' THEN 'applied_after_replay'
        ELSE coalesce(was_resolution, 'applied_by_another_copy')
    END;
    NEW.body_forgotten_at := CASE
        WHEN NEW.body IS NULL THEN coalesce(NEW.body_forgotten_at, now())
    END;
    RETURN NEW;
END $$;

ALTER FUNCTION public.date_dead_letter() OWNER TO paynow_owner;

CREATE FUNCTION public.debts(OUT wallets bigint, OUT points bigint) RETURNS record
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT count(*), least(coalesce(-sum(balance), 0), 9223372036854775807)::bigint
    FROM wallets WHERE balance < 0
$$;

ALTER FUNCTION public.debts(OUT wallets bigint, OUT points bigint) OWNER TO paynow_owner;

CREATE FUNCTION public.forget_bodies(retention_days integer, at_once integer) RETURNS bigint
    LANGUAGE sql STRICT SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    WITH old AS (
        SELECT dead_letter_id FROM dead_letters
        WHERE body IS NOT NULL AND state IN ('discarded', 'resolved')
            AND settled_at < now() - make_interval(days => greatest(least(retention_days, 36500), 1))
        ORDER BY settled_at LIMIT greatest(least(at_once, 10000), 0) FOR UPDATE SKIP LOCKED
    ), forgotten AS (
        UPDATE dead_letters SET body = NULL FROM old
        WHERE dead_letters.dead_letter_id = old.dead_letter_id RETURNING 1
    )
    SELECT count(*) FROM forgotten
$$;

ALTER FUNCTION public.forget_bodies(retention_days integer, at_once integer) OWNER TO paynow_owner;

CREATE FUNCTION public.forget_payloads(before bigint, at_once integer) RETURNS bigint
    LANGUAGE sql STRICT SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    WITH old AS (
        SELECT event_id FROM webhook_events
        WHERE payload IS NOT NULL AND event_id < before
            -- An id holds the milliseconds since 1645568542000 above its lowest 22 bits.
            AND event_id < ((extract(epoch FROM now() - interval '1 day') * 1000)::bigint
                            - 1645568542000) << 22
        ORDER BY event_id LIMIT greatest(least(at_once, 10000), 0) FOR UPDATE SKIP LOCKED
    ), forgotten AS (
        UPDATE webhook_events SET payload = NULL
        FROM old WHERE webhook_events.event_id = old.event_id RETURNING 1
    )
    SELECT count(*) FROM forgotten
$$;

ALTER FUNCTION public.forget_payloads(before bigint, at_once integer) OWNER TO paynow_owner;

CREATE TABLE public.webhook_events (
    event_id bigint NOT NULL,
    event_type text NOT NULL,
    outcome public.event_outcome NOT NULL,
    order_id bigint,
    body_sha256 bytea NOT NULL,
    payload bytea,
    secret_id text,
    signed_at timestamp with time zone,
    received_at timestamp with time zone,
    attempts integer NOT NULL,
    settled_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT webhook_events_body_sha256_length CHECK ((octet_length(body_sha256) = 32)),
    CONSTRAINT webhook_events_credit_names_its_order CHECK (((outcome = 'ignored'::public.event_outcome) OR (order_id IS NOT NULL)))
);

ALTER TABLE public.webhook_events OWNER TO paynow_owner;

CREATE FUNCTION public.is_applied(of_event text, with_sha256 bytea) RETURNS boolean
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT (EXISTS ( SELECT
            FROM public.webhook_events event
           WHERE ((event.event_id =
                 CASE
                     WHEN (is_applied.of_event !~ '^[0-9]{1,19}$'::text) THEN NULL::bigint
                     WHEN ((is_applied.of_event)::numeric > ('9223372036854775807'::bigint)::numeric) THEN NULL::bigint
                     ELSE (is_applied.of_event)::bigint
                 END) AND (event.body_sha256 = is_applied.with_sha256)))) AS "exists";
END;

ALTER FUNCTION public.is_applied(of_event text, with_sha256 bytea) OWNER TO paynow_owner;

CREATE FUNCTION public.lock_balance(of_wallet bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT balance FROM wallets WHERE wallet_id = of_wallet FOR UPDATE
$$;

ALTER FUNCTION public.lock_balance(of_wallet bigint) OWNER TO paynow_owner;

CREATE FUNCTION public.post_correction(with_key text, to_wallet bigint, of_points bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO ledger_entries (entry_key, wallet_id, kind, points)
    VALUES (with_key, to_wallet, 'correction', of_points)
    ON CONFLICT ON CONSTRAINT ledger_entries_entry_key_key DO NOTHING;
    RETURN FOUND;
END $$;

ALTER FUNCTION public.post_correction(with_key text, to_wallet bigint, of_points bigint) OWNER TO paynow_owner;

CREATE FUNCTION public.post_entries_to_wallets() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO wallets AS wallet (wallet_id, balance)
    SELECT wallet_id, sum(points)::bigint FROM new_entries GROUP BY wallet_id ORDER BY wallet_id
    ON CONFLICT ON CONSTRAINT wallets_pkey DO UPDATE
        SET balance = wallet.balance + excluded.balance, updated_at = now();
    RETURN NULL;
EXCEPTION
    WHEN numeric_value_out_of_range THEN
        -- By name, so that the worker can tell a balance that cannot be from a database in trouble.
        RAISE EXCEPTION 'the balance would not fit into 64 bits'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'wallets_balance_fits';
    WHEN lock_not_available OR deadlock_detected THEN
        -- A lock on the whole table is no event's fault, so it keeps its error.
        IF coalesce(current_setting('paynow.name_locks', true), '') <> 'on' OR EXISTS (
            SELECT FROM pg_locks
            WHERE relation = 'wallets'::regclass
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND granted AND pid <> pg_backend_pid() AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                    'AccessExclusiveLock'))
        THEN
            RAISE;
        END IF;
        RAISE EXCEPTION 'another transaction holds one of these wallets: %',
            (SELECT string_agg(DISTINCT wallet_id::text, ', ') FROM new_entries)
            USING ERRCODE = 'check_violation', CONSTRAINT = 'wallet_locked';
END $$;

ALTER FUNCTION public.post_entries_to_wallets() OWNER TO paynow_ledger;

CREATE FUNCTION public.refuse_direct_wallet_write() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF current_user <> 'paynow_ledger' THEN
        RAISE EXCEPTION 'a balance changes only by a ledger entry: % is refused', TG_OP
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'wallets_follow_the_ledger';
    END IF;
    RETURN NULL;
END $$;

ALTER FUNCTION public.refuse_direct_wallet_write() OWNER TO paynow_owner;

CREATE FUNCTION public.refuse_ledger_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'ledger entries are append-only: % is refused', TG_OP
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'ledger_entries_append_only';
END $$;

ALTER FUNCTION public.refuse_ledger_change() OWNER TO paynow_owner;

CREATE FUNCTION public.refuse_operator_action_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'operator actions are append-only: % is refused', TG_OP
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'operator_actions_append_only';
END $$;

ALTER FUNCTION public.refuse_operator_action_change() OWNER TO paynow_owner;

CREATE FUNCTION public.resolve_applied_letters(after bigint, at_once integer, OUT last bigint, OUT resolved bigint) RETURNS record
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    WITH looked_at AS (
        SELECT dead_letter_id FROM dead_letters
        WHERE state IN ('open', 'replayed') AND dead_letter_id > after
        ORDER BY dead_letter_id LIMIT at_once
    ), applied AS (
        SELECT letter.dead_letter_id FROM dead_letters AS letter
        JOIN looked_at ON looked_at.dead_letter_id = letter.dead_letter_id
        WHERE letter.state IN ('open', 'replayed') AND is_applied(letter.event_id, letter.body_sha256)
        ORDER BY letter.dead_letter_id FOR UPDATE OF letter SKIP LOCKED
    ), done AS (
        UPDATE dead_letters SET state = 'resolved' FROM applied
        WHERE dead_letters.dead_letter_id = applied.dead_letter_id RETURNING 1
    )
    SELECT (SELECT max(dead_letter_id) FROM looked_at), (SELECT count(*) FROM done)
$$;

ALTER FUNCTION public.resolve_applied_letters(after bigint, at_once integer, OUT last bigint, OUT resolved bigint) OWNER TO paynow_owner;

CREATE FUNCTION public.restore_body(of_event text, lost_body bytea) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    UPDATE dead_letters SET body = lost_body
    WHERE event_id = of_event AND body_sha256 = sha256(lost_body) AND body IS NULL
$$;

ALTER FUNCTION public.restore_body(of_event text, lost_body bytea) OWNER TO paynow_owner;

CREATE FUNCTION public.spend(wallet_id bigint, points bigint, key text) RETURNS TABLE(balance bigint, applied boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
#variable_conflict use_column
DECLARE
    has bigint;
    spent record;
BEGIN
    IF spend.points IS NULL OR spend.points <= 0 THEN
        RAISE EXCEPTION 'points to spend must be positive'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'spend_points_positive';
    END IF;
    IF spend.key IS NULL OR length(spend.key) NOT BETWEEN 1 AND 200 THEN
        RAISE EXCEPTION 'a spend needs a key of 1 to 200 characters'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'spend_key_length';
    END IF;

    -- The wallet first: from here on its other spends and the ledger's trigger wait, so the balance
    -- stays what it is. One wallet per call, so no two calls wait for each other.
    SELECT wallet.balance INTO has FROM wallets AS wallet
        WHERE wallet.wallet_id = spend.wallet_id FOR UPDATE;

    SELECT entry.wallet_id, entry.points INTO spent FROM ledger_entries AS entry
        WHERE entry.entry_key = 'spend:' || spend.key;
    IF NOT FOUND THEN
        -- Only now: a key of an older form that was used before this rule still answers as before.
        IF spend.key COLLATE "C" !~ '^[!-~]+$' THEN
            RAISE EXCEPTION 'a new spend''s key may have letters, digits and signs of ASCII, without spaces'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'spend_key_form';
        END IF;
        IF has IS NULL OR has < spend.points THEN
            RAISE EXCEPTION 'wallet % has % points, % are needed',
                spend.wallet_id, coalesce(has, 0), spend.points
                USING ERRCODE = 'check_violation', CONSTRAINT = 'spend_needs_balance';
        END IF;
        INSERT INTO ledger_entries (entry_key, wallet_id, kind, points)
        VALUES ('spend:' || spend.key, spend.wallet_id, 'spend', -spend.points)
        ON CONFLICT ON CONSTRAINT ledger_entries_entry_key_key DO NOTHING;
        IF FOUND THEN
            RETURN QUERY SELECT has - spend.points, true;
            RETURN;
        END IF;
        -- Another wallet's call had the key at the same time: its entry is visible now.
        SELECT entry.wallet_id, entry.points INTO spent FROM ledger_entries AS entry
            WHERE entry.entry_key = 'spend:' || spend.key;
    END IF;

    IF (spent.wallet_id, spent.points) IS DISTINCT FROM (spend.wallet_id, -spend.points) THEN
        RAISE EXCEPTION 'key % was used before, for % points of wallet %',
            spend.key, -spent.points, spent.wallet_id
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'spend_key_reused';
    END IF;
    -- Not `has`: where the wallet came to be a moment ago, there was nothing to lock.
    RETURN QUERY SELECT wallet.balance, false FROM wallets AS wallet
        WHERE wallet.wallet_id = spend.wallet_id;
END $_$;

ALTER FUNCTION public.spend(wallet_id bigint, points bigint, key text) OWNER TO paynow_owner;

CREATE TABLE public.__diesel_schema_migrations (
    version character varying(50) NOT NULL,
    run_on timestamp without time zone DEFAULT CURRENT_TIMESTAMP NOT NULL
);

ALTER TABLE public.__diesel_schema_migrations OWNER TO paynow_owner;

CREATE TABLE public.dead_letters (
    dead_letter_id bigint NOT NULL,
    event_id text NOT NULL,
    event_type text,
    reason text NOT NULL,
    error text NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    body bytea,
    body_sha256 bytea NOT NULL,
    secret_id text,
    signed_at timestamp with time zone,
    received_at timestamp with time zone,
    attempts integer NOT NULL,
    deaths integer DEFAULT 1 NOT NULL,
    history jsonb DEFAULT '[]'::jsonb NOT NULL,
    first_dead_at timestamp with time zone DEFAULT now() NOT NULL,
    last_dead_at timestamp with time zone DEFAULT now() NOT NULL,
    settled_at timestamp with time zone,
    resolution text,
    body_forgotten_at timestamp with time zone,
    CONSTRAINT dead_letters_body_sha256_length CHECK ((octet_length(body_sha256) = 32)),
    CONSTRAINT dead_letters_forgotten_is_dated CHECK (((body_forgotten_at IS NOT NULL) = (body IS NULL))),
    CONSTRAINT dead_letters_resolution_known CHECK ((((resolution IS NOT NULL) = (state = 'resolved'::text)) AND (resolution = ANY (ARRAY['applied_by_another_copy'::text, 'applied_after_replay'::text])))),
    CONSTRAINT dead_letters_settled_is_dated CHECK (((settled_at IS NOT NULL) = (state = ANY (ARRAY['discarded'::text, 'resolved'::text])))),
    CONSTRAINT dead_letters_state_known CHECK ((state = ANY (ARRAY['open'::text, 'replayed'::text, 'discarded'::text, 'resolved'::text]))),
    CONSTRAINT dead_letters_unsettled_has_body CHECK (((body IS NOT NULL) OR (state = ANY (ARRAY['discarded'::text, 'resolved'::text]))))
);

ALTER TABLE public.dead_letters OWNER TO paynow_owner;

ALTER TABLE public.dead_letters ALTER COLUMN dead_letter_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.dead_letters_dead_letter_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.ledger_checks (
    check_id text NOT NULL,
    violations bigint DEFAULT 0 NOT NULL,
    checked_at timestamp with time zone
);

ALTER TABLE public.ledger_checks OWNER TO paynow_owner;

CREATE TABLE public.ledger_entries (
    entry_id bigint NOT NULL,
    entry_key text NOT NULL,
    wallet_id bigint NOT NULL,
    order_id bigint,
    event_id bigint,
    kind public.ledger_entry_kind NOT NULL,
    points bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ledger_entries_chargeback_won_gives CHECK (((kind <> 'chargeback_won'::public.ledger_entry_kind) OR (points > 0))),
    CONSTRAINT ledger_entries_correction_form CHECK (((kind <> 'correction'::public.ledger_entry_kind) OR ((entry_key ~~ 'correction:_%'::text) AND (points <> 0)))),
    CONSTRAINT ledger_entries_order_line_key_form CHECK (((kind <> 'order_line'::public.ledger_entry_kind) OR (entry_key ~ '^order-line:[1-9][0-9]*$'::text))),
    CONSTRAINT ledger_entries_order_line_names_its_order CHECK (((kind <> 'order_line'::public.ledger_entry_kind) OR ((order_id IS NOT NULL) AND (points >= 0)))),
    CONSTRAINT ledger_entries_refund_and_chargeback_take CHECK (((kind <> ALL (ARRAY['refund'::public.ledger_entry_kind, 'chargeback'::public.ledger_entry_kind])) OR (points < 0))),
    CONSTRAINT ledger_entries_reversal_names_its_order CHECK (((kind <> ALL (ARRAY['refund'::public.ledger_entry_kind, 'chargeback'::public.ledger_entry_kind, 'chargeback_won'::public.ledger_entry_kind])) OR (order_id IS NOT NULL))),
    CONSTRAINT ledger_entries_spend_form CHECK (((kind <> 'spend'::public.ledger_entry_kind) OR ((entry_key ~~ 'spend:_%'::text) AND (points < 0) AND (order_id IS NULL)))),
    CONSTRAINT ledger_entries_wallet_id_positive CHECK ((wallet_id > 0))
);

ALTER TABLE public.ledger_entries OWNER TO paynow_owner;

ALTER TABLE public.ledger_entries ALTER COLUMN entry_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.ledger_entries_entry_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.orders (
    order_id bigint NOT NULL,
    event_id bigint NOT NULL,
    store_id bigint,
    buyer_wallet_id bigint,
    total_amount_minor bigint,
    currency text,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.orders OWNER TO paynow_owner;

CREATE TABLE public.wallets (
    wallet_id bigint NOT NULL,
    balance bigint NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.wallets OWNER TO paynow_owner;

CREATE VIEW public.ledger_violations AS
 SELECT 'balances_match_ledger'::text AS check_id,
    format('wallet %s has %s, its entries add up to %s'::text, wallet_id, COALESCE((wallets.balance)::text, 'no row'::text), COALESCE((ledger.total)::text, 'nothing'::text)) AS culprit
   FROM (public.wallets
     FULL JOIN ( SELECT ledger_entries.wallet_id,
            sum(ledger_entries.points) AS total
           FROM public.ledger_entries
          GROUP BY ledger_entries.wallet_id) ledger USING (wallet_id))
  WHERE ((wallets.balance)::numeric IS DISTINCT FROM ledger.total)
UNION ALL
 SELECT 'entry_keys_unique'::text AS check_id,
    ledger_entries.entry_key AS culprit
   FROM public.ledger_entries
  GROUP BY ledger_entries.entry_key
 HAVING (count(*) > 1)
UNION ALL
 SELECT 'credited_events_have_entries'::text AS check_id,
    (event.event_id)::text AS culprit
   FROM public.webhook_events event
  WHERE ((event.outcome = 'credited'::public.event_outcome) AND (NOT (EXISTS ( SELECT
           FROM public.ledger_entries entry
          WHERE ((entry.order_id = event.order_id) AND (entry.event_id = event.event_id))))))
UNION ALL
 SELECT 'entries_have_events'::text AS check_id,
    entry.entry_key AS culprit
   FROM public.ledger_entries entry
  WHERE ((entry.kind = 'order_line'::public.ledger_entry_kind) AND (NOT (EXISTS ( SELECT
           FROM public.webhook_events event
          WHERE ((event.event_id = entry.event_id) AND (event.outcome = 'credited'::public.event_outcome))))))
UNION ALL
 SELECT 'orders_have_entries'::text AS check_id,
    (orders.order_id)::text AS culprit
   FROM public.orders
  WHERE (NOT (EXISTS ( SELECT
           FROM public.ledger_entries entry
          WHERE (entry.order_id = orders.order_id))))
UNION ALL
 SELECT 'reversals_within_credit'::text AS check_id,
    format('order %s has %s left in wallet %s'::text, ledger_entries.order_id, sum(ledger_entries.points), ledger_entries.wallet_id) AS culprit
   FROM public.ledger_entries
  WHERE (ledger_entries.order_id IS NOT NULL)
  GROUP BY ledger_entries.order_id, ledger_entries.wallet_id
 HAVING ((sum(ledger_entries.points) < (0)::numeric) OR (sum(ledger_entries.points) > COALESCE(sum(ledger_entries.points) FILTER (WHERE (ledger_entries.kind = 'order_line'::public.ledger_entry_kind)), (0)::numeric)))
UNION ALL
 SELECT 'reversals_have_entries'::text AS check_id,
    (event.event_id)::text AS culprit
   FROM public.webhook_events event
  WHERE ((event.outcome = ANY (ARRAY['reversed'::public.event_outcome, 'restored'::public.event_outcome])) AND (NOT (EXISTS ( SELECT
           FROM public.ledger_entries entry
          WHERE ((entry.order_id = event.order_id) AND (entry.event_id = event.event_id))))));

ALTER TABLE public.ledger_violations OWNER TO paynow_owner;

CREATE TABLE public.operator_actions (
    action_id bigint NOT NULL,
    action text NOT NULL,
    operator text NOT NULL,
    why text NOT NULL,
    selection jsonb,
    outcome jsonb,
    acted_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT operator_actions_action_known CHECK ((action = ANY (ARRAY['discard'::text, 'correct'::text, 'replay'::text, 'history_send'::text]))),
    CONSTRAINT operator_actions_operator_named CHECK ((btrim(operator) <> ''::text)),
    CONSTRAINT operator_actions_why_told CHECK ((btrim(why) <> ''::text))
);

ALTER TABLE public.operator_actions OWNER TO paynow_owner;

ALTER TABLE public.operator_actions ALTER COLUMN action_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.operator_actions_action_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.products (
    product_id bigint NOT NULL,
    points bigint NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT products_points_not_negative CHECK ((points >= 0))
);

ALTER TABLE public.products OWNER TO paynow_owner;

CREATE TABLE public.replays (
    action_id bigint NOT NULL,
    dead_letter_id bigint NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    deaths_before integer,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT replays_sent_was_taken CHECK (((state <> 'sent'::text) OR (deaths_before IS NOT NULL))),
    CONSTRAINT replays_state_known CHECK ((state = ANY (ARRAY['waiting'::text, 'sent'::text, 'applied'::text, 'dead_again'::text, 'skipped'::text])))
);

ALTER TABLE public.replays OWNER TO paynow_owner;

CREATE TABLE public.reversals (
    order_id bigint NOT NULL,
    sequence integer NOT NULL,
    kind public.reversal_kind NOT NULL,
    reference_id bigint NOT NULL,
    event_id bigint NOT NULL,
    amount_minor bigint,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT reversals_refund_has_an_amount CHECK (((kind <> 'refund'::public.reversal_kind) OR (amount_minor >= 0)))
);

ALTER TABLE public.reversals OWNER TO paynow_owner;

CREATE TABLE public.setup_lock (
);

ALTER TABLE public.setup_lock OWNER TO paynow_owner;

CREATE TABLE public.suspects (
    body_sha256 bytea NOT NULL,
    process_id bigint NOT NULL,
    crashes integer DEFAULT 0 NOT NULL
);

ALTER TABLE public.suspects OWNER TO paynow_owner;

INSERT INTO public.__diesel_schema_migrations VALUES
	('20261123000000', '2026-11-27 22:15:16.320923'),
	('20261123000100', '2026-11-27 22:15:16.376074'),
	('20261124000100', '2026-11-27 22:15:16.4699'),
	('20261124000200', '2026-11-27 22:15:16.485726'),
	('20261124000300', '2026-11-27 22:15:16.492376'),
	('20261125000100', '2026-11-27 22:15:16.507603'),
	('20261125000200', '2026-11-27 22:15:16.528398'),
	('20261125000300', '2026-11-27 22:15:16.544348'),
	('20261125000400', '2026-11-27 22:15:16.552383'),
	('20261125000600', '2026-11-27 22:15:16.555737'),
	('20261127000300', '2026-11-27 22:15:16.567607'),
	('20261127000400', '2026-11-27 22:15:16.5725'),
	('20261127000500', '2026-11-27 22:15:16.579198');

INSERT INTO public.dead_letters OVERRIDING SYSTEM VALUE VALUES
	(1, '511705088000900041', 'ON_ORDER_COMPLETED', 'unknown_product', 'product 600000000000000077 has no points in products', 'open', '\x7b226576656e745f74797065223a224f4e5f4f524445525f434f4d504c45544544222c226576656e745f6964223a22353131373035303838303030393030303431222c22626f6479223a7b226964223a22353131373035303838303030303031383030222c2273746f72655f6964223a22363030303030303030303030303030303032222c22737461747573223a22636f6d706c65746564222c2274797065223a226f6e655f74696d65222c2263757272656e6379223a22555344222c227461785f696e636c7573697665223a66616c73652c22737562746f74616c5f616d6f756e74223a313030302c22646973636f756e745f616d6f756e74223a302c227461785f616d6f756e74223a302c22746f74616c5f616d6f756e74223a313030302c2267696674636172645f75736167655f616d6f756e74223a302c22637265617465645f6174223a22323032362d30312d30355431303a30303a30305a222c22636f6d706c657465645f6174223a22323032362d30312d30355431303a30303a30355a222c22637573746f6d6572223a7b226964223a22353131373035303838303030303031383031222c226e616d65223a22506c6179657220383031227d2c2262696c6c696e675f6e616d65223a22506c61796572204f6e65222c2262696c6c696e675f656d61696c223a22706c617965722e6f6e654073686f702e6578616d706c65222c226c696e6573223a5b7b226964223a22353131373035303838303030303031383130222c2270726f647563745f6964223a22363030303030303030303030303030303737222c2270726f647563745f6e616d65223a2247656d73222c227175616e74697479223a312c227072696365223a313030302c22646973636f756e745f616d6f756e74223a302c22737562746f74616c5f616d6f756e74223a313030302c227461785f616d6f756e74223a302c22746f74616c5f616d6f756e74223a313030302c22676966745f746f5f637573746f6d6572223a6e756c6c2c2270726f64756374223a7b226964223a22363030303030303030303030303030303737222c226d65746164617461223a7b7d7d7d5d7d7d', '\xad67092b300153094212e7279575d1fcee80dc8349639dcbe71dad374c522e75', 'test', '2026-11-27 22:15:32.036+00', '2026-11-27 22:15:32.037+00', 1, 1, '[]', '2026-11-27 22:15:32.178265+00', '2026-11-27 22:15:32.178265+00', NULL, NULL, NULL),
	(4, '511705088000900046', 'ON_ORDER_COMPLETED', 'conflict', 'line 511705088000002210 was posted before, for order 511705088000002200 to wallet 511705088000002201', 'open', '\x7b226576656e745f74797065223a224f4e5f4f524445525f434f4d504c45544544222c226576656e745f6964223a22353131373035303838303030393030303436222c22626f6479223a7b226964223a22353131373035303838303030303032323030222c2273746f72655f6964223a22363030303030303030303030303030303032222c22737461747573223a22636f6d706c65746564222c2274797065223a226f6e655f74696d65222c2263757272656e6379223a22555344222c227461785f696e636c7573697665223a66616c73652c22737562746f74616c5f616d6f756e74223a313030302c22646973636f756e745f616d6f756e74223a302c227461785f616d6f756e74223a302c22746f74616c5f616d6f756e74223a313030302c2267696674636172645f75736167655f616d6f756e74223a302c22637265617465645f6174223a22323032362d30312d30355431303a30303a30305a222c22636f6d706c657465645f6174223a22323032362d30312d30355431303a30303a30355a222c22637573746f6d6572223a7b226964223a22353131373035303838303030303032323939222c226e616d65223a22506c6179657220323939227d2c2262696c6c696e675f6e616d65223a22506c61796572204f6e65222c2262696c6c696e675f656d61696c223a22706c617965722e6f6e654073686f702e6578616d706c65222c226c696e6573223a5b7b226964223a22353131373035303838303030303032323130222c2270726f647563745f6964223a22363030303030303030303030303030303430222c2270726f647563745f6e616d65223a22436f696e73222c227175616e74697479223a312c227072696365223a313030302c22646973636f756e745f616d6f756e74223a302c22737562746f74616c5f616d6f756e74223a313030302c227461785f616d6f756e74223a302c22746f74616c5f616d6f756e74223a313030302c22676966745f746f5f637573746f6d6572223a6e756c6c2c2270726f64756374223a7b226964223a22363030303030303030303030303030303430222c226d65746164617461223a7b7d7d7d5d7d7d', '\xcf3526155e8bed6f4a0d7a66c562de928035cff54597215a4ba781fe4efa79e2', 'test', '2026-11-27 22:15:33.42+00', '2026-11-27 22:15:33.423+00', 1, 1, '[]', '2026-11-27 22:15:33.649628+00', '2026-11-27 22:15:33.649628+00', NULL, NULL, NULL),
	(5, '6857a744472060c772cd017b1434ce5f3104844f87e1816fc3c4f561a5ffe4dc', NULL, 'malformed', 'the body is not a JSON object with event_type and event_id: expected ident at line 1 column 2', 'open', '\x6e6f206576656e7420617420616c6c', '\x6857a744472060c772cd017b1434ce5f3104844f87e1816fc3c4f561a5ffe4dc', 'test', '2026-11-27 22:15:33.704+00', '2026-11-27 22:15:33.708+00', 1, 1, '[]', '2026-11-27 22:15:33.840243+00', '2026-11-27 22:15:33.840243+00', NULL, NULL, NULL),
	(3, '511705088000900043', 'ON_ORDER_COMPLETED', 'unknown_product', 'product 600000000000000078 has no points in products', 'resolved', '\x7b226576656e745f74797065223a224f4e5f4f524445525f434f4d504c45544544222c226576656e745f6964223a22353131373035303838303030393030303433222c22626f6479223a7b226964223a22353131373035303838303030303032303030222c2273746f72655f6964223a22363030303030303030303030303030303032222c22737461747573223a22636f6d706c65746564222c2274797065223a226f6e655f74696d65222c2263757272656e6379223a22555344222c227461785f696e636c7573697665223a66616c73652c22737562746f74616c5f616d6f756e74223a313030302c22646973636f756e745f616d6f756e74223a302c227461785f616d6f756e74223a302c22746f74616c5f616d6f756e74223a313030302c2267696674636172645f75736167655f616d6f756e74223a302c22637265617465645f6174223a22323032362d30312d30355431303a30303a30305a222c22636f6d706c657465645f6174223a22323032362d30312d30355431303a30303a30355a222c22637573746f6d6572223a7b226964223a22353131373035303838303030303032303031222c226e616d65223a22506c617965722031227d2c2262696c6c696e675f6e616d65223a22506c61796572204f6e65222c2262696c6c696e675f656d61696c223a22706c617965722e6f6e654073686f702e6578616d706c65222c226c696e6573223a5b7b226964223a22353131373035303838303030303032303130222c2270726f647563745f6964223a22363030303030303030303030303030303738222c2270726f647563745f6e616d65223a224e65772067656d73222c227175616e74697479223a312c227072696365223a313030302c22646973636f756e745f616d6f756e74223a302c22737562746f74616c5f616d6f756e74223a313030302c227461785f616d6f756e74223a302c22746f74616c5f616d6f756e74223a313030302c22676966745f746f5f637573746f6d6572223a6e756c6c2c2270726f64756374223a7b226964223a22363030303030303030303030303030303738222c226d65746164617461223a7b7d7d7d5d7d7d', '\xd176cdfea22f8499202fbcd04bfe174d7a9dc2dc3126be6c87c5ca011705a52c', 'test', '2026-11-27 22:15:32.466+00', '2026-11-27 22:15:32.466+00', 1, 1, '[]', '2026-11-27 22:15:32.636214+00', '2026-11-27 22:15:32.636214+00', '2026-11-27 22:15:36.514987+00', 'applied_after_replay', NULL),
	(2, '511705088000900042', 'ON_ORDER_COMPLETED', 'unknown_product', 'product 600000000000000079 has no points in products', 'discarded', '\x7b226576656e745f74797065223a224f4e5f4f524445525f434f4d504c45544544222c226576656e745f6964223a22353131373035303838303030393030303432222c22626f6479223a7b226964223a22353131373035303838303030303031393030222c2273746f72655f6964223a22363030303030303030303030303030303032222c22737461747573223a22636f6d706c65746564222c2274797065223a226f6e655f74696d65222c2263757272656e6379223a22555344222c227461785f696e636c7573697665223a66616c73652c22737562746f74616c5f616d6f756e74223a313030302c22646973636f756e745f616d6f756e74223a302c227461785f616d6f756e74223a302c22746f74616c5f616d6f756e74223a313030302c2267696674636172645f75736167655f616d6f756e74223a302c22637265617465645f6174223a22323032362d30312d30355431303a30303a30305a222c22636f6d706c657465645f6174223a22323032362d30312d30355431303a30303a30355a222c22637573746f6d6572223a7b226964223a22353131373035303838303030303031393031222c226e616d65223a22506c6179657220393031227d2c2262696c6c696e675f6e616d65223a22506c61796572204f6e65222c2262696c6c696e675f656d61696c223a22706c617965722e6f6e654073686f702e6578616d706c65222c226c696e6573223a5b7b226964223a22353131373035303838303030303031393130222c2270726f647563745f6964223a22363030303030303030303030303030303739222c2270726f647563745f6e616d65223a224f6c642067656d73222c227175616e74697479223a312c227072696365223a313030302c22646973636f756e745f616d6f756e74223a302c22737562746f74616c5f616d6f756e74223a313030302c227461785f616d6f756e74223a302c22746f74616c5f616d6f756e74223a313030302c22676966745f746f5f637573746f6d6572223a6e756c6c2c2270726f64756374223a7b226964223a22363030303030303030303030303030303739222c226d65746164617461223a7b7d7d7d5d7d7d', '\x01647d5f83022061b41fbc771fe8544b6251463635e024c4329ee85ced9fb360', 'test', '2026-11-27 22:15:32.235+00', '2026-11-27 22:15:32.236+00', 1, 1, '[]', '2026-11-27 22:15:32.327712+00', '2026-11-27 22:15:32.327712+00', '2026-11-27 22:15:36.832389+00', NULL, NULL),
	(6, '511705088000900051', 'ON_REFUND', 'partial_refund', 'the refunds of order 511705088000002100 are below its total', 'open', '\x7b226576656e745f74797065223a224f4e5f524546554e44222c226576656e745f6964223a22353131373035303838303030393030303531222c22626f6479223a7b226964223a22353131373035303838303030303032313330222c226f726465725f6964223a22353131373035303838303030303032313030222c227061796d656e745f6964223a22353131373035303838303030303032313230222c2273746f72655f6964223a22363030303030303030303030303030303032222c22637573746f6d6572223a6e756c6c2c2263757272656e6379223a22555344222c22616d6f756e74223a3330302c2273746f72655f726566756e645f616d6f756e74223a3330302c22737461747573223a22636f6d706c65746564222c22636f6d706c657465645f6174223a22323032362d30312d30365431303a30303a30305a227d7d', '\xbadea93a0546cfca6c2a5c7450e2401b425e818f1f6cadc4aa1e53acc75c13ff', 'test', '2026-11-27 22:15:37.201+00', '2026-11-27 22:15:37.202+00', 1, 1, '[]', '2026-11-27 22:15:37.315417+00', '2026-11-27 22:15:37.315417+00', NULL, NULL, NULL);

INSERT INTO public.ledger_checks VALUES
	('reversals_within_credit', 0, '2026-11-27 22:15:24.094152+00'),
	('reversals_have_entries', 0, '2026-11-27 22:15:24.094152+00'),
	('orders_have_entries', 0, '2026-11-27 22:15:24.094152+00'),
	('entry_keys_unique', 0, '2026-11-27 22:15:24.094152+00'),
	('entries_have_events', 0, '2026-11-27 22:15:24.094152+00'),
	('credited_events_have_entries', 0, '2026-11-27 22:15:24.094152+00'),
	('balances_match_ledger', 0, '2026-11-27 22:15:24.094152+00');

INSERT INTO public.ledger_entries OVERRIDING SYSTEM VALUE VALUES
	(1, 'order-line:511705088000000110', 511705088000000101, 511705088000000100, 511705088000900001, 'order_line', 500, '2026-11-27 22:15:24.335742+00'),
	(2, 'order-line:511705088000000210', 511705088000000201, 511705088000000200, 511705088000900002, 'order_line', 1000, '2026-11-27 22:15:24.432496+00'),
	(3, 'order-line:511705088000000211', 511705088000000201, 511705088000000200, 511705088000900002, 'order_line', 1000, '2026-11-27 22:15:24.432496+00'),
	(4, 'order-line:511705088000000310', 511705088000000301, 511705088000000300, 511705088000900003, 'order_line', 500, '2026-11-27 22:15:24.648037+00'),
	(5, 'order-line:511705088000000311', 511705088000000302, 511705088000000300, 511705088000900003, 'order_line', 500, '2026-11-27 22:15:24.648037+00'),
	(6, 'order-line:511705088000000410', 511705088000000401, 511705088000000400, 511705088000900004, 'order_line', 0, '2026-11-27 22:15:24.884257+00'),
	(7, 'order-line:511705088000000510', 511705088000000501, 511705088000000500, 511705088000900005, 'order_line', 500, '2026-11-27 22:15:25.036253+00'),
	(8, 'refund:511705088000000530', 511705088000000501, 511705088000000500, 511705088000900006, 'refund', -500, '2026-11-27 22:15:25.180247+00'),
	(9, 'order-line:511705088000000610', 511705088000000601, 511705088000000600, 511705088000900007, 'order_line', 500, '2026-11-27 22:15:25.38583+00'),
	(10, 'refund:511705088000000630', 511705088000000601, 511705088000000600, 511705088000900008, 'refund', -200, '2026-11-27 22:15:25.598483+00'),
	(11, 'order-line:511705088000000710', 511705088000000701, 511705088000000700, 511705088000900009, 'order_line', 500, '2026-11-27 22:15:25.700241+00'),
	(12, 'order-line:511705088000000711', 511705088000000702, 511705088000000700, 511705088000900009, 'order_line', 500, '2026-11-27 22:15:25.700241+00'),
	(13, 'refund:511705088000000730', 511705088000000701, 511705088000000700, 511705088000900010, 'refund', -167, '2026-11-27 22:15:25.902667+00'),
	(14, 'refund:511705088000000730:511705088000000702', 511705088000000702, 511705088000000700, 511705088000900010, 'refund', -167, '2026-11-27 22:15:25.902667+00'),
	(15, 'refund:511705088000000731', 511705088000000701, 511705088000000700, 511705088000900011, 'refund', -166, '2026-11-27 22:15:26.10028+00'),
	(16, 'refund:511705088000000731:511705088000000702', 511705088000000702, 511705088000000700, 511705088000900011, 'refund', -166, '2026-11-27 22:15:26.10028+00'),
	(17, 'order-line:511705088000000810', 511705088000000801, 511705088000000800, 511705088000900012, 'order_line', 500, '2026-11-27 22:15:26.360252+00'),
	(18, 'chargeback:511705088000000820', 511705088000000801, 511705088000000800, 511705088000900013, 'chargeback', -500, '2026-11-27 22:15:26.484226+00'),
	(19, 'order-line:511705088000000910', 511705088000000901, 511705088000000900, 511705088000900014, 'order_line', 500, '2026-11-27 22:15:26.624293+00'),
	(20, 'chargeback:511705088000000920', 511705088000000901, 511705088000000900, 511705088000900015, 'chargeback', -500, '2026-11-27 22:15:26.784235+00');
INSERT INTO public.ledger_entries OVERRIDING SYSTEM VALUE VALUES
	(21, 'chargeback-won:511705088000000920', 511705088000000901, 511705088000000900, 511705088000900016, 'chargeback_won', 500, '2026-11-27 22:15:26.99223+00'),
	(22, 'order-line:511705088000001010', 511705088000001001, 511705088000001000, 511705088000900017, 'order_line', 500, '2026-11-27 22:15:27.144243+00'),
	(23, 'chargeback:511705088000001020', 511705088000001001, 511705088000001000, 511705088000900018, 'chargeback', -500, '2026-11-27 22:15:27.298649+00'),
	(24, 'order-line:511705088000001110', 511705088000001101, 511705088000001100, 511705088000900020, 'order_line', 500, '2026-11-27 22:15:27.636262+00'),
	(25, 'order-line:511705088000001210', 511705088000001201, 511705088000001200, 511705088000900023, 'order_line', 500, '2026-11-27 22:15:28.065572+00'),
	(26, 'chargeback:511705088000001220', 511705088000001201, 511705088000001200, 511705088000900024, 'chargeback', -500, '2026-11-27 22:15:28.270046+00'),
	(27, 'order-line:511705088000001310', 511705088000001301, 511705088000001300, 511705088000900026, 'order_line', 500, '2026-11-27 22:15:28.640362+00'),
	(28, 'chargeback:511705088000001320', 511705088000001301, 511705088000001300, 511705088000900027, 'chargeback', -500, '2026-11-27 22:15:28.816263+00'),
	(29, 'chargeback-won:511705088000001320', 511705088000001301, 511705088000001300, 511705088000900028, 'chargeback_won', 500, '2026-11-27 22:15:28.916309+00'),
	(30, 'refund:511705088000001330', 511705088000001301, 511705088000001300, 511705088000900029, 'refund', -500, '2026-11-27 22:15:29.064234+00'),
	(31, 'order-line:511705088000001410', 511705088000001401, 511705088000001400, 511705088000900030, 'order_line', 500, '2026-11-27 22:15:29.266272+00'),
	(32, 'refund:511705088000001430', 511705088000001401, 511705088000001400, 511705088000900031, 'refund', -50, '2026-11-27 22:15:29.456647+00'),
	(33, 'chargeback:511705088000001420', 511705088000001401, 511705088000001400, 511705088000900032, 'chargeback', -450, '2026-11-27 22:15:29.67223+00'),
	(34, 'chargeback-won:511705088000001420', 511705088000001401, 511705088000001400, 511705088000900033, 'chargeback_won', 450, '2026-11-27 22:15:29.872494+00'),
	(35, 'order-line:511705088000001510', 511705088000001501, 511705088000001500, 511705088000900034, 'order_line', 500, '2026-11-27 22:15:30.011973+00'),
	(36, 'refund:511705088000001530', 511705088000001501, 511705088000001500, 511705088000900035, 'refund', -200, '2026-11-27 22:15:30.152466+00'),
	(37, 'chargeback:511705088000001520', 511705088000001501, 511705088000001500, 511705088000900036, 'chargeback', -300, '2026-11-27 22:15:30.356235+00'),
	(38, 'order-line:511705088000001610', 511705088000001601, 511705088000001600, 511705088000900037, 'order_line', 500, '2026-11-27 22:15:30.536235+00'),
	(39, 'order-line:511705088000001611', 511705088000001601, 511705088000001600, 511705088000900037, 'order_line', 0, '2026-11-27 22:15:30.536235+00'),
	(40, 'order-line:511705088000001710', 511705088000001701, 511705088000001700, 511705088000900040, 'order_line', 500, '2026-11-27 22:15:30.944681+00');
INSERT INTO public.ledger_entries OVERRIDING SYSTEM VALUE VALUES
	(41, 'refund:511705088000001730', 511705088000001701, 511705088000001700, 511705088000900039, 'refund', -250, '2026-11-27 22:15:31.969116+00'),
	(42, 'order-line:511705088000002110', 511705088000002101, 511705088000002100, 511705088000900044, 'order_line', 500, '2026-11-27 22:15:32.893848+00'),
	(43, 'order-line:511705088000002210', 511705088000002201, 511705088000002200, 511705088000900045, 'order_line', 500, '2026-11-27 22:15:33.250378+00'),
	(44, 'order-line:511705088000002310', 511705088000002301, 511705088000002300, 511705088000900047, 'order_line', 500, '2026-11-27 22:15:34.000236+00'),
	(45, 'order-line:511705088000002410', 511705088000002401, 511705088000002400, 511705088000900048, 'order_line', 500, '2026-11-27 22:15:34.209062+00'),
	(46, 'spend:sword:1', 511705088000002301, NULL, NULL, 'spend', -120, '2026-11-27 22:15:34.438654+00'),
	(47, 'spend:castle:1', 511705088000002401, NULL, NULL, 'spend', -450, '2026-11-27 22:15:34.760223+00'),
	(48, 'spend:hat:7', 511705088000000101, NULL, NULL, 'spend', -60, '2026-11-27 22:15:34.928609+00'),
	(49, 'refund:511705088000002430', 511705088000002401, 511705088000002400, 511705088000900049, 'refund', -500, '2026-11-27 22:15:35.003101+00'),
	(50, 'order-line:511705088000002510', 511705088000002501, 511705088000002500, 511705088000900050, 'order_line', 1200, '2026-11-27 22:15:35.364616+00'),
	(51, 'correction:ticket-4711', 511705088000000101, NULL, NULL, 'correction', 250, '2026-11-27 22:15:35.726289+00'),
	(52, 'order-line:511705088000002010', 511705088000002001, 511705088000002000, 511705088000900043, 'order_line', 90, '2026-11-27 22:15:36.292319+00');

INSERT INTO public.operator_actions OVERRIDING SYSTEM VALUE VALUES
	(1, 'correct', 'anna', 'ticket 4711', '{"key": "ticket-4711", "points": 250, "wallet_id": "511705088000000101"}', '{"entry_key": "correction:ticket-4711", "balance_after": 690, "balance_before": 440}', '2026-11-27 22:15:35.726289+00'),
	(2, 'replay', 'anna', 'the price is set', '{"meant": {"letters": ["511705088000900043"]}, "sha256": "1121cfccd5913f0a63fec40a6ffd44ea64f9dc135c66634ba001d10bcf4302a2", "dead_letter_ids": ["3"]}', '{"begun": true, "dead_letter_ids": ["3"]}', '2026-11-27 22:15:35.997056+00'),
	(3, 'replay', 'anna', 'the price is set', '{"replay": "2"}', '{"ended": "finished", "to_do": 0, "replay": "2", "applied": 1, "skipped": 0, "deferred": 0, "dead_again": 0}', '2026-11-27 22:15:36.533339+00'),
	(4, 'discard', 'anna', 'a test order', '{"letters": ["511705088000900042"]}', '{"discarded": 1, "dead_letter_ids": ["2"]}', '2026-11-27 22:15:36.832389+00');

INSERT INTO public.orders VALUES
	(511705088000000100, 511705088000900001, 600000000000000002, 511705088000000101, 1000, 'USD', '2026-11-27 22:15:24.335742+00'),
	(511705088000000200, 511705088000900002, 600000000000000002, 511705088000000201, 1000, 'USD', '2026-11-27 22:15:24.432496+00'),
	(511705088000000300, 511705088000900003, 600000000000000002, 511705088000000301, 1000, 'USD', '2026-11-27 22:15:24.648037+00'),
	(511705088000000400, 511705088000900004, 600000000000000002, 511705088000000401, 1000, 'USD', '2026-11-27 22:15:24.884257+00'),
	(511705088000000500, 511705088000900005, 600000000000000002, 511705088000000501, 1000, 'USD', '2026-11-27 22:15:25.036253+00'),
	(511705088000000600, 511705088000900007, 600000000000000002, 511705088000000601, 1000, 'USD', '2026-11-27 22:15:25.38583+00'),
	(511705088000000700, 511705088000900009, 600000000000000002, 511705088000000701, 1000, 'USD', '2026-11-27 22:15:25.700241+00'),
	(511705088000000800, 511705088000900012, 600000000000000002, 511705088000000801, 1000, 'USD', '2026-11-27 22:15:26.360252+00'),
	(511705088000000900, 511705088000900014, 600000000000000002, 511705088000000901, 1000, 'USD', '2026-11-27 22:15:26.624293+00'),
	(511705088000001000, 511705088000900017, 600000000000000002, 511705088000001001, 1000, 'USD', '2026-11-27 22:15:27.144243+00'),
	(511705088000001100, 511705088000900020, 600000000000000002, 511705088000001101, 1000, 'USD', '2026-11-27 22:15:27.636262+00'),
	(511705088000001200, 511705088000900023, 600000000000000002, 511705088000001201, 1000, 'USD', '2026-11-27 22:15:28.065572+00'),
	(511705088000001300, 511705088000900026, 600000000000000002, 511705088000001301, 1000, 'USD', '2026-11-27 22:15:28.640362+00'),
	(511705088000001400, 511705088000900030, 600000000000000002, 511705088000001401, 1000, 'USD', '2026-11-27 22:15:29.266272+00'),
	(511705088000001500, 511705088000900034, 600000000000000002, 511705088000001501, 1000, 'USD', '2026-11-27 22:15:30.011973+00'),
	(511705088000001600, 511705088000900037, 600000000000000002, 511705088000001601, 1000, 'USD', '2026-11-27 22:15:30.536235+00'),
	(511705088000001700, 511705088000900040, 600000000000000002, 511705088000001701, 1000, 'USD', '2026-11-27 22:15:30.944681+00'),
	(511705088000002100, 511705088000900044, 600000000000000002, 511705088000002101, 1000, 'USD', '2026-11-27 22:15:32.893848+00'),
	(511705088000002200, 511705088000900045, 600000000000000002, 511705088000002201, 1000, 'USD', '2026-11-27 22:15:33.250378+00'),
	(511705088000002300, 511705088000900047, 600000000000000002, 511705088000002301, 1000, 'USD', '2026-11-27 22:15:34.000236+00');
INSERT INTO public.orders VALUES
	(511705088000002400, 511705088000900048, 600000000000000002, 511705088000002401, 1000, 'USD', '2026-11-27 22:15:34.209062+00'),
	(511705088000002500, 511705088000900050, 600000000000000002, 511705088000002501, 1000, 'USD', '2026-11-27 22:15:35.364616+00'),
	(511705088000002000, 511705088000900043, 600000000000000002, 511705088000002001, 1000, 'USD', '2026-11-27 22:15:36.292319+00');

INSERT INTO public.products VALUES
	(600000000000000040, 500, '2026-11-27 22:15:23.500349+00'),
	(600000000000000041, 0, '2026-11-27 22:15:23.596237+00'),
	(600000000000000042, 1200, '2026-11-27 22:15:35.316235+00'),
	(600000000000000078, 90, '2026-11-27 22:15:35.827677+00');

INSERT INTO public.replays VALUES
	(2, 3, 'applied', 1, '2026-11-27 22:15:36.514987+00');

INSERT INTO public.reversals VALUES
	(511705088000000500, 0, 'refund', 511705088000000530, 511705088000900006, 1000, '2026-11-27 22:15:25.180247+00'),
	(511705088000000600, 0, 'refund', 511705088000000630, 511705088000900008, 400, '2026-11-27 22:15:25.598483+00'),
	(511705088000000700, 0, 'refund', 511705088000000730, 511705088000900010, 333, '2026-11-27 22:15:25.902667+00'),
	(511705088000000700, 1, 'refund', 511705088000000731, 511705088000900011, 333, '2026-11-27 22:15:26.10028+00'),
	(511705088000000800, 0, 'chargeback_opened', 511705088000000820, 511705088000900013, NULL, '2026-11-27 22:15:26.484226+00'),
	(511705088000000900, 0, 'chargeback_opened', 511705088000000920, 511705088000900015, NULL, '2026-11-27 22:15:26.784235+00'),
	(511705088000000900, 1, 'chargeback_won', 511705088000000920, 511705088000900016, NULL, '2026-11-27 22:15:26.99223+00'),
	(511705088000001000, 0, 'chargeback_opened', 511705088000001020, 511705088000900018, NULL, '2026-11-27 22:15:27.298649+00'),
	(511705088000001000, 1, 'chargeback_lost', 511705088000001020, 511705088000900019, NULL, '2026-11-27 22:15:27.437036+00'),
	(511705088000001100, 0, 'chargeback_won', 511705088000001120, 511705088000900021, NULL, '2026-11-27 22:15:27.712264+00'),
	(511705088000001100, 1, 'chargeback_opened', 511705088000001120, 511705088000900022, NULL, '2026-11-27 22:15:27.864236+00'),
	(511705088000001200, 0, 'chargeback_lost', 511705088000001220, 511705088000900024, NULL, '2026-11-27 22:15:28.270046+00'),
	(511705088000001200, 1, 'chargeback_opened', 511705088000001220, 511705088000900025, NULL, '2026-11-27 22:15:28.492268+00'),
	(511705088000001300, 0, 'chargeback_opened', 511705088000001320, 511705088000900027, NULL, '2026-11-27 22:15:28.816263+00'),
	(511705088000001300, 1, 'chargeback_won', 511705088000001320, 511705088000900028, NULL, '2026-11-27 22:15:28.916309+00'),
	(511705088000001300, 2, 'refund', 511705088000001330, 511705088000900029, 1000, '2026-11-27 22:15:29.064234+00'),
	(511705088000001400, 0, 'refund', 511705088000001430, 511705088000900031, 100, '2026-11-27 22:15:29.456647+00'),
	(511705088000001400, 1, 'chargeback_opened', 511705088000001420, 511705088000900032, NULL, '2026-11-27 22:15:29.67223+00'),
	(511705088000001400, 2, 'chargeback_won', 511705088000001420, 511705088000900033, NULL, '2026-11-27 22:15:29.872494+00'),
	(511705088000001500, 0, 'refund', 511705088000001530, 511705088000900035, 400, '2026-11-27 22:15:30.152466+00');
INSERT INTO public.reversals VALUES
	(511705088000001500, 1, 'chargeback_opened', 511705088000001520, 511705088000900036, NULL, '2026-11-27 22:15:30.356235+00'),
	(511705088000001700, 0, 'refund', 511705088000001730, 511705088000900039, 500, '2026-11-27 22:15:31.969116+00'),
	(511705088000002400, 0, 'refund', 511705088000002430, 511705088000900049, 1000, '2026-11-27 22:15:35.003101+00');

INSERT INTO public.wallets VALUES
	(511705088000000201, 2000, '2026-11-27 22:15:24.432496+00'),
	(511705088000000301, 500, '2026-11-27 22:15:24.648037+00'),
	(511705088000000302, 500, '2026-11-27 22:15:24.648037+00'),
	(511705088000000401, 0, '2026-11-27 22:15:24.884257+00'),
	(511705088000000501, 0, '2026-11-27 22:15:25.180247+00'),
	(511705088000000601, 300, '2026-11-27 22:15:25.598483+00'),
	(511705088000000701, 167, '2026-11-27 22:15:26.10028+00'),
	(511705088000000702, 167, '2026-11-27 22:15:26.10028+00'),
	(511705088000000801, 0, '2026-11-27 22:15:26.484226+00'),
	(511705088000000901, 500, '2026-11-27 22:15:26.99223+00'),
	(511705088000001001, 0, '2026-11-27 22:15:27.298649+00'),
	(511705088000001101, 500, '2026-11-27 22:15:27.636262+00'),
	(511705088000001201, 0, '2026-11-27 22:15:28.270046+00'),
	(511705088000001301, 0, '2026-11-27 22:15:29.064234+00'),
	(511705088000001401, 450, '2026-11-27 22:15:29.872494+00'),
	(511705088000001501, 0, '2026-11-27 22:15:30.356235+00'),
	(511705088000001601, 500, '2026-11-27 22:15:30.536235+00'),
	(511705088000001701, 250, '2026-11-27 22:15:31.969116+00'),
	(511705088000002101, 500, '2026-11-27 22:15:32.893848+00'),
	(511705088000002201, 500, '2026-11-27 22:15:33.250378+00');
INSERT INTO public.wallets VALUES
	(511705088000002301, 380, '2026-11-27 22:15:34.438654+00'),
	(511705088000002401, -450, '2026-11-27 22:15:35.003101+00'),
	(511705088000002501, 1200, '2026-11-27 22:15:35.364616+00'),
	(511705088000000101, 690, '2026-11-27 22:15:35.726289+00'),
	(511705088000002001, 90, '2026-11-27 22:15:36.292319+00');

INSERT INTO public.webhook_events VALUES
	(511705088000900001, 'ON_ORDER_COMPLETED', 'credited', 511705088000000100, '\x7b7abace4d134930622aa34e9e7e399529727c673fb7b0ec5b8425ff91ef60f8', NULL, 'test', '2026-11-27 22:15:24.271+00', '2026-11-27 22:15:24.276+00', 1, '2026-11-27 22:15:24.335742+00'),
	(511705088000900002, 'ON_ORDER_COMPLETED', 'credited', 511705088000000200, '\xb6b5133a4ee0577fdf8ff4503338f64d072359759ef3dcbb1af4548d52765aa4', NULL, 'test', '2026-11-27 22:15:24.412+00', '2026-11-27 22:15:24.413+00', 1, '2026-11-27 22:15:24.432496+00'),
	(511705088000900003, 'ON_ORDER_COMPLETED', 'credited', 511705088000000300, '\x25363e3a99c34c042abda75bdd15c06dbaa6a941a5d176bf9e7cea4f0964a31f', NULL, 'test', '2026-11-27 22:15:24.64+00', '2026-11-27 22:15:24.641+00', 1, '2026-11-27 22:15:24.648037+00'),
	(511705088000900012, 'ON_ORDER_COMPLETED', 'credited', 511705088000000800, '\x8873a0355d2291a43ed0302588d4e80188275395dd7302eeb9432c1b95de5c38', NULL, 'test', '2026-11-27 22:15:26.335+00', '2026-11-27 22:15:26.336+00', 1, '2026-11-27 22:15:26.360252+00'),
	(511705088000900014, 'ON_ORDER_COMPLETED', 'credited', 511705088000000900, '\xdd0471f49194e02d07c517db8bfc916350ea5beaf50b85fce9435bf109b941cf', NULL, 'test', '2026-11-27 22:15:26.604+00', '2026-11-27 22:15:26.605+00', 1, '2026-11-27 22:15:26.624293+00'),
	(511705088000900016, 'ON_CHARGEBACK_CLOSED', 'restored', 511705088000000900, '\x52c37fe49784dd3b24079b989c82c3cbb6543ff9123400a292a4e87d5077be35', NULL, 'test', '2026-11-27 22:15:26.972+00', '2026-11-27 22:15:26.984+00', 1, '2026-11-27 22:15:26.99223+00'),
	(511705088000900018, 'ON_CHARGEBACK', 'reversed', 511705088000001000, '\xfa9c7001d3840eb7205d07c67ddb3312b58c2dd8a88b3bd18bc2d275bc31c80d', NULL, 'test', '2026-11-27 22:15:27.294+00', '2026-11-27 22:15:27.294+00', 1, '2026-11-27 22:15:27.298649+00'),
	(511705088000900020, 'ON_ORDER_COMPLETED', 'credited', 511705088000001100, '\x257429699c249d949ce518134e4692f4fab204dc76aa3258096186fccc46ae3e', NULL, 'test', '2026-11-27 22:15:27.612+00', '2026-11-27 22:15:27.616+00', 1, '2026-11-27 22:15:27.636262+00'),
	(511705088000900034, 'ON_ORDER_COMPLETED', 'credited', 511705088000001500, '\xc66037eb29a2c79e4855b11893fd47791ab1cef4be0a1329e776da7f099f8e45', NULL, 'test', '2026-11-27 22:15:29.992+00', '2026-11-27 22:15:29.993+00', 1, '2026-11-27 22:15:30.011973+00'),
	(511705088000900036, 'ON_CHARGEBACK', 'reversed', 511705088000001500, '\x7516173f959848348cccbfb52515ca534cbc5464ee99372891358124f8164d8a', NULL, 'test', '2026-11-27 22:15:30.331+00', '2026-11-27 22:15:30.337+00', 1, '2026-11-27 22:15:30.356235+00'),
	(511705088000900038, 'ON_ORDER_COMPLETED', 'already_credited', 511705088000001600, '\x1c6850d212c0575e16489b634a7020a7f6e13272d30f62bd24885a5800b53765', NULL, 'test', '2026-11-27 22:15:30.715+00', '2026-11-27 22:15:30.716+00', 1, '2026-11-27 22:15:30.754968+00'),
	(511705088000900040, 'ON_ORDER_COMPLETED', 'credited', 511705088000001700, '\x20f60aca950a1ec40e5b4c0de83215449d746ab3c68c30c7db2b3bc5bac67353', NULL, 'test', '2026-11-27 22:15:30.92+00', '2026-11-27 22:15:30.921+00', 1, '2026-11-27 22:15:30.944681+00'),
	(511705088000900004, 'ON_ORDER_COMPLETED', 'credited', 511705088000000400, '\x3a4ea5e8e44b5c8564c28aa6df60ed524fd3446e19dfa709da4c2bd2ebc4a5ed', NULL, 'test', '2026-11-27 22:15:24.862+00', '2026-11-27 22:15:24.863+00', 1, '2026-11-27 22:15:24.884257+00'),
	(511705088000900005, 'ON_ORDER_COMPLETED', 'credited', 511705088000000500, '\xa46b66ade2f09c6f4a3b935084ce4ccf45874fef9d2ba4dad04387d69c5dd8a2', NULL, 'test', '2026-11-27 22:15:25.008+00', '2026-11-27 22:15:25.016+00', 1, '2026-11-27 22:15:25.036253+00'),
	(511705088000900006, 'ON_REFUND', 'reversed', 511705088000000500, '\xb242c2bbe9f0d7944531d3ed82e5176b25eeaf7b05c3ec852bb56f3e2346498e', NULL, 'test', '2026-11-27 22:15:25.148+00', '2026-11-27 22:15:25.149+00', 1, '2026-11-27 22:15:25.180247+00'),
	(511705088000900007, 'ON_ORDER_COMPLETED', 'credited', 511705088000000600, '\xb7de48c7e49ae19e98f71b9b902fe9733689c9e6d8091353e6f5d6e54e55b5e1', NULL, 'test', '2026-11-27 22:15:25.352+00', '2026-11-27 22:15:25.353+00', 1, '2026-11-27 22:15:25.38583+00'),
	(511705088000900008, 'ON_REFUND', 'reversed', 511705088000000600, '\xd67e30f04746366e9393c27ac5799b78e7d524c7293ab7185657b0189543cac3', NULL, 'test', '2026-11-27 22:15:25.58+00', '2026-11-27 22:15:25.581+00', 1, '2026-11-27 22:15:25.598483+00'),
	(511705088000900010, 'ON_REFUND', 'reversed', 511705088000000700, '\x99962e0c6a9af667a6abe1714f5a7ecb864ff099ccc7fc824cd4a24e35693f2a', NULL, 'test', '2026-11-27 22:15:25.875+00', '2026-11-27 22:15:25.881+00', 1, '2026-11-27 22:15:25.902667+00'),
	(511705088000900009, 'ON_ORDER_COMPLETED', 'credited', 511705088000000700, '\x44af55c33741bc8e231d2db7f5394c95b4f280b7be9a9d620a703b45989c6422', NULL, 'test', '2026-11-27 22:15:25.684+00', '2026-11-27 22:15:25.685+00', 1, '2026-11-27 22:15:25.700241+00'),
	(511705088000900011, 'ON_REFUND', 'reversed', 511705088000000700, '\x4e0cf5e5a61002c124534370a9bd1d9c67d0ef9fc5c5070c5b73eeec85de27cd', NULL, 'test', '2026-11-27 22:15:26.068+00', '2026-11-27 22:15:26.069+00', 1, '2026-11-27 22:15:26.10028+00');
INSERT INTO public.webhook_events VALUES
	(511705088000900013, 'ON_CHARGEBACK', 'reversed', 511705088000000800, '\x30ebc770c4e6b2c5513eb4ac4963eae433f65c90a465b470013793804578ddcc', NULL, 'test', '2026-11-27 22:15:26.468+00', '2026-11-27 22:15:26.469+00', 1, '2026-11-27 22:15:26.484226+00'),
	(511705088000900015, 'ON_CHARGEBACK', 'reversed', 511705088000000900, '\x359b8472fa74355f373f019487fedc720fbedca9723da9cbb2f0b487478ed982', NULL, 'test', '2026-11-27 22:15:26.763+00', '2026-11-27 22:15:26.763+00', 1, '2026-11-27 22:15:26.784235+00'),
	(511705088000900017, 'ON_ORDER_COMPLETED', 'credited', 511705088000001000, '\xbbb33f798a5dd6fb0222293c78e8fc8bf728eb4e0398c4558ad1d3a4b40eeec2', NULL, 'test', '2026-11-27 22:15:27.117+00', '2026-11-27 22:15:27.12+00', 1, '2026-11-27 22:15:27.144243+00'),
	(511705088000900019, 'ON_CHARGEBACK_CLOSED', 'noted', 511705088000001000, '\x8e7e62fd61602c206f73dfbc86d015d2c9d3a77751beed6abecbde6843e66f28', NULL, 'test', '2026-11-27 22:15:27.428+00', '2026-11-27 22:15:27.429+00', 1, '2026-11-27 22:15:27.437036+00'),
	(511705088000900021, 'ON_CHARGEBACK_CLOSED', 'noted', 511705088000001100, '\x5f52624e3e5ed0254860ef3cd0e1916a1fa054ca1cde5ed787dd56262dfecb41', NULL, 'test', '2026-11-27 22:15:27.689+00', '2026-11-27 22:15:27.69+00', 1, '2026-11-27 22:15:27.712264+00'),
	(511705088000900023, 'ON_ORDER_COMPLETED', 'credited', 511705088000001200, '\x70bc8ef5c90291c665b89dcc7c387d2aa46e65af85e3c6dc21f0f298ecc8992c', NULL, 'test', '2026-11-27 22:15:28.051+00', '2026-11-27 22:15:28.057+00', 1, '2026-11-27 22:15:28.065572+00'),
	(511705088000900025, 'ON_CHARGEBACK', 'noted', 511705088000001200, '\x425126ace4a1e30d74b11b57bd2768cb5b3d0627b0a6c4bdc7cf19522349a887', NULL, 'test', '2026-11-27 22:15:28.46+00', '2026-11-27 22:15:28.464+00', 1, '2026-11-27 22:15:28.492268+00'),
	(511705088000900027, 'ON_CHARGEBACK', 'reversed', 511705088000001300, '\x7342715abccf8fe499bd5ebb1b29a70f4ca9e061fc165100b0a1e07c4772cb5c', NULL, 'test', '2026-11-27 22:15:28.794+00', '2026-11-27 22:15:28.8+00', 1, '2026-11-27 22:15:28.816263+00'),
	(511705088000900029, 'ON_REFUND', 'reversed', 511705088000001300, '\xf1ce5e03cb4b86f062b774f3a135613e4a202b6df19cdfb08a50bd615f6e203b', NULL, 'test', '2026-11-27 22:15:29.008+00', '2026-11-27 22:15:29.009+00', 1, '2026-11-27 22:15:29.064234+00'),
	(511705088000900031, 'ON_REFUND', 'reversed', 511705088000001400, '\x6f86a2779f7d0b4b5495de3a470fd148bf4f68381744e440ecb66967cdfd273f', NULL, 'test', '2026-11-27 22:15:29.448+00', '2026-11-27 22:15:29.449+00', 1, '2026-11-27 22:15:29.456647+00'),
	(511705088000900033, 'ON_CHARGEBACK_CLOSED', 'restored', 511705088000001400, '\x9c89d1669f18d75a368343f536fa35fff91972a8c99786a294a2b04b38980988', NULL, 'test', '2026-11-27 22:15:29.82+00', '2026-11-27 22:15:29.844+00', 1, '2026-11-27 22:15:29.872494+00'),
	(511705088000900035, 'ON_REFUND', 'reversed', 511705088000001500, '\x139fa52e23999bc3363dc97fd6d98f892d9b1def1ada0083d1dfe38343ff7753', NULL, 'test', '2026-11-27 22:15:30.123+00', '2026-11-27 22:15:30.131+00', 1, '2026-11-27 22:15:30.152466+00'),
	(511705088000900022, 'ON_CHARGEBACK', 'noted', 511705088000001100, '\xb855352045f6cc93913eff41e79d1505c1c0754f1e8cdb731dd2e63e30a86a03', NULL, 'test', '2026-11-27 22:15:27.828+00', '2026-11-27 22:15:27.829+00', 1, '2026-11-27 22:15:27.864236+00'),
	(511705088000900039, 'ON_REFUND', 'reversed', 511705088000001700, '\x897ce9f25b6c711c9faebb5e4527ea7dc8a462d7860d1de7d1f0184161d0fcc7', NULL, 'test', '2026-11-27 22:15:30.9+00', '2026-11-27 22:15:30.904+00', 2, '2026-11-27 22:15:31.969116+00'),
	(511705088000900024, 'ON_CHARGEBACK_CLOSED', 'reversed', 511705088000001200, '\x196635849cc70031ee26ea051add32132b4a6593d42fbcff380fed0dd0b240fa', NULL, 'test', '2026-11-27 22:15:28.247+00', '2026-11-27 22:15:28.26+00', 1, '2026-11-27 22:15:28.270046+00'),
	(511705088000900026, 'ON_ORDER_COMPLETED', 'credited', 511705088000001300, '\xe51f355604c92fd1d65a6a2d6d93b01e87bacd571e2fac5b7b175322e1ba0320', NULL, 'test', '2026-11-27 22:15:28.612+00', '2026-11-27 22:15:28.619+00', 1, '2026-11-27 22:15:28.640362+00'),
	(511705088000900028, 'ON_CHARGEBACK_CLOSED', 'restored', 511705088000001300, '\x74e872c1d64ab0f728565251d6f168e72470c4c6afe634b95497bde8cea48983', NULL, 'test', '2026-11-27 22:15:28.896+00', '2026-11-27 22:15:28.897+00', 1, '2026-11-27 22:15:28.916309+00'),
	(511705088000900030, 'ON_ORDER_COMPLETED', 'credited', 511705088000001400, '\xc8ec9f800b27ef05c7bb467aec41445902b055ed3e420c7ea02fc9e1171209e3', NULL, 'test', '2026-11-27 22:15:29.188+00', '2026-11-27 22:15:29.19+00', 1, '2026-11-27 22:15:29.266272+00'),
	(511705088000900032, 'ON_CHARGEBACK', 'reversed', 511705088000001400, '\x95820ca0de56105fecd6d98d4489dc5784864ca1c8698267399478feb2c4f4f5', NULL, 'test', '2026-11-27 22:15:29.646+00', '2026-11-27 22:15:29.66+00', 1, '2026-11-27 22:15:29.67223+00'),
	(511705088000900045, 'ON_ORDER_COMPLETED', 'credited', 511705088000002200, '\x5a416d09aad9c24a910002400cfbd2fd04dbb5988a0126bcdb5997094505311b', NULL, 'test', '2026-11-27 22:15:33.216+00', '2026-11-27 22:15:33.22+00', 1, '2026-11-27 22:15:33.250378+00');
INSERT INTO public.webhook_events VALUES
	(511705088000900048, 'ON_ORDER_COMPLETED', 'credited', 511705088000002400, '\x0e239c0080e490f001957564ef4a3c25c7021a6da02f3388d1b1dd84e48d308b', NULL, 'test', '2026-11-27 22:15:34.196+00', '2026-11-27 22:15:34.197+00', 1, '2026-11-27 22:15:34.209062+00'),
	(511705088000900050, 'ON_ORDER_COMPLETED', 'credited', 511705088000002500, '\xd66839dfd0bcac64768c38961601e5010f6ce7c77110983b963521050bc9bf3a', NULL, 'test', '2026-11-27 22:15:35.352+00', '2026-11-27 22:15:35.356+00', 1, '2026-11-27 22:15:35.364616+00'),
	(511705088000900037, 'ON_ORDER_COMPLETED', 'credited', 511705088000001600, '\x75fefd9ffcbaaf37e551212ad3646726b4e1378fbc470e437f206b3380959f12', NULL, 'test', '2026-11-27 22:15:30.5+00', '2026-11-27 22:15:30.501+00', 1, '2026-11-27 22:15:30.536235+00'),
	(511705088000900044, 'ON_ORDER_COMPLETED', 'credited', 511705088000002100, '\xd53672cf1178af35da44bca2e18357705a4ba4cb3201f40d2452c998063d952c', NULL, 'test', '2026-11-27 22:15:32.864+00', '2026-11-27 22:15:32.865+00', 1, '2026-11-27 22:15:32.893848+00'),
	(511705088000900047, 'ON_ORDER_COMPLETED', 'credited', 511705088000002300, '\x205b30e500af46adac408bd58fe318c1a886299b6310ef752a025de6165894b6', NULL, 'test', '2026-11-27 22:15:33.962+00', '2026-11-27 22:15:33.98+00', 1, '2026-11-27 22:15:34.000236+00'),
	(511705088000900049, 'ON_REFUND', 'reversed', 511705088000002400, '\x1660dfcd3bc3efb175a0716c085d1976f2ed206bec69a017c8386340193ba190', NULL, 'test', '2026-11-27 22:15:34.964+00', '2026-11-27 22:15:34.979+00', 1, '2026-11-27 22:15:35.003101+00'),
	(511705088000900043, 'ON_ORDER_COMPLETED', 'credited', 511705088000002000, '\xd176cdfea22f8499202fbcd04bfe174d7a9dc2dc3126be6c87c5ca011705a52c', NULL, 'test', '2026-11-27 22:15:32.466+00', '2026-11-27 22:15:32.466+00', 1, '2026-11-27 22:15:36.292319+00');

SELECT pg_catalog.setval('public.dead_letters_dead_letter_id_seq', 6, true);

SELECT pg_catalog.setval('public.ledger_entries_entry_id_seq', 52, true);

SELECT pg_catalog.setval('public.operator_actions_action_id_seq', 4, true);

ALTER TABLE ONLY public.__diesel_schema_migrations
    ADD CONSTRAINT __diesel_schema_migrations_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.dead_letters
    ADD CONSTRAINT dead_letters_event_id_body_sha256_key UNIQUE (event_id, body_sha256);

ALTER TABLE ONLY public.dead_letters
    ADD CONSTRAINT dead_letters_pkey PRIMARY KEY (dead_letter_id);

ALTER TABLE ONLY public.ledger_checks
    ADD CONSTRAINT ledger_checks_pkey PRIMARY KEY (check_id);

ALTER TABLE ONLY public.ledger_entries
    ADD CONSTRAINT ledger_entries_entry_key_key UNIQUE (entry_key);

ALTER TABLE public.ledger_entries
    ADD CONSTRAINT ledger_entries_key_form CHECK (((kind <> ALL (ARRAY['spend'::public.ledger_entry_kind, 'correction'::public.ledger_entry_kind])) OR ((entry_key COLLATE "C") ~ '^[!-~]+$'::text))) NOT VALID;

ALTER TABLE ONLY public.operator_actions
    ADD CONSTRAINT operator_actions_pkey PRIMARY KEY (action_id);

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (order_id);

ALTER TABLE ONLY public.products
    ADD CONSTRAINT products_pkey PRIMARY KEY (product_id);

ALTER TABLE ONLY public.replays
    ADD CONSTRAINT replays_pkey PRIMARY KEY (action_id, dead_letter_id);

ALTER TABLE ONLY public.reversals
    ADD CONSTRAINT reversals_pkey PRIMARY KEY (order_id, sequence);

ALTER TABLE ONLY public.reversals
    ADD CONSTRAINT reversals_reference_id_kind_key UNIQUE (reference_id, kind);

ALTER TABLE ONLY public.suspects
    ADD CONSTRAINT suspects_pkey PRIMARY KEY (body_sha256);

ALTER TABLE ONLY public.wallets
    ADD CONSTRAINT wallets_pkey PRIMARY KEY (wallet_id);

ALTER TABLE ONLY public.webhook_events
    ADD CONSTRAINT webhook_events_pkey PRIMARY KEY (event_id);

CREATE INDEX dead_letters_settled_with_body_idx ON public.dead_letters USING btree (settled_at) WHERE ((body IS NOT NULL) AND (state = ANY (ARRAY['discarded'::text, 'resolved'::text])));

CREATE INDEX dead_letters_unsettled_idx ON public.dead_letters USING btree (dead_letter_id) WHERE (state = ANY (ARRAY['open'::text, 'replayed'::text]));

CREATE INDEX ledger_entries_order_id_idx ON public.ledger_entries USING btree (order_id);

CREATE INDEX ledger_entries_wallet_id_entry_id_idx ON public.ledger_entries USING btree (wallet_id, entry_id);

CREATE INDEX wallets_in_debt_idx ON public.wallets USING btree (balance) WHERE (balance < 0);

CREATE INDEX webhook_events_with_payload_idx ON public.webhook_events USING btree (event_id) WHERE (payload IS NOT NULL);

CREATE TRIGGER dead_letters_dated BEFORE INSERT OR UPDATE OF state, deaths, body ON public.dead_letters FOR EACH ROW EXECUTE FUNCTION public.date_dead_letter();

CREATE TRIGGER ledger_entries_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.ledger_entries FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_ledger_change();

CREATE TRIGGER ledger_entries_post_to_wallets AFTER INSERT ON public.ledger_entries REFERENCING NEW TABLE AS new_entries FOR EACH STATEMENT EXECUTE FUNCTION public.post_entries_to_wallets();

CREATE TRIGGER operator_actions_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.operator_actions FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_operator_action_change();

CREATE TRIGGER wallets_follow_the_ledger BEFORE INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.wallets FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_direct_wallet_write();

ALTER TABLE ONLY public.replays
    ADD CONSTRAINT replays_dead_letter_id_fkey FOREIGN KEY (dead_letter_id) REFERENCES public.dead_letters(dead_letter_id);

GRANT ALL ON SCHEMA public TO paynow_owner;
GRANT ALL ON SCHEMA public TO paynow_ledger;
GRANT USAGE ON SCHEMA public TO paynow_worker;
GRANT USAGE ON SCHEMA public TO paynow_reader;
GRANT USAGE ON SCHEMA public TO paynow_spender;
GRANT USAGE ON SCHEMA public TO paynow_operator;

REVOKE ALL ON FUNCTION pg_catalog.lo_creat(integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.lo_create(oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.lo_from_bytea(oid, bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.check_ledger(max_age_seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.check_ledger(max_age_seconds integer) TO paynow_worker;

REVOKE ALL ON FUNCTION public.date_dead_letter() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.debts(OUT wallets bigint, OUT points bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.debts(OUT wallets bigint, OUT points bigint) TO paynow_worker;
GRANT ALL ON FUNCTION public.debts(OUT wallets bigint, OUT points bigint) TO paynow_reader;

REVOKE ALL ON FUNCTION public.forget_bodies(retention_days integer, at_once integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.forget_bodies(retention_days integer, at_once integer) TO paynow_worker;

REVOKE ALL ON FUNCTION public.forget_payloads(before bigint, at_once integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.forget_payloads(before bigint, at_once integer) TO paynow_worker;

GRANT INSERT ON TABLE public.webhook_events TO paynow_worker;

GRANT SELECT(event_id) ON TABLE public.webhook_events TO paynow_reader;
GRANT SELECT(event_id) ON TABLE public.webhook_events TO paynow_worker;

GRANT SELECT(event_type) ON TABLE public.webhook_events TO paynow_reader;

GRANT SELECT(outcome) ON TABLE public.webhook_events TO paynow_reader;

GRANT SELECT(order_id) ON TABLE public.webhook_events TO paynow_reader;

GRANT SELECT(body_sha256) ON TABLE public.webhook_events TO paynow_reader;
GRANT SELECT(body_sha256) ON TABLE public.webhook_events TO paynow_worker;

GRANT SELECT(secret_id) ON TABLE public.webhook_events TO paynow_reader;

GRANT SELECT(signed_at) ON TABLE public.webhook_events TO paynow_reader;

GRANT SELECT(received_at) ON TABLE public.webhook_events TO paynow_reader;

GRANT SELECT(attempts) ON TABLE public.webhook_events TO paynow_reader;

GRANT SELECT(settled_at) ON TABLE public.webhook_events TO paynow_reader;

REVOKE ALL ON FUNCTION public.is_applied(of_event text, with_sha256 bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION public.is_applied(of_event text, with_sha256 bytea) TO paynow_worker;

REVOKE ALL ON FUNCTION public.lock_balance(of_wallet bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.lock_balance(of_wallet bigint) TO paynow_operator;

REVOKE ALL ON FUNCTION public.post_correction(with_key text, to_wallet bigint, of_points bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.post_correction(with_key text, to_wallet bigint, of_points bigint) TO paynow_operator;

REVOKE ALL ON FUNCTION public.post_entries_to_wallets() FROM PUBLIC;
REVOKE ALL ON FUNCTION public.post_entries_to_wallets() FROM paynow_ledger;

REVOKE ALL ON FUNCTION public.refuse_direct_wallet_write() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.refuse_ledger_change() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.refuse_operator_action_change() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.resolve_applied_letters(after bigint, at_once integer, OUT last bigint, OUT resolved bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.resolve_applied_letters(after bigint, at_once integer, OUT last bigint, OUT resolved bigint) TO paynow_worker;

REVOKE ALL ON FUNCTION public.restore_body(of_event text, lost_body bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION public.restore_body(of_event text, lost_body bytea) TO paynow_worker;

REVOKE ALL ON FUNCTION public.spend(wallet_id bigint, points bigint, key text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.spend(wallet_id bigint, points bigint, key text) TO paynow_spender;

GRANT SELECT(version) ON TABLE public.__diesel_schema_migrations TO paynow_worker;

GRANT INSERT ON TABLE public.dead_letters TO paynow_worker;

GRANT SELECT(dead_letter_id) ON TABLE public.dead_letters TO paynow_reader;

GRANT SELECT(event_id) ON TABLE public.dead_letters TO paynow_reader;
GRANT SELECT(event_id) ON TABLE public.dead_letters TO paynow_worker;

GRANT SELECT(event_type) ON TABLE public.dead_letters TO paynow_reader;

GRANT SELECT(reason) ON TABLE public.dead_letters TO paynow_reader;
GRANT SELECT(reason),UPDATE(reason) ON TABLE public.dead_letters TO paynow_worker;

GRANT SELECT(error) ON TABLE public.dead_letters TO paynow_reader;
GRANT SELECT(error),UPDATE(error) ON TABLE public.dead_letters TO paynow_worker;

GRANT SELECT(state) ON TABLE public.dead_letters TO paynow_reader;
GRANT SELECT(state),UPDATE(state) ON TABLE public.dead_letters TO paynow_worker;
GRANT UPDATE(state) ON TABLE public.dead_letters TO paynow_operator;

GRANT SELECT(body) ON TABLE public.dead_letters TO paynow_operator;

GRANT SELECT(body_sha256) ON TABLE public.dead_letters TO paynow_reader;
GRANT SELECT(body_sha256) ON TABLE public.dead_letters TO paynow_worker;

GRANT SELECT(secret_id) ON TABLE public.dead_letters TO paynow_reader;

GRANT SELECT(signed_at) ON TABLE public.dead_letters TO paynow_reader;

GRANT SELECT(received_at) ON TABLE public.dead_letters TO paynow_reader;

GRANT SELECT(attempts) ON TABLE public.dead_letters TO paynow_reader;
GRANT SELECT(attempts),UPDATE(attempts) ON TABLE public.dead_letters TO paynow_worker;

GRANT SELECT(deaths) ON TABLE public.dead_letters TO paynow_reader;
GRANT SELECT(deaths),UPDATE(deaths) ON TABLE public.dead_letters TO paynow_worker;

GRANT SELECT(history) ON TABLE public.dead_letters TO paynow_reader;
GRANT SELECT(history),UPDATE(history) ON TABLE public.dead_letters TO paynow_worker;

GRANT SELECT(first_dead_at) ON TABLE public.dead_letters TO paynow_reader;

GRANT SELECT(last_dead_at) ON TABLE public.dead_letters TO paynow_reader;
GRANT SELECT(last_dead_at),UPDATE(last_dead_at) ON TABLE public.dead_letters TO paynow_worker;

GRANT SELECT(settled_at) ON TABLE public.dead_letters TO paynow_reader;

GRANT SELECT(resolution) ON TABLE public.dead_letters TO paynow_reader;

GRANT SELECT(body_forgotten_at) ON TABLE public.dead_letters TO paynow_reader;

GRANT SELECT ON TABLE public.ledger_checks TO paynow_worker;
GRANT SELECT ON TABLE public.ledger_checks TO paynow_reader;

GRANT SELECT ON TABLE public.ledger_entries TO paynow_reader;
GRANT SELECT ON TABLE public.ledger_entries TO paynow_worker;

GRANT INSERT(entry_key) ON TABLE public.ledger_entries TO paynow_worker;

GRANT INSERT(wallet_id) ON TABLE public.ledger_entries TO paynow_worker;

GRANT INSERT(order_id) ON TABLE public.ledger_entries TO paynow_worker;

GRANT INSERT(event_id) ON TABLE public.ledger_entries TO paynow_worker;

GRANT INSERT(kind) ON TABLE public.ledger_entries TO paynow_worker;

GRANT INSERT(points) ON TABLE public.ledger_entries TO paynow_worker;

GRANT SELECT ON TABLE public.orders TO paynow_reader;
GRANT INSERT ON TABLE public.orders TO paynow_worker;

GRANT SELECT(order_id) ON TABLE public.orders TO paynow_worker;

GRANT SELECT(total_amount_minor) ON TABLE public.orders TO paynow_worker;

GRANT SELECT ON TABLE public.wallets TO paynow_reader;
GRANT SELECT ON TABLE public.wallets TO paynow_spender;
GRANT SELECT,INSERT,UPDATE ON TABLE public.wallets TO paynow_ledger;

GRANT SELECT ON TABLE public.ledger_violations TO paynow_reader;

GRANT SELECT ON TABLE public.operator_actions TO paynow_reader;

GRANT INSERT(action) ON TABLE public.operator_actions TO paynow_operator;

GRANT INSERT(operator) ON TABLE public.operator_actions TO paynow_operator;

GRANT INSERT(why) ON TABLE public.operator_actions TO paynow_operator;

GRANT INSERT(selection) ON TABLE public.operator_actions TO paynow_operator;

GRANT INSERT(outcome) ON TABLE public.operator_actions TO paynow_operator;

GRANT SELECT ON TABLE public.products TO paynow_reader;
GRANT SELECT ON TABLE public.products TO paynow_worker;

GRANT INSERT(product_id) ON TABLE public.products TO paynow_operator;

GRANT INSERT(points),UPDATE(points) ON TABLE public.products TO paynow_operator;

GRANT UPDATE(updated_at) ON TABLE public.products TO paynow_operator;

GRANT SELECT ON TABLE public.replays TO paynow_reader;

GRANT INSERT(action_id) ON TABLE public.replays TO paynow_operator;

GRANT INSERT(dead_letter_id) ON TABLE public.replays TO paynow_operator;

GRANT UPDATE(state) ON TABLE public.replays TO paynow_operator;

GRANT UPDATE(deaths_before) ON TABLE public.replays TO paynow_operator;

GRANT UPDATE(updated_at) ON TABLE public.replays TO paynow_operator;

GRANT SELECT ON TABLE public.reversals TO paynow_reader;
GRANT INSERT ON TABLE public.reversals TO paynow_worker;

GRANT SELECT(order_id) ON TABLE public.reversals TO paynow_worker;

GRANT SELECT(sequence) ON TABLE public.reversals TO paynow_worker;

GRANT SELECT(kind) ON TABLE public.reversals TO paynow_worker;

GRANT SELECT(reference_id) ON TABLE public.reversals TO paynow_worker;

GRANT SELECT(amount_minor) ON TABLE public.reversals TO paynow_worker;

GRANT SELECT ON TABLE public.suspects TO paynow_reader;
GRANT SELECT,INSERT,DELETE ON TABLE public.suspects TO paynow_worker;

GRANT UPDATE(process_id) ON TABLE public.suspects TO paynow_worker;

GRANT UPDATE(crashes) ON TABLE public.suspects TO paynow_worker;

ALTER DEFAULT PRIVILEGES FOR ROLE paynow_owner REVOKE ALL ON FUNCTIONS  FROM PUBLIC;
