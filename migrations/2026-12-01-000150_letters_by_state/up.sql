-- Dead letters in one state, newest first.
CREATE INDEX CONCURRENTLY IF NOT EXISTS dead_letters_by_state_idx ON dead_letters (state, dead_letter_id);
