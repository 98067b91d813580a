DROP FUNCTION attribute_refund(bigint, bigint, bigint, bigint, text, text);
DROP FUNCTION is_refundable_line(bigint, bigint, bigint);
-- The rule before knows no decisions about refunds.
ALTER TABLE operator_actions DISABLE TRIGGER operator_actions_append_only;
DELETE FROM operator_actions WHERE action = 'attribute';
ALTER TABLE operator_actions ENABLE TRIGGER operator_actions_append_only;
ALTER TABLE operator_actions
    DROP CONSTRAINT operator_actions_action_known,
    ADD CONSTRAINT operator_actions_action_known
        CHECK (action IN ('discard', 'correct', 'replay', 'history_send', 'price'));
ALTER TABLE refund_attributions DROP CONSTRAINT refund_attributions_line_key;
