-- Dead letters by the time of their last death, with the state that a list asks for.
CREATE INDEX CONCURRENTLY IF NOT EXISTS dead_letters_last_dead_at_idx ON dead_letters (last_dead_at, state);
