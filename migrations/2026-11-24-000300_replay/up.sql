-- How far each replay has come, letter by letter, so that one that was interrupted goes on.

CREATE TABLE replays (
    -- Of operator_actions. No foreign key: the table's own rule must be what refuses its TRUNCATE.
    action_id bigint NOT NULL,
    dead_letter_id bigint NOT NULL,
    state text NOT NULL DEFAULT 'waiting',
    -- How often the letter had died when it was taken; null until then. One more is a new death.
    deaths_before integer,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT replays_pkey PRIMARY KEY (action_id, dead_letter_id),
    CONSTRAINT replays_dead_letter_id_fkey FOREIGN KEY (dead_letter_id) REFERENCES dead_letters,
    CONSTRAINT replays_state_known
        -- Skipped: when its turn came, somebody had discarded it or was replaying it already.
        CHECK (state IN ('waiting', 'sent', 'applied', 'dead_again', 'skipped')),
    CONSTRAINT replays_sent_was_taken CHECK (state <> 'sent' OR deaths_before IS NOT NULL)
);

GRANT SELECT ON replays TO paynow_reader;
