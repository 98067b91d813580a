-- Dead letters of an order.
CREATE INDEX CONCURRENTLY IF NOT EXISTS dead_letters_order_id_idx ON dead_letters (order_id, dead_letter_id)
    WHERE order_id IS NOT NULL;
