// The console and what it works on: ops/browser has started the servers, the receiver and the worker.
import { execFileSync, spawn } from "node:child_process";
import { openSync } from "node:fs";
import { createHash, randomInt } from "node:crypto";
import { join } from "node:path";

const { BROWSER_BIN, BROWSER_STACK, BROWSER_WORK, CONSOLE_ADMIN, CONSOLE_DATABASE_URL, CONSOLE_URL } = process.env;
const WAIT_MS = 30_000;
// The groups of the proxy are called as the roles.
export const ROLES = ["viewer", "support", "operator", "approver", "admin"];

/** Tries again until `attempt` gives something, or says for how long it waited for what. */
export async function eventually(what, attempt, milliseconds = WAIT_MS) {
  const end = Date.now() + milliseconds;
  for (;;) {
    const found = await attempt();
    if (found) return found;
    if (Date.now() > end) throw new Error(`within ${milliseconds} ms: ${what}`);
    await new Promise((later) => setTimeout(later, 100));
  }
}

/** A fresh id, as large as PayNow's, so that no two tests share a product. */
export const flake = () => String(610_000_000_000_000_000n + BigInt(randomInt(2 ** 47)));

const output = (program, ...argv) =>
  execFileSync(program, argv, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 120_000 });

/** Runs paynowctl, with the logins of whoever set everything up. */
export const ctl = (...argv) => output(join(BROWSER_BIN, "paynowctl"), ...argv);
export const ctlJson = (...argv) => JSON.parse(ctl(...argv, "--json"));

/** The rows of a statement, one string a row. */
export const sql = (statement) =>
  output("psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", process.env.DATABASE_URL, "--command", statement)
    .split("\n")
    .filter(Boolean);

/** `stack("kill", "broker")`: what ops/stack can do with the servers of this run. */
export const stack = (...argv) => output(BROWSER_STACK, ...argv);

/** Sends signed orders; the result has one entry for each. */
export const send = (product, ...argv) => ctlJson("send", "--product", product, ...argv);

/** The process of the console, whose pid is the only one that is signalled. */
export class Console {
  // One for the whole run: the database knows the proxy by the secret of the first sign-in.
  #secret = createHash("sha256").update(BROWSER_WORK).digest("hex");
  #process;
  #people = 0;

  /** The headers with which a proxy says who asks. Each person has an address of their own. */
  headersOf(person, roles) {
    this.#people += 1;
    return {
      "X-Console-Secret": this.#secret,
      "X-Forwarded-User": person,
      "X-Forwarded-Groups": roles.join(","),
      "X-Signed-In-At": String(Math.floor(Date.now() / 1000)),
      "X-Forwarded-For": `10.1.${this.#people >> 8}.${this.#people & 255}`,
    };
  }

  async start(settings = {}) {
    const log = openSync(join(BROWSER_WORK, "console.log"), "a");
    const { DATABASE_URL: _owner, ...environment } = process.env;
    this.#process = spawn(join(BROWSER_BIN, "paynow-console"), {
      stdio: ["ignore", log, log],
      env: {
        ...environment,
        DATABASE_URL: CONSOLE_DATABASE_URL,
        CONSOLE_ADDR: new URL(CONSOLE_URL).host,
        CONSOLE_PUBLIC_URL: CONSOLE_URL,
        METRICS_ADDR: CONSOLE_ADMIN,
        CONSOLE_AUTH: "proxy",
        CONSOLE_PROXY_PEERS: "127.0.0.1",
        CONSOLE_PROXY_SECRET: this.#secret,
        CONSOLE_PROXY_SIGNED_IN_HEADER: "X-Signed-In-At",
        CONSOLE_ROLES: ROLES.map((role) => `${role}=${role}`).join(","),
        CONSOLE_ENVIRONMENT: "trial",
        ...settings,
      },
    });
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.ended = ended;
    await eventually("the console is ready (its log is console.log)", async () => {
      if (this.#process.exitCode !== null) throw new Error(`the console ended with ${this.#process.exitCode}`);
      return fetch(`http://${CONSOLE_ADMIN}/readyz`).then(({ ok }) => ok, () => false);
    });
  }

  async end(signal = "SIGTERM") {
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill(signal);
    await this.#process.ended;
  }

  async restart(settings) {
    await this.end();
    await this.start(settings);
  }
}
