-- Dead letters of a wallet.
CREATE INDEX CONCURRENTLY IF NOT EXISTS dead_letters_wallet_ids_idx ON dead_letters USING gin (wallet_ids);
