-- Dead letters in one state, by their event type, newest first.
CREATE INDEX CONCURRENTLY IF NOT EXISTS dead_letters_state_type_idx ON dead_letters (state, event_type, dead_letter_id);
