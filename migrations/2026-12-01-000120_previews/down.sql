DROP FUNCTION control_replay(bigint, text, text, text);
DROP FUNCTION begin_previewed_replay(bytea, bigint, text, text, jsonb);
DROP FUNCTION store_preview(bytea, jsonb, bigint[], integer[], boolean, text, jsonb);
DROP TABLE replay_control;
DROP TABLE replay_previews;
