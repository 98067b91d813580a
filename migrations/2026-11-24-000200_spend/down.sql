REVOKE SELECT ON wallets FROM paynow_spender;
DROP FUNCTION spend(bigint, bigint, text);
ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_spend_form;
