-- What operators did: who, when, why, to what, and what came of it.

CREATE TABLE operator_actions (
    action_id bigint GENERATED ALWAYS AS IDENTITY,
    action text NOT NULL,
    operator text NOT NULL,
    why text NOT NULL,
    -- What was chosen, as the operator chose it.
    selection jsonb,
    -- What came of it, with the ids of all it touched.
    outcome jsonb,
    acted_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT operator_actions_pkey PRIMARY KEY (action_id),
    CONSTRAINT operator_actions_action_known CHECK (action IN ('discard', 'correct', 'replay')),
    CONSTRAINT operator_actions_operator_named CHECK (btrim(operator) <> ''),
    CONSTRAINT operator_actions_why_told CHECK (btrim(why) <> '')
);

-- Every correction has a key of its own kind, so that it can meet no key of anything PayNow tells.
ALTER TABLE ledger_entries ADD CONSTRAINT ledger_entries_correction_form
    CHECK (kind <> 'correction' OR (entry_key LIKE 'correction:_%' AND points <> 0));

CREATE FUNCTION refuse_operator_action_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'operator actions are append-only: % is refused', TG_OP
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'operator_actions_append_only';
END $$;

-- Privileges stop every role but the owner; this stops the owner too.
CREATE TRIGGER operator_actions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON operator_actions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_operator_action_change();

GRANT SELECT ON operator_actions TO paynow_reader;
