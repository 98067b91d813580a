-- Wallets from the highest balance to the deepest debt.
CREATE INDEX CONCURRENTLY IF NOT EXISTS wallets_balance_idx ON wallets (balance, wallet_id);
