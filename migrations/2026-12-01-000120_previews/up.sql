-- A replay that is begun in the console is exactly the one whose preview somebody saw, and whoever may replay can
-- pause, stop or continue one that runs in another process.
--
-- Safe while the previous version runs: its replays look at none of this.

CREATE TABLE replay_previews (
    preview_id bigint GENERATED ALWAYS AS IDENTITY,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- As it was chosen, and the letters that it meant then, with their deaths.
    selection jsonb NOT NULL,
    letters bigint[] NOT NULL,
    deaths integer[] NOT NULL,
    without_proof boolean NOT NULL,
    -- What a run must find again.
    expect text NOT NULL,
    -- What was shown.
    effect jsonb NOT NULL,
    -- The replay that was begun from it.
    action_id bigint,
    CONSTRAINT replay_previews_pkey PRIMARY KEY (preview_id),
    CONSTRAINT replay_previews_deaths_of_letters CHECK (cardinality(letters) = cardinality(deaths)),
    CONSTRAINT replay_previews_bounded CHECK (cardinality(letters) >= 1 AND cardinality(letters) <= 100000
        AND length(selection::text) <= 4194304 AND length(expect) <= 200 AND length(effect::text) <= 33554432)
);

-- What people ask of a replay that runs; the newest row counts, of those since the run began.
CREATE TABLE replay_control (
    control_id bigint GENERATED ALWAYS AS IDENTITY,
    action_id bigint NOT NULL,
    asked text NOT NULL,
    asked_by text NOT NULL,
    why text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT replay_control_pkey PRIMARY KEY (control_id),
    CONSTRAINT replay_control_asked_known CHECK (asked IN ('pause', 'stop', 'go'))
);
CREATE INDEX replay_control_action_idx ON replay_control (action_id, control_id);

CREATE FUNCTION store_preview(of_session bytea, with_selection jsonb, of_letters bigint[], with_deaths integer[],
    is_without_proof boolean, with_expect text, with_effect jsonb) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    person text := require_role(of_session, ARRAY['operator']);
    stored bigint;
BEGIN
    -- One person's previews one after another, so that nobody stores more than the few that count.
    PERFORM pg_advisory_xact_lock(hashtextextended('preview of ' || person, 20261201));
    -- contract: previews that nobody went on with, and old ones; no row is deleted by this migration
    DELETE FROM replay_previews
    WHERE made_at < clock_timestamp() - CASE WHEN action_id IS NULL THEN interval '1 day' ELSE interval '90 days' END
        OR preview_id IN (SELECT preview_id FROM replay_previews WHERE made_by = person AND action_id IS NULL
            ORDER BY preview_id DESC OFFSET 19);
    INSERT INTO replay_previews (made_by, selection, letters, deaths, without_proof, expect, effect)
    VALUES (person, with_selection, of_letters, with_deaths, is_without_proof, with_expect, with_effect)
    RETURNING preview_id INTO stored;
    INSERT INTO console_access (person, what, about)
    VALUES (person, 'preview', format('preview %s of %s letters', stored, cardinality(of_letters)));
    RETURN stored;
END $$;

-- Begins the replay of a preview, or names the one that was begun. Nothing but its own letters can be begun with it.
CREATE FUNCTION begin_previewed_replay(of_session bytea, of_preview bigint, with_expect text, with_why text,
    with_selection jsonb, OUT replay bigint, OUT is_new boolean)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    person text := require_role(of_session, ARRAY['operator']);
    preview replay_previews;
BEGIN
    -- Two at once: the second waits here, and then finds the replay.
    SELECT * INTO preview FROM replay_previews WHERE preview_id = of_preview FOR UPDATE;
    replay := preview.action_id;
    is_new := replay IS NULL;
    IF NOT is_new THEN
        RETURN;
    END IF;
    IF preview.made_at IS NULL OR preview.made_at <= clock_timestamp() - interval '15 minutes' THEN
        RAISE EXCEPTION 'the preview is too old'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'replay_previews_recent';
    END IF;
    IF preview.expect IS DISTINCT FROM with_expect THEN
        RAISE EXCEPTION 'this is not what the preview showed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'replay_previews_unchanged';
    END IF;
    -- What is recorded is what the preview showed, whatever the caller says: `replay` would hide it among the ends of
    -- runs, and `without_proof` is what a worker looks for.
    replay := begin_replay(preview.letters, person, with_why, with_selection - '{replay,without_proof}'::text[]
        || jsonb_build_object('preview_id', of_preview::text, 'expect', preview.expect,
            'meant', preview.selection, 'dead_letter_ids', id_texts(preview.letters))
        || CASE WHEN preview.without_proof THEN '{"without_proof": true}' ELSE '{}' END::jsonb);
    UPDATE replay_previews SET action_id = replay WHERE preview_id = of_preview;
END $$;

-- Asks a replay to pause, stop or go on.
CREATE FUNCTION control_replay(of_replay bigint, what text, by_operator text, with_why text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    control bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM replays WHERE action_id = of_replay) THEN
        RETURN NULL;
    END IF;
    INSERT INTO replay_control (action_id, asked, asked_by, why)
    VALUES (of_replay, what, by_operator, with_why) RETURNING control_id INTO control;
    PERFORM add_action('replay_control', by_operator, with_why,
        jsonb_build_object('replay', of_replay::text), jsonb_build_object('replay', of_replay::text, 'asked', what));
    RETURN control;
END $$;

REVOKE EXECUTE ON FUNCTION
    store_preview(bytea, jsonb, bigint[], integer[], boolean, text, jsonb),
    begin_previewed_replay(bytea, bigint, text, text, jsonb), control_replay(bigint, text, text, text)
    FROM PUBLIC;
GRANT SELECT ON replay_previews, replay_control TO paynow_reader;
GRANT EXECUTE ON FUNCTION
    store_preview(bytea, jsonb, bigint[], integer[], boolean, text, jsonb),
    begin_previewed_replay(bytea, bigint, text, text, jsonb) TO paynow_console_operator;
GRANT EXECUTE ON FUNCTION control_replay(bigint, text, text, text) TO paynow_operator, paynow_console_operator;
