GRANT EXECUTE ON FUNCTION refuse_ledger_change(), refuse_direct_wallet_write(),
    refuse_operator_action_change(), date_dead_letter() TO PUBLIC;
DROP FUNCTION post_correction(text, bigint, bigint);
DROP FUNCTION lock_balance(bigint);
REVOKE INSERT (product_id, points), UPDATE (points, updated_at) ON products FROM paynow_operator;
REVOKE INSERT (action, operator, why, selection, outcome) ON operator_actions FROM paynow_operator;
REVOKE INSERT (action_id, dead_letter_id), UPDATE (state, deaths_before, updated_at) ON replays
    FROM paynow_operator;
REVOKE UPDATE (state) ON dead_letters FROM paynow_operator;
REVOKE SELECT (body) ON dead_letters FROM paynow_operator;
