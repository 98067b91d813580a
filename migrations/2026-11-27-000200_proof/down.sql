DO $$
BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW ledger_violations AS ' || regexp_replace(
        pg_get_viewdef('ledger_violations'::regclass),
        '\s*UNION ALL\s+SELECT\s+unproven_credits\.check_id,\s+unproven_credits\.culprit\s+FROM\s+unproven_credits',
        '');
END $$;
DELETE FROM ledger_checks WHERE check_id = 'credited_events_have_proof';
DROP VIEW unproven_credits;
DROP FUNCTION archive_dead_letter(text, text, text, text, bytea, bytea, boolean, text, timestamptz,
    timestamptz, integer);
DROP FUNCTION is_vouched(bigint, bytea);
DROP TABLE proof_rule;
DROP INDEX dead_letters_body_sha256_idx;
ALTER TABLE dead_letters
    DROP CONSTRAINT dead_letters_signature_length,
    DROP COLUMN signature;
ALTER TABLE webhook_events
    DROP CONSTRAINT webhook_events_signature_length,
    DROP COLUMN vouched_by,
    DROP COLUMN signature;
