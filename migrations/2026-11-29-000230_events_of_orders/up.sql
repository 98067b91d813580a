-- Which events told of an order. A credited event is named by its order and its entries.
CREATE INDEX CONCURRENTLY IF NOT EXISTS webhook_events_of_order_idx ON webhook_events (order_id, event_id)
    WHERE outcome <> 'credited' AND order_id IS NOT NULL;
