REVOKE SELECT (event_id) ON reversals FROM paynow_worker;
REVOKE SELECT (currency) ON orders FROM paynow_worker;
DROP TRIGGER products_record_price ON products;
DROP FUNCTION record_price();
DROP FUNCTION price_start(bigint);
DROP TABLE product_prices, refund_attributions;
DROP FUNCTION refuse_price_change();
ALTER TABLE reversals
    DROP CONSTRAINT reversals_step_key,
    ADD CONSTRAINT reversals_reference_id_kind_key UNIQUE (reference_id, kind),
    DROP CONSTRAINT reversals_attribution_form,
    DROP CONSTRAINT reversals_chargeback_at_bounded,
    DROP COLUMN buyer_amount_minor, DROP COLUMN store_amount_minor, DROP COLUMN attribution,
    DROP COLUMN attribution_source, DROP COLUMN line_id, DROP COLUMN wallet_id, DROP COLUMN points,
    DROP COLUMN chargeback_at;
DROP TYPE attribution_source;
DROP TYPE refund_attribution;
DROP TABLE order_lines;
ALTER TABLE orders DROP COLUMN order_type, DROP COLUMN completed_at, DROP COLUMN giftcard_amount_minor;
