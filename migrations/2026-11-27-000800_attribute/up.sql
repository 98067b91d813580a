-- A person decides what a refund was for when its amounts do not tell and PayNow's API was not asked, or did
-- not know.
--
-- Safe while the previous version runs: it neither writes nor reads these decisions.

ALTER TABLE refund_attributions
    -- No two refunds are for the same line.
    ADD CONSTRAINT refund_attributions_line_key UNIQUE (order_id, line_id);

ALTER TABLE operator_actions
    -- contract: the rule is only widened, and put back in the same statement
    DROP CONSTRAINT operator_actions_action_known,
    ADD CONSTRAINT operator_actions_action_known
        CHECK (action IN ('discard', 'correct', 'replay', 'history_send', 'price', 'attribute'));

-- Whether the order has this line and no other refund has it, or none has an equal one, which the ledger then
-- records instead.
CREATE FUNCTION is_refundable_line(of_order bigint, of_line bigint, of_refund bigint) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM ledger_entries AS entry JOIN ledger_entries AS equal USING (order_id, kind, wallet_id, points)
        WHERE entry.order_id = of_order AND entry.kind = 'order_line'
            AND entry.entry_key = 'order-line:' || of_line
            AND NOT EXISTS (SELECT FROM reversals AS other
                WHERE other.order_id = of_order AND other.reference_id <> of_refund
                    AND equal.entry_key = 'order-line:' || other.line_id))
$$;

-- Decides that the refund of a dead letter was for a line of its order, for some points of one wallet, or
-- without these for everything. The letter must be replayed for it. The same decision again changes nothing;
-- another one takes its place as long as the refund is not recorded.
CREATE FUNCTION attribute_refund(of_letter bigint, to_line bigint, to_wallet bigint, to_points bigint,
    by_operator text, with_why text, OUT of_refund bigint, OUT of_order bigint, OUT decided_by bigint,
    OUT is_new boolean)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    letter record;
    known refund_attributions;
    given bigint;
    chosen jsonb;
BEGIN
    SELECT state, reason, body, NULL::json AS told INTO letter
    FROM dead_letters WHERE dead_letter_id = of_letter AND event_type = 'ON_REFUND' FOR UPDATE;
    BEGIN
        letter.told := convert_from(letter.body, 'UTF8')::json -> 'body';
        of_refund := (letter.told ->> 'id')::bigint;
        of_order := (letter.told ->> 'order_id')::bigint;
    EXCEPTION WHEN data_exception THEN
        -- Such a body names no refund.
        of_refund := NULL;
    END;
    -- Two decisions about one order: the second waits here, and then finds the first.
    PERFORM FROM orders WHERE order_id = of_order FOR UPDATE;
    SELECT * INTO known FROM refund_attributions WHERE refund_id = of_refund;
    IF (known.line_id, known.wallet_id, known.points) IS NOT DISTINCT FROM (to_line, to_wallet, to_points)
        AND known.order_id = of_order
    THEN
        decided_by := known.action_id;
        is_new := false;
        RETURN;
    END IF;
    -- A decision that the worker has not used yet may be replaced: its line may be refunded by now.
    IF letter.state = 'open' AND letter.reason = 'partial_refund' AND of_refund IS NOT NULL
        AND NOT EXISTS (SELECT FROM reversals WHERE kind = 'refund' AND reference_id = of_refund)
    THEN
        -- contract: an operator replaces a decision; no row is deleted by this migration
        DELETE FROM refund_attributions WHERE refund_id = of_refund;
    ELSIF known.refund_id IS NOT NULL THEN
        RAISE EXCEPTION 'action % decided otherwise about refund %', known.action_id, of_refund
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'refund_attributions_decided_once';
    ELSE
        RAISE EXCEPTION 'dead letter % is not open, or is not about a refund that must be decided', of_letter
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'refund_attributions_open';
    END IF;
    SELECT sum(points) INTO given FROM ledger_entries
    WHERE order_id = of_order AND kind = 'order_line'
        AND (wallet_id = to_wallet OR entry_key = 'order-line:' || to_line);
    IF NOT EXISTS (SELECT FROM orders WHERE order_id = of_order)
        OR given IS NULL AND (to_line, to_wallet, to_points) IS DISTINCT FROM (NULL, NULL, NULL)
    THEN
        RAISE EXCEPTION 'order % is not recorded, or has no such line or wallet', of_order
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'refund_attributions_of_order';
    ELSIF to_points > given THEN
        RAISE EXCEPTION 'order % gave wallet % only % points', of_order, to_wallet, given
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'refund_attributions_points_given';
    ELSIF to_line IS NOT NULL AND NOT is_refundable_line(of_order, to_line, of_refund) THEN
        RAISE EXCEPTION 'another refund was for line % of order %', to_line, of_order
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'refund_attributions_line_free';
    END IF;
    chosen := jsonb_strip_nulls(jsonb_build_object('line_id', to_line::text,
        'wallet_id', to_wallet::text, 'points', to_points));
    decided_by := add_action('attribute', by_operator, with_why,
        chosen || jsonb_build_object('dead_letter_id', of_letter::text),
        chosen || jsonb_build_object('refund_id', of_refund::text, 'order_id', of_order::text,
            'dead_letter_ids', id_texts(ARRAY[of_letter])));
    is_new := true;
    INSERT INTO refund_attributions (refund_id, order_id, line_id, wallet_id, points, action_id)
    VALUES (of_refund, of_order, to_line, to_wallet, to_points, decided_by);
END $$;

REVOKE EXECUTE ON FUNCTION
    is_refundable_line(bigint, bigint, bigint),
    attribute_refund(bigint, bigint, bigint, bigint, text, text)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION attribute_refund(bigint, bigint, bigint, bigint, text, text)
    TO paynow_operator;
