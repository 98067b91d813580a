-- Which dead letters concern an order, a player, a refund or a payment.
CREATE INDEX CONCURRENTLY IF NOT EXISTS dead_letters_ids_idx ON dead_letters USING gin (letter_ids(body))
    WHERE body IS NOT NULL;
