-- What a dead letter concerns, in columns: a list of thousands would otherwise read a body of up to a megabyte for
-- each, and whoever may see no body could see no points at stake.
--
-- Safe while the previous version runs: a trigger fills the columns, and the worker's housekeeping those of the
-- letters that are older than they.

ALTER TABLE dead_letters
    ADD COLUMN order_id bigint,
    -- The buyer and the receivers of gifts.
    ADD COLUMN wallet_ids bigint[],
    -- Of an order that would give points: `[{"product_id": "1", "quantity": 2}]`. Empty for what gives none, null
    -- where the body does not tell.
    ADD COLUMN product_lines jsonb,
    ADD COLUMN content_read boolean NOT NULL DEFAULT false;

-- Reasons, states and types belong together, which the planner would not know: a list of what there is none of would read
-- every letter.
CREATE STATISTICS dead_letters_kinds (mcv) ON state, event_type, reason FROM dead_letters;

CREATE FUNCTION letter_id(of_text text) RETURNS bigint
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN digits ~ '^[1-9][0-9]{0,18}$'
        AND (length(digits) < 19 OR digits COLLATE "C" <= '9223372036854775807') THEN digits::bigint END
    FROM (SELECT CASE WHEN length(of_text) < 100 THEN regexp_replace(of_text, '^[+]?0*', '') END) AS id (digits)
$$;

-- Never fails, because a trigger calls it with whatever bytes somebody sent. What it tells of a body is what
-- `crates/desk/src/content.rs` tells.
CREATE FUNCTION letter_content(of_body bytea, OUT order_id bigint, OUT wallet_ids bigint[],
    OUT product_lines jsonb)
    LANGUAGE plpgsql IMMUTABLE SET search_path = public, pg_temp AS $$
DECLARE
    document json;
    told json;
    kind text;
    lines_max CONSTANT integer := 5000;
    has_too_many boolean;
BEGIN
    -- JSON may have characters that text cannot have: none is in an id.
    document := regexp_replace(convert_from(of_body, 'UTF8'), '\\u(0000|[dD][89a-fA-F][0-9a-fA-F]{2})', '\\ufffd', 'g');
    told := document -> 'body';
    kind := document ->> 'event_type';
    SELECT letter_id(id) INTO order_id FROM (VALUES
        (1, CASE WHEN kind LIKE 'ON\_ORDER\_%' THEN told ->> 'id' END), (2, told ->> 'order_id'),
        (3, told #>> '{order,id}')) AS known (place, id)
    WHERE letter_id(id) IS NOT NULL ORDER BY place LIMIT 1;
    -- A body of a megabyte has half a million lines, and takes as long as a statement may: its lines stay unknown.
    SELECT coalesce(bool_or(json_array_length(lines) > lines_max), false) INTO has_too_many
    FROM (VALUES (told -> 'lines'), (told #> '{order,lines}')) AS list (lines) WHERE json_typeof(lines) = 'array';
    SELECT array_agg(DISTINCT letter_id(id)) INTO wallet_ids
    FROM (
        SELECT told #>> path FROM (VALUES ('{customer,id}'::text[]), ('{order,customer,id}')) AS known (path)
        UNION ALL
        SELECT line #>> '{gift_to_customer,id}'
        FROM (VALUES (told -> 'lines'), (told #> '{order,lines}')) AS list (lines),
            json_array_elements(CASE WHEN json_typeof(lines) = 'array' AND NOT has_too_many THEN lines ELSE '[]' END) AS line
    ) AS named (id)
    WHERE letter_id(id) IS NOT NULL;
    IF kind = 'ON_ORDER_COMPLETED' AND json_typeof(told -> 'lines') = 'array' AND NOT has_too_many THEN
        SELECT CASE WHEN coalesce(bool_and(letter_id(line ->> 'product_id') IS NOT NULL
                AND coalesce(line ->> 'quantity', '1') ~ '^-?[0-9]{1,18}$'), true)
            THEN coalesce(jsonb_agg(jsonb_build_object('product_id', line ->> 'product_id',
                'quantity', greatest(coalesce(line ->> 'quantity', '1')::bigint, 0))), '[]') END
        INTO product_lines FROM json_array_elements(told -> 'lines') AS line;
    ELSIF kind NOT IN ('ON_ORDER_COMPLETED', 'ON_REFUND', 'ON_CHARGEBACK', 'ON_CHARGEBACK_CLOSED') THEN
        product_lines := '[]';
    END IF;
EXCEPTION WHEN OTHERS THEN
    NULL;
END $$;

CREATE FUNCTION read_letter_content() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.body IS NOT NULL AND NOT NEW.content_read THEN
        SELECT * INTO NEW.order_id, NEW.wallet_ids, NEW.product_lines FROM letter_content(NEW.body);
        NEW.content_read := true;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER dead_letters_content BEFORE INSERT OR UPDATE ON dead_letters
    FOR EACH ROW EXECUTE FUNCTION read_letter_content();

-- Reads the content of letters that are older than the columns. Returns how many it looked at.
CREATE FUNCTION fill_letter_contents(at_once integer) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH next AS (
        SELECT dead_letter_id FROM dead_letters WHERE body IS NOT NULL AND NOT content_read
        ORDER BY dead_letter_id LIMIT at_once FOR UPDATE SKIP LOCKED
    ), filled AS (
        -- The trigger does it.
        UPDATE dead_letters SET content_read = false FROM next
        WHERE dead_letters.dead_letter_id = next.dead_letter_id RETURNING 1
    )
    SELECT count(*) FROM filled
$$;

REVOKE EXECUTE ON FUNCTION letter_id(text), letter_content(bytea), read_letter_content(), fill_letter_contents(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fill_letter_contents(integer) TO paynow_worker;
GRANT SELECT (order_id, wallet_ids, product_lines, content_read) ON dead_letters TO paynow_reader;
