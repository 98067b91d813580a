DROP INDEX wallets_balance_idx;
