-- Whoever works at the desk leaves a record that names the database login, in the transaction of what
-- they did: an operator's login writes only through the functions below.
--
-- Safe while the previous version's worker and receiver run. The previous version's `paynowctl` may read,
-- and is refused when it writes, unless its login is the owner's: `setup` comes with the new one.

ALTER TABLE operator_actions
    -- Null in the rows that are older than this column.
    ADD COLUMN login text,
    ADD CONSTRAINT operator_actions_login_known CHECK (login IS NOT NULL) NOT VALID,
    ADD CONSTRAINT operator_actions_texts_bounded
        CHECK (length(operator) <= 200 AND length(why) <= 2000
            AND length(outcome ->> 'ended') <= 2000) NOT VALID,
    -- A replay of a million letters has its place; a document without end has not.
    ADD CONSTRAINT operator_actions_documents_bounded
        CHECK (jsonb_typeof(selection) = 'object' AND jsonb_typeof(outcome) = 'object'
            AND length(selection::text) <= 33554432 AND length(outcome::text) <= 33554432) NOT VALID,
    -- contract: the rule is only widened, and put back in the same statement
    DROP CONSTRAINT operator_actions_action_known,
    ADD CONSTRAINT operator_actions_action_known
        CHECK (action IN ('discard', 'correct', 'replay', 'history_send', 'price'));

-- Not a default, which whoever inserts may replace; not current_user, which is the owner in the functions
-- below.
CREATE FUNCTION name_login() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.login := session_user;
    RETURN NEW;
END $$;

CREATE TRIGGER operator_actions_login BEFORE INSERT ON operator_actions
    FOR EACH ROW EXECUTE FUNCTION name_login();

CREATE INDEX operator_actions_entry_key_idx ON operator_actions ((outcome ->> 'entry_key'))
    WHERE action = 'correct';

ALTER TABLE products
    -- The action that set the price; 0 for a price that is older than this column, null for a price that
    -- no action set.
    ADD COLUMN priced_by bigint DEFAULT 0;
-- contract: the default was for the rows that exist; the previous version never writes this column
ALTER TABLE products ALTER COLUMN priced_by DROP DEFAULT;

-- A price that is written without an action of its own has none, whatever it says.
CREATE FUNCTION forget_price_action() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.priced_by := nullif(NEW.priced_by, 0);
    ELSIF NEW.points <> OLD.points AND NEW.priced_by IS NOT DISTINCT FROM OLD.priced_by THEN
        NEW.priced_by := NULL;
    ELSIF OLD.priced_by IS DISTINCT FROM 0 THEN
        NEW.priced_by := nullif(NEW.priced_by, 0);
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER products_price_action BEFORE INSERT OR UPDATE ON products
    FOR EACH ROW EXECUTE FUNCTION forget_price_action();

-- Which session runs a replay, and until when if it takes no further step. Not an advisory lock: any
-- login could take its number and keep the replay from being run.
CREATE TABLE replay_runs (
    action_id bigint NOT NULL,
    backend_pid integer NOT NULL,
    held_until timestamptz NOT NULL,
    CONSTRAINT replay_runs_pkey PRIMARY KEY (action_id)
);
GRANT SELECT ON replay_runs TO paynow_reader;

-- Used by the functions below only.
CREATE FUNCTION add_action(of_kind text, by_operator text, with_why text, with_selection jsonb,
    with_outcome jsonb) RETURNS bigint
    LANGUAGE sql SET search_path = public, pg_temp AS $$
    INSERT INTO operator_actions (action, operator, why, selection, outcome)
    VALUES (of_kind, by_operator, with_why, with_selection, with_outcome)
    RETURNING action_id
$$;

-- Ids in a document are texts, because JSON numbers are not exact to 64 bits everywhere.
CREATE FUNCTION id_texts(of_ids bigint[]) RETURNS jsonb
    LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(jsonb_agg(id::text ORDER BY place), '[]')
    FROM unnest(of_ids) WITH ORDINALITY AS given (id, place)
$$;

