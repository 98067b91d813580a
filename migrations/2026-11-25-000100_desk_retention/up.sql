-- Dead letters that nobody needs any more: their bodies hold personal data and go when their time
-- is over, and a letter whose event was applied after all is no work for a person.
--
-- Safe while the previous version runs: it reads and writes the columns it knows, and the trigger
-- fills in the new ones. Only where a body is forgotten already and its event dies once more does
-- the previous worker's write lack the body; it is refused by name, the message stays in the queue,
-- and this version's worker files it.

ALTER TABLE dead_letters
    -- When the letter was discarded or resolved, or died again after that; null before.
    ADD COLUMN settled_at timestamptz,
    ADD COLUMN resolution text,
    ADD COLUMN body_forgotten_at timestamptz,
    ALTER COLUMN body DROP NOT NULL;

-- When these left the open state was not recorded: their time begins now. Until now only a replay
-- resolved letters.
UPDATE dead_letters SET settled_at = now(),
    resolution = CASE state WHEN 'resolved' THEN 'applied_after_replay' END
WHERE state IN ('discarded', 'resolved');

ALTER TABLE dead_letters
    -- A replayed letter has no outcome yet: it may be what is left of its event.
    ADD CONSTRAINT dead_letters_unsettled_has_body
        CHECK (body IS NOT NULL OR state IN ('discarded', 'resolved')),
    ADD CONSTRAINT dead_letters_settled_is_dated
        CHECK ((settled_at IS NOT NULL) = (state IN ('discarded', 'resolved'))),
    ADD CONSTRAINT dead_letters_forgotten_is_dated
        CHECK ((body_forgotten_at IS NOT NULL) = (body IS NULL)),
    ADD CONSTRAINT dead_letters_resolution_known
        CHECK ((resolution IS NOT NULL) = (state = 'resolved')
            AND resolution IN ('applied_by_another_copy', 'applied_after_replay'));

-- What is still to be done, so that nobody walks over what is done.
CREATE INDEX dead_letters_unsettled_idx ON dead_letters (dead_letter_id)
    WHERE state IN ('open', 'replayed');
CREATE INDEX dead_letters_settled_with_body_idx ON dead_letters (settled_at)
    WHERE body IS NOT NULL AND state IN ('discarded', 'resolved');

-- A trigger, because a letter changes its state in several places, and in those of the previous
-- version too.
CREATE FUNCTION date_dead_letter() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE TRIGGER dead_letters_dated BEFORE INSERT OR UPDATE OF state, deaths, body ON dead_letters
    FOR EACH ROW EXECUTE FUNCTION date_dead_letter();

-- Whether the event of a letter is in the books with just this body: then nothing is left to do.
CREATE FUNCTION is_applied(of_event text, with_sha256 bytea) RETURNS boolean LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT EXISTS (
        SELECT FROM webhook_events AS event
        -- A body that names no event has a digest here, which is no number.
        WHERE event.event_id = CASE WHEN of_event !~ '^[0-9]{1,19}$' THEN NULL
                                    WHEN of_event::numeric > 9223372036854775807 THEN NULL
                                    ELSE of_event::bigint END
            AND event.body_sha256 = with_sha256
    );
END;

-- Gives a letter whose body was forgotten that body again, because its event has died once more. The
-- digest proves that it is the same; so the worker needs no right to change a body.
CREATE FUNCTION restore_body(of_event text, lost_body bytea) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE dead_letters SET body = lost_body
    WHERE event_id = of_event AND body_sha256 = sha256(lost_body) AND body IS NULL
$$;

-- Looks at the next letters by number that are open or replayed, and resolves those whose event was
-- applied after all. Several at once pass over each other's rows.
CREATE FUNCTION resolve_applied_letters(after bigint, at_once integer,
    OUT last bigint, OUT resolved bigint)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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

-- Forgets the bodies of letters that were settled more than so many days ago. Open and replayed
-- letters keep theirs, however old they are.
CREATE FUNCTION forget_bodies(retention_days integer, at_once integer) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH old AS (
        SELECT dead_letter_id FROM dead_letters
        WHERE body IS NOT NULL AND state IN ('discarded', 'resolved')
            AND settled_at < now() - make_interval(days => retention_days)
        ORDER BY settled_at LIMIT at_once FOR UPDATE SKIP LOCKED
    ), forgotten AS (
        UPDATE dead_letters SET body = NULL FROM old
        WHERE dead_letters.dead_letter_id = old.dead_letter_id RETURNING 1
    )
    SELECT count(*) FROM forgotten
$$;

REVOKE EXECUTE ON FUNCTION is_applied(text, bytea), restore_body(text, bytea),
    resolve_applied_letters(bigint, integer), forget_bodies(integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION is_applied(text, bytea), restore_body(text, bytea),
    resolve_applied_letters(bigint, integer), forget_bodies(integer, integer) TO paynow_worker;
-- Its upsert takes the newcomer's state.
GRANT SELECT (state) ON dead_letters TO paynow_worker;
GRANT SELECT (settled_at, resolution, body_forgotten_at) ON dead_letters TO paynow_reader;
