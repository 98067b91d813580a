-- What an order's lines cost and what a refund or chargeback was for, so that points are taken back by
-- line; and what a product gave at which time.
--
-- Safe while the previous version runs: its worker leaves the new columns empty and writes no lines. Its
-- refunds have no attribution, which means that they take points in proportion to the order's total.

ALTER TABLE orders
    -- PayNow's word, in lower case.
    ADD COLUMN order_type text,
    ADD COLUMN completed_at timestamptz,
    -- How much of the total was paid with gift cards.
    ADD COLUMN giftcard_amount_minor bigint;

-- The wallet and the points of a line are in its ledger entry, `order-line:<line id>`. Orders from before
-- this table have no lines here.
CREATE TABLE order_lines (
    order_id bigint NOT NULL,
    line_id bigint NOT NULL,
    product_id bigint NOT NULL,
    quantity bigint NOT NULL,
    total_amount_minor bigint,
    tax_amount_minor bigint,
    giftcard_amount_minor bigint,
    CONSTRAINT order_lines_pkey PRIMARY KEY (order_id, line_id)
);

-- What a refund was for.
CREATE TYPE refund_attribution AS ENUM (
    'everything',   -- all that was charged and was not back yet
    'line',         -- one line
    'points',       -- so many points of one wallet, as a person decided
    'proportional'  -- the share of the order's total
);

-- How that is known.
CREATE TYPE attribution_source AS ENUM (
    'amounts', -- only this fits the amounts of the refund
    'paynow',  -- PayNow's API named it
    'operator' -- a person decided it
);

ALTER TABLE reversals
    -- PayNow's `amount` and `store_refund_amount`. `amount_minor` is the one that proportional refunds use.
    ADD COLUMN buyer_amount_minor bigint,
    ADD COLUMN store_amount_minor bigint,
    -- Null in a refund of the previous version, which is proportional.
    ADD COLUMN attribution refund_attribution,
    ADD COLUMN attribution_source attribution_source,
    ADD COLUMN line_id bigint,
    ADD COLUMN wallet_id bigint,
    ADD COLUMN points bigint,
    -- When the chargeback was opened, by PayNow; null if it told no time, and for a refund.
    ADD COLUMN chargeback_at timestamptz,
    ADD CONSTRAINT reversals_attribution_form CHECK (
        (attribution IS NULL) = (attribution_source IS NULL)
        AND (attribution IS NULL OR kind = 'refund')
        AND (attribution IS NOT DISTINCT FROM 'line') = (line_id IS NOT NULL)
        AND (attribution IS NOT DISTINCT FROM 'points') = (points IS NOT NULL)
        AND (wallet_id IS NULL) = (points IS NULL)
        AND (points IS NULL OR points >= 0)
        AND (attribution IS DISTINCT FROM 'points' OR attribution_source = 'operator')
        AND (attribution IS DISTINCT FROM 'proportional' OR attribution_source = 'amounts')) NOT VALID,
    -- Within these bounds a time in microseconds has 64 bits.
    ADD CONSTRAINT reversals_chargeback_at_bounded
        CHECK (chargeback_at >= '0001-01-01Z' AND chargeback_at < '10000-01-01Z') NOT VALID,
    -- contract: a wider rule takes its place in this statement: a chargeback can be opened again
    DROP CONSTRAINT reversals_reference_id_kind_key,
    ADD CONSTRAINT reversals_step_key UNIQUE NULLS NOT DISTINCT (reference_id, kind, chargeback_at);

-- What a person decided about a refund that the worker could not attribute. The worker reads it when the
-- refund's event comes again.
CREATE TABLE refund_attributions (
    refund_id bigint NOT NULL,
    order_id bigint NOT NULL,
    -- Without line and points the refund is for everything.
    line_id bigint,
    wallet_id bigint,
    points bigint,
    -- The operator action that records who decided.
    action_id bigint NOT NULL,
    CONSTRAINT refund_attributions_pkey PRIMARY KEY (refund_id),
    CONSTRAINT refund_attributions_form CHECK (
        (line_id IS NULL OR points IS NULL)
        AND (wallet_id IS NULL) = (points IS NULL)
        AND (points IS NULL OR points >= 0))
);

-- The points of a product, from a time on. The newest row, by its time and then by its number, is the
-- price of now, which `products` repeats; rows are only added.
CREATE TABLE product_prices (
    price_id bigint GENERATED ALWAYS AS IDENTITY,
    product_id bigint NOT NULL,
    -- The first price of a product has no beginning. Times are whole milliseconds, so that a person can
    -- name one as it is shown.
    valid_from timestamptz NOT NULL,
    -- Null from the time on at which the product was removed.
    points bigint,
    -- The action that set it; 0 for a price that is older than this table, null if no action set it.
    priced_by bigint,
    CONSTRAINT product_prices_pkey PRIMARY KEY (product_id, valid_from, price_id),
    CONSTRAINT product_prices_points_not_negative CHECK (points >= 0)
);

INSERT INTO product_prices (product_id, valid_from, points, priced_by)
SELECT product_id, '-infinity', points, priced_by FROM products;

CREATE FUNCTION refuse_price_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'prices of the past are not changed or deleted'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'product_prices_append_only';
END $$;
REVOKE EXECUTE ON FUNCTION refuse_price_change() FROM PUBLIC;

CREATE TRIGGER product_prices_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON product_prices
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_price_change();

-- From when on a price is valid that is set now: never before the newest one, whatever the clock says.
CREATE FUNCTION price_start(of_product bigint) RETURNS timestamptz
    LANGUAGE sql SET search_path = public, pg_temp AS $$
    SELECT CASE WHEN count(*) = 0 THEN '-infinity'
        ELSE greatest(max(valid_from), date_trunc('milliseconds', clock_timestamp())) END
    FROM product_prices WHERE product_id = of_product
$$;
REVOKE EXECUTE ON FUNCTION price_start(bigint) FROM PUBLIC;

-- Every writer of `products` adds to the history: the previous version's functions too. A price that its
-- writer has added already is not added again.
CREATE FUNCTION record_price() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
DECLARE
    of_product bigint := coalesce(NEW.product_id, OLD.product_id);
    newest product_prices;
BEGIN
    SELECT * INTO newest FROM product_prices WHERE product_id = of_product
    ORDER BY valid_from DESC, price_id DESC LIMIT 1;
    IF newest.price_id IS NULL OR newest.points IS DISTINCT FROM NEW.points
        OR (TG_OP <> 'DELETE' AND newest.priced_by IS DISTINCT FROM NEW.priced_by)
    THEN
        INSERT INTO product_prices (product_id, valid_from, points, priced_by)
        VALUES (of_product, price_start(of_product), NEW.points, NEW.priced_by);
    END IF;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION record_price() FROM PUBLIC;

CREATE TRIGGER products_record_price AFTER INSERT OR UPDATE OR DELETE ON products
    FOR EACH ROW EXECUTE FUNCTION record_price();

GRANT SELECT ON order_lines, refund_attributions, product_prices TO paynow_reader;
GRANT INSERT ON order_lines TO paynow_worker;
GRANT SELECT ON order_lines, refund_attributions, product_prices TO paynow_worker;
GRANT SELECT (currency, giftcard_amount_minor) ON orders TO paynow_worker;
GRANT SELECT (event_id, buyer_amount_minor, store_amount_minor, attribution, attribution_source, line_id, wallet_id,
    points, chargeback_at) ON reversals TO paynow_worker;
