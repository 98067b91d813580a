DROP INDEX operator_actions_acted_at_idx;
DROP INDEX operator_actions_about_idx;
DROP FUNCTION letters_about(bigint, integer);
DROP FUNCTION letter_ids(bytea);
DROP TABLE waiting_events;
