-- What PayNow delivered and we have lost may be brought again; who did it and why is kept like every
-- other action.
-- contract: the rule is only widened, and put back in the same statement
ALTER TABLE operator_actions
    DROP CONSTRAINT operator_actions_action_known,
    ADD CONSTRAINT operator_actions_action_known
        CHECK (action IN ('discard', 'correct', 'replay', 'history_send'));
