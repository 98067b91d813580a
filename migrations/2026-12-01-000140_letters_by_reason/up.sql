-- Dead letters in one state, by their reason, newest first.
CREATE INDEX CONCURRENTLY IF NOT EXISTS dead_letters_by_reason_idx ON dead_letters (state, reason, dead_letter_id);
