-- What was forgotten stays forgotten; only the record of it goes.
ALTER TABLE operator_actions DISABLE TRIGGER operator_actions_append_only;
DELETE FROM operator_actions WHERE action = 'forget';
ALTER TABLE operator_actions ENABLE TRIGGER operator_actions_append_only;
ALTER TABLE operator_actions
    DROP CONSTRAINT operator_actions_action_known,
    ADD CONSTRAINT operator_actions_action_known
        CHECK (action IN ('discard', 'correct', 'replay', 'history_send', 'price', 'attribute'));
DROP FUNCTION
    forget_wallet(bigint, text, text), forgettable(bigint),
    letters_about(bigint, bigint[], boolean), events_about(bigint, bigint[]), orders_of_wallet(bigint),
    is_customer(bigint),
    mentions(bytea, text[]),
    forget_identities(integer, integer), fill_identities(integer),
    record_identities(bigint[], text[], bytea[], bytea[], bigint[]),
    identities_of(jsonb), plain_text(jsonb), normal_external_id(text), clean_text(text);
ALTER TABLE upgrade_rule
    DROP COLUMN identities_filled_until,
    DROP COLUMN identities_filled_to;
DROP TABLE customer_identities;
