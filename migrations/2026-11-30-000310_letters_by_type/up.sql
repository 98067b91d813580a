-- The newest dead letter of a type.
CREATE INDEX CONCURRENTLY IF NOT EXISTS dead_letters_by_type_idx ON dead_letters (event_type, dead_letter_id);
