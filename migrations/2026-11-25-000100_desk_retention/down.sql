REVOKE SELECT (state) ON dead_letters FROM paynow_worker;
DROP FUNCTION forget_bodies(integer, integer);
DROP FUNCTION resolve_applied_letters(bigint, integer);
DROP FUNCTION restore_body(text, bytea);
DROP FUNCTION is_applied(text, bytea);
DROP TRIGGER dead_letters_dated ON dead_letters;
DROP FUNCTION date_dead_letter();
DROP INDEX dead_letters_settled_with_body_idx;
DROP INDEX dead_letters_unsettled_idx;
ALTER TABLE dead_letters
    DROP CONSTRAINT dead_letters_resolution_known,
    DROP CONSTRAINT dead_letters_forgotten_is_dated,
    DROP CONSTRAINT dead_letters_settled_is_dated,
    DROP CONSTRAINT dead_letters_unsettled_has_body;
-- What was forgotten cannot come back; an empty body is the nearest to none.
UPDATE dead_letters SET body = '' WHERE body IS NULL;
ALTER TABLE dead_letters
    DROP COLUMN body_forgotten_at,
    DROP COLUMN resolution,
    DROP COLUMN settled_at,
    ALTER COLUMN body SET NOT NULL;
