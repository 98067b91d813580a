// How a game backend spends points, gives them back and notices new ones, with the package `pg`.
//
//   node points.mjs balance PLATFORM PLAYER
//   node points.mjs spend PLATFORM PLAYER POINTS KEY
//   node points.mjs unspend KEY
//   node points.mjs watch SECONDS WALLET...
//
// DATABASE_URL is the address of the database, with a login of `paynowctl setup --game-login`. Prints one JSON
// document a line. Exit codes: 0 done, 1 refused for good, 75 not known: call again with the same key.

import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

// Errors after which the same call, with the same key, is to be repeated: what failed was not the call but its
// surroundings. Any loss of the connection is one more: the call may have worked. A wrong password (class 28) or
// database (class 3D) is none.
const REPEAT = new Set([
  "40001", // serialization_failure: another transaction was faster
  "40P01", // deadlock_detected
  "55P03", // lock_not_available: the wallet is held, and lock_timeout is over
  "57014", // query_canceled: statement_timeout is over
  "57P01", // admin_shutdown: the server or an administrator ended the session
  "57P02", // crash_shutdown
  "57P03", // cannot_connect_now: the server starts
  "53300", // too_many_connections
]);
const ATTEMPTS = 10;
const WAIT_MS_MAX = 2000;

/** The database will give the same answer again. `name` says which rule it is: `spend_needs_balance` ... */
export class Refused extends Error {
  constructor(name, cause) {
    super(cause.message, { cause });
    this.name = name;
  }
}

/** Nobody answered. The points may have been taken or not: call again later, with the same key. */
export class Unknown extends Error {}

/** Ids and points have 64 bits. A number of JavaScript is exact to 53 bits only, which is why `pg` gives them as text
 * unless it is told otherwise; here they are BigInt, which calculates exactly. */
const INT8 = 20;
const types = {
  getTypeParser: (type, format) => (type === INT8 ? BigInt : pg.types.getTypeParser(type, format)),
};

export class Points {
  constructor(address) {
    this.pool = new pg.Pool({
      connectionString: address,
      types,
      max: 8,
      connectionTimeoutMillis: 5000,
      // Longer than the server's own limits, so that it ends only what the server says nothing about.
      query_timeout: 65000,
      keepAlive: true,
    });
    // A connection that is lost while nobody uses it is replaced; without a listener the process would end.
    this.pool.on("error", (error) => console.error(`an idle connection was lost: ${error.message}`));
  }

  /** The wallet of a player and its balance; undefined for a player who has none. */
  async balance(platform, player) {
    const rows = await this.#call("SELECT wallet_id, balance FROM balance_by($1, $2)", [platform, player]);
    if (rows.length > 1) {
      throw new Refused("spend_identity_ambiguous", new Error("this player has several wallets"));
    }
    return rows[0];
  }

  /** The balances of many wallets; one that is not in it has 0 points. */
  async balances(wallets) {
    const sql = "SELECT wallet_id, balance FROM wallets WHERE wallet_id = ANY ($1::bigint[])";
    const rows = await this.#call(sql, [wallets.map(String)]);
    return new Map(rows.map((row) => [row.wallet_id, row.balance]));
  }

  /** Takes points. Hand the item of this key out, unless you did: a repeat is no second purchase. */
  async spend(platform, player, points, key) {
    const sql = "SELECT wallet_id, balance, applied FROM spend_by($1, $2, $3, $4)";
    return (await this.#call(sql, [platform, player, points, key]))[0];
  }

  /** Gives the points of a spend back. Its key never spends again. */
  async unspend(key) {
    return (await this.#call("SELECT balance, applied FROM unspend($1)", [key]))[0];
  }

  async #call(sql, values) {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      try {
        // Each call is a transaction of its own, and none stays open with a wallet locked.
        return (await this.pool.query(sql, values)).rows;
      } catch (error) {
        if (!isToBeRepeated(error)) {
          throw new Refused(error.constraint ?? error.code, error);
        }
        const code = error instanceof pg.DatabaseError ? error.code : "connection lost";
        console.error(`attempt ${attempt}: ${code} ${error.message}`);
      }
      // At random, so that many backends do not come back at the same moment.
      await sleep(Math.random() * Math.min(WAIT_MS_MAX, 50 * 2 ** attempt));
    }
    throw new Unknown(`no answer in ${ATTEMPTS} attempts`);
  }

  close() {
    return this.pool.end();
  }
}

/** What is no answer of the server is a lost connection. */
function isToBeRepeated(error) {
  return !(error instanceof pg.DatabaseError) || REPEAT.has(error.code) || error.code.startsWith("08");
}

/** Prints each wallet whose balance changed. A balance has no order to miss, so a poll that fails or is late loses
 * nothing: the next one finds the difference. */
async function watch(points, seconds, wallets) {
  const known = new Map(wallets.map((wallet) => [wallet, 0n]));
  const update = async () => {
    const changes = [];
    for (const [wallet, balance] of await points.balances(wallets)) {
      const change = balance - known.get(wallet);
      known.set(wallet, balance);
      if (change !== 0n) {
        changes.push({ wallet_id: wallet, balance, change });
      }
    }
    return changes;
  };
  await update();
  show({ watching: known.size });
  for (;;) {
    await sleep(seconds * 1000);
    (await update()).forEach(show);
  }
}

/** JSON has numbers of any size, and JSON.stringify takes no BigInt. An id is text, because nobody calculates with it and
 * many readers of JSON would round it. */
function show(document) {
  const text = ([name, value]) => {
    const isNumber = typeof value === "bigint" && name !== "wallet_id";
    return `"${name}": ${isNumber ? value : JSON.stringify(typeof value === "bigint" ? String(value) : value)}`;
  };
  console.log(document ? `{${Object.entries(document).map(text).join(", ")}}` : "null");
}

async function main([command, ...given]) {
  if (!process.env.DATABASE_URL) {
    console.error("DATABASE_URL is not set");
    process.exitCode = 1;
    return;
  }
  const points = new Points(process.env.DATABASE_URL);
  const commands = {
    balance: async () => show(await points.balance(...given)),
    spend: async () => show(await points.spend(...given)),
    unspend: async () => show(await points.unspend(...given)),
    watch: () => watch(points, Number(given[0]), given.slice(1).map(BigInt)),
  };
  try {
    if (!Object.hasOwn(commands, command)) {
      console.error("usage: points.mjs balance|spend|unspend|watch ARGUMENTS; see the head of this file");
      process.exitCode = 1;
      return;
    }
    await commands[command]();
  } catch (error) {
    if (error instanceof Refused) {
      show({ refused: error.name });
      process.exitCode = 1;
    } else if (error instanceof Unknown) {
      console.error(error.message);
      process.exitCode = 75;
    } else {
      throw error;
    }
  } finally {
    await points.close();
  }
}

await main(process.argv.slice(2));
