ALTER TABLE operator_actions
    DROP CONSTRAINT operator_actions_action_known,
    ADD CONSTRAINT operator_actions_action_known CHECK (action IN ('discard', 'correct', 'replay'));