-- Adds a correction and its action. `applied` is false, and nothing is done, if the key was used before.
CREATE FUNCTION correct_wallet(with_key text, of_wallet bigint, of_points bigint, by_operator text,
    with_why text, OUT applied boolean, OUT balance_before bigint, OUT balance_after bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    applied := post_correction(with_key, of_wallet, of_points);
    SELECT balance INTO balance_after FROM wallets WHERE wallet_id = of_wallet;
    IF NOT applied THEN
        balance_before := balance_after;
        RETURN;
    END IF;
    balance_before := balance_after - of_points;
    PERFORM add_action('correct', by_operator, with_why,
        jsonb_build_object('wallet_id', of_wallet::text, 'points', of_points,
            'key', substr(with_key, length('correction:') + 1)),
        jsonb_build_object('entry_key', with_key, 'balance_before', balance_before,
            'balance_after', balance_after));
END $$;

-- Sets the points that a product gives, and returns those that it gave before, null for a new one. A price
-- that is what it was already changes nothing and is no action.
CREATE FUNCTION set_price(of_product bigint, to_points bigint, by_operator text, with_why text)
    RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    before products;
    is_new boolean;
    set_by bigint;
BEGIN
    -- Two calls for a new product: the second waits here, and then finds the price of the first.
    INSERT INTO products (product_id, points) VALUES (of_product, to_points)
    ON CONFLICT ON CONSTRAINT products_pkey DO NOTHING;
    is_new := FOUND;
    SELECT * INTO before FROM products WHERE product_id = of_product FOR UPDATE;
    IF is_new THEN
        before.points := NULL;
    ELSIF before.points = to_points AND (before.priced_by = 0 OR EXISTS (
        SELECT FROM operator_actions WHERE action_id = before.priced_by AND action = 'price'
            AND outcome ->> 'product_id' = of_product::text AND outcome ->> 'points' = to_points::text))
    THEN
        RETURN before.points;
    END IF;
    set_by := add_action('price', coalesce(by_operator, session_user),
        coalesce(with_why, 'no reason was given'),
        jsonb_build_object('product_id', of_product::text, 'points', to_points),
        jsonb_build_object('product_id', of_product::text, 'points', to_points,
            'points_before', before.points));
    UPDATE products SET points = to_points, priced_by = set_by, updated_at = now()
    WHERE product_id = of_product;
    RETURN before.points;
END $$;

-- Gives up open dead letters: all of them, or none if one is no longer open.
CREATE FUNCTION discard_letters(of_letters bigint[], by_operator text, with_why text,
    with_selection jsonb) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    discarded bigint;
BEGIN
    UPDATE dead_letters SET state = 'discarded'
    WHERE dead_letter_id = ANY (of_letters) AND state = 'open';
    GET DIAGNOSTICS discarded = ROW_COUNT;
    IF discarded = 0 OR discarded IS DISTINCT FROM cardinality(of_letters) THEN
        RAISE EXCEPTION 'a dead letter is no longer open, nothing was discarded'
            USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN add_action('discard', by_operator, with_why, with_selection,
        jsonb_build_object('discarded', discarded, 'dead_letter_ids', id_texts(of_letters)));
END $$;

-- Records that these letters will be replayed, and returns the number of the replay. `without_proof` in
-- the selection is what `is_vouched` looks for.
CREATE FUNCTION begin_replay(of_letters bigint[], by_operator text, with_why text,
    with_selection jsonb) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    replay bigint;
BEGIN
    replay := add_action('replay', by_operator, with_why, with_selection,
        jsonb_build_object('begun', true, 'dead_letter_ids', id_texts(of_letters)));
    INSERT INTO replays (action_id, dead_letter_id) SELECT replay, unnest(of_letters);
    RETURN replay;
END $$;

-- Takes a replay for this session, or keeps it, for 30 seconds; false if another session has it. A session
-- that has ended has nothing, and the number of one that ended long ago may be another's.
CREATE FUNCTION hold_replay(of_replay bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO replay_runs AS held (action_id, backend_pid, held_until)
    SELECT of_replay, pg_backend_pid(), clock_timestamp() + interval '30 seconds'
    WHERE EXISTS (SELECT FROM replays WHERE action_id = of_replay)
    ON CONFLICT ON CONSTRAINT replay_runs_pkey DO UPDATE
        SET backend_pid = excluded.backend_pid, held_until = excluded.held_until
        WHERE held.backend_pid = excluded.backend_pid OR held.held_until < clock_timestamp()
            OR held.backend_pid NOT IN (SELECT pid FROM pg_stat_activity);
    RETURN FOUND;
END $$;

-- For the steps of a replay, each of whose session must hold it. Used by the functions below only.
CREATE FUNCTION require_replay(of_replay bigint) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT hold_replay(of_replay) THEN
        RAISE EXCEPTION 'replay % is run by somebody else now', of_replay
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'replay_runs_held';
    END IF;
END $$;

-- Takes the next letters: they become `replayed` before the first of them is sent, so that a later death
-- is a new one. A letter that is no longer open is skipped. A letter that an interrupted run had taken is
-- taken again: it is harmless in the queue twice, and lost if it is never there.
CREATE FUNCTION take_letters(of_replay bigint, at_most bigint) RETURNS SETOF bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    next_letters bigint[];
BEGIN
    PERFORM require_replay(of_replay);
    next_letters := ARRAY(
        SELECT dead_letter_id FROM replays WHERE action_id = of_replay AND state = 'waiting'
        ORDER BY dead_letter_id LIMIT at_most);
    WITH taken AS (
        UPDATE dead_letters SET state = 'replayed'
        WHERE dead_letter_id = ANY (next_letters) AND state = 'open'
        RETURNING dead_letter_id, deaths
    )
    UPDATE replays SET deaths_before = taken.deaths, updated_at = now() FROM taken
    WHERE replays.action_id = of_replay AND replays.dead_letter_id = taken.dead_letter_id;
    UPDATE replays SET state = 'skipped', updated_at = now()
    WHERE action_id = of_replay AND dead_letter_id = ANY (next_letters) AND deaths_before IS NULL;
    RETURN QUERY SELECT dead_letter_id FROM replays
        WHERE action_id = of_replay AND state = 'waiting' AND dead_letter_id = ANY (next_letters);
END $$;

-- Undoes the taking of letters that were not sent: they are open again.
CREATE FUNCTION give_back_letters(of_replay bigint, of_letters bigint[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM require_replay(of_replay);
    WITH back AS (
        UPDATE replays SET deaths_before = NULL, updated_at = now()
        WHERE action_id = of_replay AND dead_letter_id = ANY (of_letters) AND state = 'waiting'
        RETURNING dead_letter_id
    )
    UPDATE dead_letters SET state = 'open' FROM back
    WHERE dead_letters.dead_letter_id = back.dead_letter_id AND dead_letters.state = 'replayed';
END $$;

-- Records that the broker has confirmed letters that were taken.
CREATE FUNCTION mark_letters_sent(of_replay bigint, of_letters bigint[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM require_replay(of_replay);
    UPDATE replays SET state = 'sent', updated_at = now()
    WHERE action_id = of_replay AND dead_letter_id = ANY (of_letters) AND state = 'waiting'
        AND deaths_before IS NOT NULL;
END $$;

-- Updates the states of the letters that were taken. A letter is applied when its event is settled with
-- the same body, whichever copy of the message did it; it is dead again when it died since it was taken.
-- A copy that died first does not hide that another was applied.
CREATE FUNCTION observe_replay(of_replay bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM require_replay(of_replay);
    WITH seen AS (
        UPDATE replays SET updated_at = now(),
            state = CASE WHEN letter.settled THEN 'applied' ELSE 'dead_again' END
        FROM (SELECT dead_letter_id, deaths, is_applied(event_id, body_sha256) AS settled
              FROM dead_letters WHERE dead_letter_id IN (
                  SELECT dead_letter_id FROM replays
                  WHERE action_id = of_replay AND deaths_before IS NOT NULL
                      AND state IN ('waiting', 'sent', 'dead_again'))) AS letter
        WHERE replays.action_id = of_replay AND replays.dead_letter_id = letter.dead_letter_id
            AND (letter.settled OR (replays.state <> 'dead_again'
                                    AND letter.deaths > replays.deaths_before))
        RETURNING replays.dead_letter_id, replays.state
    )
    UPDATE dead_letters SET state = 'resolved' FROM seen
    WHERE seen.state = 'applied' AND dead_letters.dead_letter_id = seen.dead_letter_id
        AND dead_letters.state IN ('open', 'replayed');
END $$;

-- Records how a run ended, and lets the next one begin at once. Returns what was recorded.
CREATE FUNCTION end_replay_run(of_replay bigint, by_operator text, with_why text,
    with_end text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    recorded jsonb;
BEGIN
    PERFORM require_replay(of_replay);
    SELECT jsonb_build_object(
        'replay', of_replay::text,
        'ended', with_end,
        'applied', count(*) FILTER (WHERE state = 'applied'),
        'dead_again', count(*) FILTER (WHERE state = 'dead_again'),
        'deferred', count(*) FILTER (WHERE state = 'sent'),
        'skipped', count(*) FILTER (WHERE state = 'skipped'),
        'to_do', count(*) FILTER (WHERE state = 'waiting'))
    INTO recorded FROM replays WHERE action_id = of_replay;
    PERFORM add_action('replay', by_operator, with_why,
        jsonb_build_object('replay', of_replay::text), recorded);
    UPDATE replay_runs SET held_until = '-infinity' WHERE action_id = of_replay;
    RETURN recorded;
END $$;

-- Records that events of PayNow's history will be sent, or what became of them. The receiver and the
-- worker treat these like any other webhook, so the record is all that is written here.
CREATE FUNCTION record_history_send(by_operator text, with_why text, with_selection jsonb,
    with_outcome jsonb) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT add_action('history_send', by_operator, with_why, with_selection, with_outcome)
$$;

-- The worker of the previous version writes dead letters itself, and only ever one more death. Every
-- other change comes from a function of the owner.
CREATE FUNCTION refuse_letter_change() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
BEGIN
    IF current_user = 'paynow_owner'
        OR (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
    THEN
        RETURN NEW;
    END IF;
    IF NEW.deaths = OLD.deaths + 1
        AND (NEW.state = 'open'
             OR NEW.state = 'resolved' AND is_applied(NEW.event_id, NEW.body_sha256))
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a dead letter changes only by a new death or by a function that records it'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'dead_letters_change_recorded';
END $$;

CREATE TRIGGER dead_letters_change_recorded BEFORE UPDATE ON dead_letters
    FOR EACH ROW EXECUTE FUNCTION refuse_letter_change();

REVOKE EXECUTE ON FUNCTION
    name_login(), forget_price_action(), refuse_letter_change(),
    add_action(text, text, text, jsonb, jsonb), id_texts(bigint[]), require_replay(bigint),
    correct_wallet(text, bigint, bigint, text, text),
    set_price(bigint, bigint, text, text),
    discard_letters(bigint[], text, text, jsonb),
    begin_replay(bigint[], text, text, jsonb),
    hold_replay(bigint),
    take_letters(bigint, bigint),
    give_back_letters(bigint, bigint[]),
    mark_letters_sent(bigint, bigint[]),
    observe_replay(bigint),
    end_replay_run(bigint, text, text, text),
    record_history_send(text, text, jsonb, jsonb)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    correct_wallet(text, bigint, bigint, text, text),
    set_price(bigint, bigint, text, text),
    discard_letters(bigint[], text, text, jsonb),
    begin_replay(bigint[], text, text, jsonb),
    hold_replay(bigint),
    take_letters(bigint, bigint),
    give_back_letters(bigint, bigint[]),
    mark_letters_sent(bigint, bigint[]),
    observe_replay(bigint),
    end_replay_run(bigint, text, text, text),
    record_history_send(text, text, jsonb, jsonb)
    TO paynow_operator;

-- contract: the previous paynowctl is refused when it writes, with an error; the worker has other rights
REVOKE INSERT (action, operator, why, selection, outcome) ON operator_actions FROM paynow_operator;
-- contract: as above
REVOKE INSERT (product_id, points), UPDATE (points, updated_at) ON products FROM paynow_operator;
-- contract: as above
REVOKE UPDATE (state) ON dead_letters FROM paynow_operator;
-- contract: as above
REVOKE INSERT (action_id, dead_letter_id), UPDATE (state, deaths_before, updated_at) ON replays
    FROM paynow_operator;
-- contract: as above
REVOKE EXECUTE ON FUNCTION post_correction(text, bigint, bigint) FROM paynow_operator;

CREATE VIEW unrecorded_changes AS
SELECT 'corrections_have_actions' AS check_id, entry_key AS culprit
FROM ledger_entries AS entry
WHERE kind = 'correction' AND NOT EXISTS (
    SELECT FROM operator_actions AS action
    WHERE action.action = 'correct' AND action.outcome ->> 'entry_key' = entry.entry_key
        AND action.selection ->> 'wallet_id' = entry.wallet_id::text
        AND action.selection ->> 'points' = entry.points::text)
UNION ALL
SELECT 'prices_have_actions', format('product %s gives %s', product_id, points)
FROM products AS product
WHERE priced_by IS DISTINCT FROM 0 AND NOT EXISTS (
    SELECT FROM operator_actions AS action
    WHERE action.action_id = product.priced_by AND action.action = 'price'
        AND action.outcome ->> 'product_id' = product.product_id::text
        AND action.outcome ->> 'points' = product.points::text);

INSERT INTO ledger_checks (check_id) VALUES ('corrections_have_actions'), ('prices_have_actions');

-- Added to the view as it stands, so that this migration repeats none of its other invariants.
DO $$
BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW ledger_violations AS '
        || rtrim(pg_get_viewdef('ledger_violations'::regclass), ';')
        || ' UNION ALL SELECT check_id, culprit FROM unrecorded_changes';
END $$;
