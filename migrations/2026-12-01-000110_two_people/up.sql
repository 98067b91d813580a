-- A correction that is asked for in the console takes a second person, and the database is what refuses otherwise.
--
-- Safe while the previous version runs: everything is new.

-- Up to how many points in one day a person may correct alone.
CREATE TABLE correction_rule (
    is_the_one boolean NOT NULL DEFAULT true,
    alone_up_to bigint NOT NULL DEFAULT 0,
    CONSTRAINT correction_rule_pkey PRIMARY KEY (is_the_one),
    CONSTRAINT correction_rule_one_row CHECK (is_the_one),
    CONSTRAINT correction_rule_not_negative CHECK (alone_up_to >= 0)
);
INSERT INTO correction_rule DEFAULT VALUES;

CREATE TABLE correction_requests (
    request_id bigint GENERATED ALWAYS AS IDENTITY,
    wallet_id bigint NOT NULL,
    points bigint NOT NULL,
    -- Of the ledger, which takes it once.
    entry_key text NOT NULL,
    why text NOT NULL,
    ticket text,
    balance_at_request bigint NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL DEFAULT clock_timestamp() + interval '7 days',
    state text NOT NULL DEFAULT 'waiting',
    decided_by text,
    decided_why text,
    decided_at timestamptz,
    balance_before bigint,
    balance_after bigint,
    CONSTRAINT correction_requests_pkey PRIMARY KEY (request_id),
    CONSTRAINT correction_requests_entry_key_key UNIQUE (entry_key),
    CONSTRAINT correction_requests_wallet_id_positive CHECK (wallet_id > 0),
    CONSTRAINT correction_requests_of_points CHECK (points <> 0),
    CONSTRAINT correction_requests_key_form CHECK (entry_key COLLATE "C" ~ '^correction:[!-~]{1,200}$'),
    CONSTRAINT correction_requests_texts_bounded CHECK (length(btrim(why)) >= 1 AND length(why) <= 2000
        AND length(ticket) <= 200 AND length(decided_why) <= 2000),
    -- `alone`: by the rule above it needed no second person.
    CONSTRAINT correction_requests_state_known
        CHECK (state IN ('waiting', 'approved', 'rejected', 'withdrawn', 'alone')),
    CONSTRAINT correction_requests_two_people CHECK (coalesce(
        CASE WHEN state IN ('approved', 'rejected') THEN decided_by <> requested_by
            WHEN state = 'withdrawn' THEN decided_by = requested_by
            ELSE decided_by IS NULL END, false)),
    CONSTRAINT correction_requests_decided_is_dated
        CHECK ((state = 'waiting') = (decided_at IS NULL)),
    CONSTRAINT correction_requests_posted_has_balances
        CHECK ((state IN ('approved', 'alone')) = (balance_after IS NOT NULL))
);
CREATE INDEX correction_requests_waiting_idx ON correction_requests (request_id) WHERE state = 'waiting';
CREATE INDEX correction_requests_wallet_idx ON correction_requests (wallet_id, request_id);
CREATE INDEX correction_requests_requested_by_idx ON correction_requests (requested_by, requested_at);

-- A decision is made once, and what was asked for never changes: not even a function of ours does it.
CREATE FUNCTION refuse_decided_change() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.state = 'waiting'
        AND (NEW.request_id, NEW.wallet_id, NEW.points, NEW.entry_key, NEW.why, NEW.ticket,
             NEW.balance_at_request, NEW.requested_by, NEW.requested_at, NEW.expires_at)
            IS NOT DISTINCT FROM
            (OLD.request_id, OLD.wallet_id, OLD.points, OLD.entry_key, OLD.why, OLD.ticket,
             OLD.balance_at_request, OLD.requested_by, OLD.requested_at, OLD.expires_at)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a request is decided once, and never changed'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'correction_requests_decided_once';
