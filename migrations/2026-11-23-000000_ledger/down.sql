DROP FUNCTION debts();
DROP TABLE wallets;
DROP TABLE ledger_entries;
DROP FUNCTION refuse_direct_wallet_write();
DROP FUNCTION refuse_ledger_change();
DROP FUNCTION post_entries_to_wallets();
DROP TYPE ledger_entry_kind;
