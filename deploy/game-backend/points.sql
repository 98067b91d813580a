-- What a game backend asks the database, as psql runs it:
--   psql "$DATABASE_URL" -v platform=minecraft -v player=069a79f444e94726a5befca90e38aaf5 \
--     -v points=250 -v key=purchase-81723 -f points.sql

-- An error ends the script with exit code 3.
\set ON_ERROR_STOP on

-- The wallet and balance of a player: no row if the player never bought anything, several rows if the player has
-- several wallets.
SELECT wallet_id, balance FROM balance_by(:'platform', :'player');

-- Takes the points. The same call again, with the same key, takes nothing more: `applied` is then false.
SELECT wallet_id, balance, applied FROM spend_by(:'platform', :'player', :points, :'key');

-- The same where the wallet is known, with a key of its own.
SELECT wallet_id, balance AS balance_before FROM balance_by(:'platform', :'player') \gset
SELECT balance, applied FROM spend(:wallet_id, :points, :'key' || '-2');

-- The item of the first key could not be handed out: gives its points back, once.
SELECT balance, applied FROM unspend(:'key');

-- Whether points arrived: the balances of the players who are online, in one query.
SELECT wallet_id, balance FROM wallets WHERE wallet_id = ANY (ARRAY[:wallet_id]);