END $$;
CREATE TRIGGER correction_requests_decided_once BEFORE UPDATE OR DELETE ON correction_requests
    FOR EACH ROW EXECUTE FUNCTION refuse_decided_change();

-- Posts what was asked for. Used by the two functions below only.
CREATE FUNCTION post_request(of_request bigint, by_person text, with_why text, becomes text) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    asked correction_requests;
    posted record;
BEGIN
    SELECT * INTO asked FROM correction_requests WHERE request_id = of_request;
    SELECT * INTO posted FROM correct_wallet(asked.entry_key, asked.wallet_id, asked.points, by_person, with_why);
    IF NOT posted.applied THEN
        RAISE EXCEPTION 'the key % was used before', asked.entry_key
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'correction_requests_entry_key_key';
    END IF;
    UPDATE correction_requests SET state = becomes, decided_at = now(),
        decided_by = CASE WHEN becomes = 'approved' THEN by_person END,
        decided_why = CASE WHEN becomes = 'approved' THEN with_why END,
        balance_before = posted.balance_before, balance_after = posted.balance_after
    WHERE request_id = of_request;
END $$;

-- Asks for a correction. The same person with the same key and words gets the same request.
CREATE FUNCTION request_correction(of_session bytea, of_wallet bigint, of_points bigint, with_key text,
    with_why text, with_ticket text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    person text := require_role(of_session, ARRAY['support', 'operator', 'approver']);
    with_entry_key text := 'correction:' || with_key;
    asked correction_requests;
    today numeric;
BEGIN
    -- One person's requests one after another, so that the sum below misses none.
    PERFORM pg_advisory_xact_lock(hashtextextended('request of ' || person, 20261201));
    SELECT * INTO asked FROM correction_requests WHERE entry_key = with_entry_key;
    IF asked.request_id IS NOT NULL AND (asked.requested_by, asked.wallet_id, asked.points, asked.why)
        = (person, of_wallet, of_points, with_why)
    THEN
        RETURN asked.request_id;
    END IF;
    IF asked.request_id IS NOT NULL
        OR EXISTS (SELECT FROM ledger_entries WHERE entry_key = with_entry_key)
    THEN
        RAISE EXCEPTION 'the key % was used before', with_entry_key
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'correction_requests_entry_key_key';
    END IF;
    INSERT INTO correction_requests (wallet_id, points, entry_key, why, ticket, balance_at_request, requested_by)
    VALUES (of_wallet, of_points, with_entry_key, with_why, with_ticket,
        coalesce((SELECT balance FROM wallets WHERE wallet_id = of_wallet), 0), person)
    RETURNING * INTO asked;
    PERFORM add_action('correct_request', person, with_why,
        jsonb_build_object('wallet_id', of_wallet::text, 'points', of_points, 'key', with_key,
            'ticket', with_ticket),
        jsonb_build_object('request_id', asked.request_id::text, 'wallet_id', of_wallet::text,
            'entry_key', with_entry_key));
    SELECT sum(abs(points::numeric)) INTO today FROM correction_requests
    WHERE requested_by = person AND requested_at > clock_timestamp() - interval '1 day'
        AND state IN ('waiting', 'alone');
    IF today <= (SELECT alone_up_to FROM correction_rule) THEN
        PERFORM post_request(asked.request_id, person, with_why, 'alone');
    END IF;
    RETURN asked.request_id;
END $$;

-- Approves or rejects what somebody else asked for. Whoever approves names the balance that they saw.
CREATE FUNCTION decide_correction(of_session bytea, of_request bigint, is_approved boolean,
    balance_seen bigint, with_why text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    person text := require_recent_role(of_session, ARRAY['approver']);
    asked correction_requests;
    has bigint;
BEGIN
    -- Two at once: the second waits here, and then finds it decided.
    SELECT * INTO asked FROM correction_requests WHERE request_id = of_request FOR UPDATE;
    IF asked.requested_by = person THEN
        RAISE EXCEPTION 'nobody decides about their own request'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'correction_requests_two_people';
    END IF;
    IF asked.state IS DISTINCT FROM 'waiting' THEN
        RAISE EXCEPTION 'the request is decided'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'correction_requests_decided_once';
    END IF;
    IF asked.expires_at <= clock_timestamp() THEN
        RAISE EXCEPTION 'the request has expired'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'correction_requests_expired';
    END IF;
    IF is_approved AND EXISTS (SELECT FROM console_people
        WHERE name = asked.requested_by AND disabled_at IS NOT NULL)
    THEN
        RAISE EXCEPTION '% may no longer ask for anything', asked.requested_by
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'correction_requests_of_disabled';
    END IF;
    IF is_approved THEN
        has := coalesce(lock_balance(asked.wallet_id), 0);
        IF has IS DISTINCT FROM balance_seen THEN
            RAISE EXCEPTION 'the balance is %, and % was shown', has, balance_seen
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'correction_requests_balance_seen';
        END IF;
        PERFORM post_request(of_request, person, with_why, 'approved');
    ELSE
        UPDATE correction_requests SET state = 'rejected', decided_by = person, decided_why = with_why,
            decided_at = now()
        WHERE request_id = of_request;
    END IF;
    PERFORM add_action('correct_decide', person, with_why,
        jsonb_build_object('request_id', of_request::text),
        jsonb_build_object('request_id', of_request::text, 'wallet_id', asked.wallet_id::text,
            'requested_by', asked.requested_by, 'is_approved', is_approved));
END $$;

-- Takes back one's own request.
CREATE FUNCTION withdraw_correction(of_session bytea, of_request bigint, with_why text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    person text := require_role(of_session, ARRAY['support', 'operator', 'approver']);
    asked correction_requests;
BEGIN
    SELECT * INTO asked FROM correction_requests WHERE request_id = of_request FOR UPDATE;
    IF asked.requested_by IS DISTINCT FROM person THEN
        RAISE EXCEPTION 'only % takes this request back', asked.requested_by
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'correction_requests_of_another';
    END IF;
    UPDATE correction_requests SET state = 'withdrawn', decided_by = person, decided_why = with_why,
        decided_at = now()
    WHERE request_id = of_request;
    PERFORM add_action('correct_decide', person, with_why,
        jsonb_build_object('request_id', of_request::text),
        jsonb_build_object('request_id', of_request::text, 'wallet_id', asked.wallet_id::text,
            'is_withdrawn', true));
END $$;

-- Up to how many points in one day a person may correct alone. Only the owner may call it.
CREATE FUNCTION set_correction_rule(by_operator text, with_why text, to_points bigint) RETURNS bigint
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    before bigint := (SELECT alone_up_to FROM correction_rule FOR UPDATE);
BEGIN
    UPDATE correction_rule SET alone_up_to = to_points;
    PERFORM add_action('people', by_operator, with_why,
        jsonb_build_object('correct_alone_up_to', to_points),
        jsonb_build_object('correct_alone_up_to', to_points, 'before', before));
    RETURN before;
END $$;

REVOKE EXECUTE ON FUNCTION
    refuse_decided_change(), post_request(bigint, text, text, text),
    request_correction(bytea, bigint, bigint, text, text, text),
    decide_correction(bytea, bigint, boolean, bigint, text), withdraw_correction(bytea, bigint, text),
    set_correction_rule(text, text, bigint)
    FROM PUBLIC;
GRANT SELECT ON correction_rule, correction_requests TO paynow_reader;
GRANT EXECUTE ON FUNCTION request_correction(bytea, bigint, bigint, text, text, text),
    withdraw_correction(bytea, bigint, text) TO paynow_console_support;
GRANT EXECUTE ON FUNCTION decide_correction(bytea, bigint, boolean, bigint, text) TO paynow_console_approver;
