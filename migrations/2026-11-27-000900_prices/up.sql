-- A price is money: every change of one is an operator action, has a time from which it is valid, and
-- can be compared with the history of the prices.
--
-- Safe while the previous version runs: its worker reads `products` as before, and whatever writes
-- `products` itself adds to the history by a trigger.

ALTER TABLE products
    -- The shop's name of the product, null if no import told one.
    ADD COLUMN name text,
    ADD CONSTRAINT products_name_bounded CHECK (length(name) <= 200);

-- Sets the price of a product from a time on, or from now on without a time, and its name if one is given.
-- Without points it removes the product. What is so already is not changed and is no action; a price that no
-- action set counts as changed. Used by the functions below only.
CREATE FUNCTION change_price(of_product bigint, to_points bigint, from_time timestamptz, with_name text,
    by_operator text, with_why text, OUT is_changed boolean, OUT points_before bigint,
    OUT starts_at timestamptz, OUT ends_at timestamptz)
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    newest product_prices;
    before product_prices;
    has_new_name boolean;
    set_by bigint;
BEGIN
    -- One change at a time, so that `products` has the newest price. Reading goes on.
    LOCK TABLE products IN SHARE ROW EXCLUSIVE MODE;
    IF from_time > clock_timestamp() THEN
        RAISE EXCEPTION 'a price cannot begin in the future'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'product_prices_begun';
    END IF;
    SELECT * INTO newest FROM product_prices WHERE product_id = of_product
    ORDER BY valid_from DESC, price_id DESC LIMIT 1;
    starts_at := coalesce(date_trunc('milliseconds', from_time),
        -- The newest price once more: then an action stands behind all of the time that it is valid.
        CASE WHEN newest.points = to_points THEN newest.valid_from ELSE price_start(of_product) END);
    SELECT min(valid_from) INTO ends_at FROM product_prices
    WHERE product_id = of_product AND valid_from > starts_at;
    SELECT * INTO before FROM product_prices
    WHERE product_id = of_product AND valid_from <= starts_at
    ORDER BY valid_from DESC, price_id DESC LIMIT 1;
    points_before := before.points;
    is_changed := before.points IS DISTINCT FROM to_points
        OR to_points IS NOT NULL AND before.priced_by IS DISTINCT FROM 0 AND NOT EXISTS (
            SELECT FROM operator_actions WHERE action_id = before.priced_by AND action = 'price'
                AND outcome ->> 'product_id' = of_product::text AND outcome ->> 'points' = to_points::text);
    has_new_name := with_name IS NOT NULL AND with_name IS DISTINCT FROM (
        SELECT name FROM products WHERE product_id = of_product);
    IF NOT is_changed AND NOT has_new_name THEN
        RETURN;
    END IF;
    set_by := add_action('price', coalesce(by_operator, session_user),
        coalesce(with_why, 'no reason was given'),
        jsonb_build_object('product_id', of_product::text, 'points', to_points),
        jsonb_build_object('product_id', of_product::text, 'points', to_points,
            'points_before', points_before,
            'valid_from', CASE WHEN isfinite(starts_at)
                THEN to_char(starts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') END)
        || CASE WHEN has_new_name THEN jsonb_build_object('name', with_name) ELSE '{}' END);
    IF is_changed THEN
        INSERT INTO product_prices (product_id, valid_from, points, priced_by)
        VALUES (of_product, starts_at, to_points, set_by);
    END IF;
    IF is_changed AND ends_at IS NULL AND to_points IS NOT NULL THEN
        INSERT INTO products (product_id, points, priced_by) VALUES (of_product, to_points, set_by)
        ON CONFLICT ON CONSTRAINT products_pkey DO UPDATE
            SET points = excluded.points, priced_by = excluded.priced_by, updated_at = now();
    ELSIF is_changed AND ends_at IS NULL THEN
        -- contract: an operator removes a product; no row is deleted by this migration
        DELETE FROM products WHERE product_id = of_product;
    END IF;
    IF has_new_name THEN
        UPDATE products SET name = with_name WHERE product_id = of_product;
    END IF;
END $$;

-- Sets the points of one unit of a product from a time on, or from now on without a time. `points_before`
-- is what it gave at that time, null for none; `ends_at` is when a later price follows, null if none does.
CREATE FUNCTION set_price(of_product bigint, to_points bigint, from_time timestamptz, by_operator text,
    with_why text, OUT is_changed boolean, OUT points_before bigint, OUT starts_at timestamptz,
    OUT ends_at timestamptz)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF to_points IS NULL THEN
        RAISE EXCEPTION 'a price needs points'
            USING ERRCODE = 'not_null_violation', CONSTRAINT = 'product_prices_points_given';
    END IF;
    SELECT * INTO is_changed, points_before, starts_at, ends_at
    FROM change_price(of_product, to_points, from_time, NULL, by_operator, with_why);
END $$;

-- The same from now on. Returns the points that it gave before, null for a new product.
CREATE OR REPLACE FUNCTION set_price(of_product bigint, to_points bigint, by_operator text, with_why text)
    RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT points_before FROM set_price(of_product, to_points, NULL, by_operator, with_why)
$$;

-- Removes a product from now on. Returns the points that it gave before; null, and nothing is done, if there
-- is no such product.
CREATE FUNCTION remove_price(of_product bigint, by_operator text, with_why text) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT points_before FROM change_price(of_product, NULL, NULL, NULL, by_operator, with_why)
$$;

-- Sets prices and names from now on: all of them, or none. Without points a product keeps its price, and
-- gets 0 points if it has none. Without a name it keeps its name. Returns every product with what was before.
CREATE FUNCTION import_prices(of_products bigint[], to_points bigint[], with_names text[],
    by_operator text, with_why text)
    RETURNS TABLE (product_id bigint, name text, points bigint, points_before bigint, has_new_name boolean,
        is_assumed boolean)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    given record;
    known products;
BEGIN
    LOCK TABLE products IN SHARE ROW EXCLUSIVE MODE;
    FOR given IN
        SELECT * FROM unnest(of_products, to_points, with_names) AS listed (product, points, name)
        ORDER BY product
    LOOP
        SELECT * INTO known FROM products WHERE products.product_id = given.product;
        product_id := given.product;
        name := coalesce(given.name, known.name);
        points := coalesce(given.points, known.points, 0);
        points_before := known.points;
        has_new_name := name IS DISTINCT FROM known.name;
        is_assumed := given.points IS NULL AND known.points IS NULL;
        PERFORM change_price(given.product, points, NULL, given.name, by_operator, with_why);
        RETURN NEXT;
    END LOOP;
END $$;

REVOKE EXECUTE ON FUNCTION
    change_price(bigint, bigint, timestamptz, text, text, text),
    set_price(bigint, bigint, timestamptz, text, text),
    remove_price(bigint, text, text),
    import_prices(bigint[], bigint[], text[], text, text)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    set_price(bigint, bigint, timestamptz, text, text),
    remove_price(bigint, text, text),
    import_prices(bigint[], bigint[], text[], text, text)
    TO paynow_operator;

CREATE VIEW price_violations AS
WITH effective AS (
    -- A price that another one of the same time replaces decides nothing.
    SELECT DISTINCT ON (product_id, valid_from)
        product_id, valid_from, points, priced_by,
        price_id = min(price_id) OVER (PARTITION BY product_id) AS is_oldest,
        CASE WHEN isfinite(valid_from)
            THEN to_char(valid_from AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') END AS since
    FROM product_prices ORDER BY product_id, valid_from, price_id DESC
), newest AS (
    SELECT DISTINCT ON (product_id) product_id, points, priced_by
    FROM effective ORDER BY product_id, valid_from DESC
)
SELECT 'prices_have_actions' AS check_id,
    format('product %s gives %s since %s', product_id, coalesce(points::text, 'nothing'),
        coalesce(since, 'ever')) AS culprit
FROM effective AS price
-- Only the first price of a product can be older than the actions.
WHERE NOT (priced_by IS NOT DISTINCT FROM 0 AND since IS NULL AND is_oldest) AND NOT EXISTS (
    SELECT FROM operator_actions AS action
    WHERE action.action_id = price.priced_by AND action.action = 'price'
        AND action.outcome ->> 'product_id' = price.product_id::text
        AND action.outcome ->> 'points' IS NOT DISTINCT FROM price.points::text
        AND action.outcome ->> 'valid_from' IS NOT DISTINCT FROM price.since)
UNION ALL
SELECT 'prices_match_history', format('product %s gives %s, by its history %s', product_id,
    coalesce(product.points::text, 'nothing'), coalesce(newest.points::text, 'nothing'))
FROM products AS product FULL JOIN newest USING (product_id)
WHERE product.points IS DISTINCT FROM newest.points
    OR product.points IS NOT NULL AND product.priced_by IS DISTINCT FROM newest.priced_by;

INSERT INTO ledger_checks (check_id) VALUES ('prices_match_history');

DO $$
BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW ledger_violations AS '
        || rtrim(pg_get_viewdef('ledger_violations'::regclass), ';')
        || ' UNION ALL SELECT check_id, culprit FROM price_violations';
END $$;
