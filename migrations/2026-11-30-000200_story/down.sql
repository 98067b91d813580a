DROP FUNCTION fill_payments(integer), id_of(jsonb);
ALTER TABLE upgrade_rule
    DROP COLUMN payments_filled_until,
    DROP COLUMN payments_filled_to;
DROP TABLE order_payments;
DROP TABLE waiting_steps;
DROP INDEX waiting_events_since_idx;
ALTER TABLE waiting_events
    DROP COLUMN payment_id,
    DROP COLUMN refund_id,
    DROP COLUMN order_id;
