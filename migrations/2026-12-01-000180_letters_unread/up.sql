-- Letters that are older than the columns about their content.
CREATE INDEX CONCURRENTLY IF NOT EXISTS dead_letters_unread_idx ON dead_letters (dead_letter_id)
    WHERE body IS NOT NULL AND NOT content_read;
