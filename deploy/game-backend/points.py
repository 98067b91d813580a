#!/usr/bin/python3
"""How a game backend spends points, gives them back and notices new ones, with psycopg2.

    points.py balance PLATFORM PLAYER
    points.py spend PLATFORM PLAYER POINTS KEY
    points.py unspend KEY
    points.py watch SECONDS WALLET...

DATABASE_URL is the address of the database, with a login of `paynowctl setup --game-login`. Prints one JSON
document a line. Exit codes: 0 done, 1 refused for good, 75 not known: call again with the same key.
"""

import json
import os
import random
import sys
import time

import psycopg2

# Errors after which the same call, with the same key, is to be repeated: what failed was not the call but its
# surroundings. Any loss of the connection is one more; its error has no code, and the call may have worked.
REPEAT = {
    "40001",  # serialization_failure: another transaction was faster
    "40P01",  # deadlock_detected
    "55P03",  # lock_not_available: the wallet is held, and lock_timeout is over
    "57014",  # query_canceled: statement_timeout is over
    "57P01",  # admin_shutdown: the server or an administrator ended the session
    "57P02",  # crash_shutdown
    "57P03",  # cannot_connect_now: the server starts
    "53300",  # too_many_connections
}
# A login that the server refuses for good: SQLSTATE class 28, 3D or 42. psycopg2 gives no code for it, only the
# server's words; in another language than English it is tried like a lost connection.
REFUSED_LOGINS = {
    "password authentication failed": "28P01",
    "no password supplied": "28P01",
    "no pg_hba.conf entry": "28000",
    "is not permitted to log in": "28000",
    "permission denied for database": "42501",
    "does not exist": "3D000",  # a role that does not exist is refused like a wrong password
}
ATTEMPTS = 10
WAIT_SECONDS_MAX = 2.0


class Refused(Exception):
    """The database will give the same answer again. `name` says which rule it is: `spend_needs_balance` ..."""

    def __init__(self, name, message):
        super().__init__(message)
        self.name = name


class Unknown(Exception):
    """Nobody answered. The points may have been taken or not: call again later, with the same key."""


class Points:
    """One connection, for one thread; a pool holds several of these."""

    def __init__(self, address):
        self.address = address
        self.connection = None

    def balance(self, platform, player):
        """The wallet of a player and its balance; None for a player who has none."""
        rows = self._call("SELECT wallet_id, balance FROM balance_by(%s, %s)", (platform, player))
        if len(rows) > 1:
            raise Refused("spend_identity_ambiguous", "this player has several wallets")
        return rows[0] if rows else None

    def balances(self, wallets):
        """The balances of many wallets; one that is not in it has 0 points."""
        sql = "SELECT wallet_id, balance FROM wallets WHERE wallet_id = ANY (%s::bigint[])"
        return dict(self._call(sql, (list(wallets),)))

    def spend(self, platform, player, points, key):
        """Takes points. Hand the item of this key out, unless you did: a repeat is no second purchase."""
        sql = "SELECT wallet_id, balance, applied FROM spend_by(%s, %s, %s, %s)"
        return self._call(sql, (platform, player, points, key))[0]

    def unspend(self, key):
        """Gives the points of a spend back. Its key never spends again."""
        return self._call("SELECT balance, applied FROM unspend(%s)", (key,))[0]

    def _call(self, sql, values):
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._try(sql, values)
            except psycopg2.Error as error:
                refused = refused_login(error) if self.connection is None else None
                self._close_if_broken(error)
                if refused or not is_to_be_repeated(error):
                    name = refused or error.diag.constraint_name or error.pgcode or type(error).__name__
                    raise Refused(name, str(error).strip()) from error
                code, message = error.pgcode or "connection lost", str(error).strip().splitlines()[:1]
                print(f"attempt {attempt}: {code}", *message, file=sys.stderr, flush=True)
            # At random, so that many backends do not come back at the same moment.
            time.sleep(random.uniform(0, min(WAIT_SECONDS_MAX, 0.05 * 2**attempt)))
        raise Unknown(f"no answer in {ATTEMPTS} attempts")

    def _try(self, sql, values):
        if self.connection is None:
            self.connection = psycopg2.connect(
                self.address, connect_timeout=5, keepalives_idle=10, tcp_user_timeout=15000
            )
            # Each call is a transaction of its own, and none stays open with a wallet locked.
            self.connection.autocommit = True
        with self.connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall()

    def _close_if_broken(self, error):
        if self.connection is not None and (self.connection.closed or error.pgcode is None):
            self.connection.close()
            self.connection = None


def refused_login(error):
    message = str(error)
    codes = (code for words, code in REFUSED_LOGINS.items() if words in message)
    return next(codes, None)


def is_to_be_repeated(error):
    lost = (psycopg2.OperationalError, psycopg2.InterfaceError)
    if error.pgcode is None:
        return isinstance(error, lost)
    return error.pgcode in REPEAT or error.pgcode.startswith("08")


def watch(points, seconds, wallets):
    """Prints each wallet whose balance changed. A balance has no order to miss, so a poll that fails or is late
    loses nothing: the next one finds the difference."""
    known = {wallet: 0 for wallet in wallets} | points.balances(wallets)
    show({"watching": len(known)})
    while True:
        time.sleep(seconds)
        found = points.balances(wallets)
        for wallet, balance in found.items():
            if balance != known[wallet]:
                show({"wallet_id": str(wallet), "balance": balance, "change": balance - known[wallet]})
        known |= found


def show(document):
    print(json.dumps(document), flush=True)


def main(arguments):
    if not os.environ.get("DATABASE_URL"):
        sys.exit("DATABASE_URL is not set")
    points = Points(os.environ["DATABASE_URL"])
    try:
        match arguments:
            case ["balance", platform, player]:
                row = points.balance(platform, player)
                show(row and {"wallet_id": str(row[0]), "balance": row[1]})
            case ["spend", platform, player, amount, key]:
                wallet, balance, applied = points.spend(platform, player, int(amount), key)
                show({"wallet_id": str(wallet), "balance": balance, "applied": applied})
            case ["unspend", key]:
                balance, applied = points.unspend(key)
                show({"balance": balance, "applied": applied})
            case ["watch", seconds, *wallets]:
                watch(points, float(seconds), [int(wallet) for wallet in wallets])
            case _:
                sys.exit(__doc__)
    except Refused as refused:
        show({"refused": refused.name})
        sys.exit(1)
    except Unknown as unknown:
        print(unknown, file=sys.stderr)
        sys.exit(75)


if __name__ == "__main__":
    main(sys.argv[1:])
