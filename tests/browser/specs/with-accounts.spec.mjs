// Accounts of our own: a one-time password, an authenticator, and what a stranger learns. Its file is the last one:
// once somebody has an account, nobody comes in through a proxy.
import { createHmac } from "node:crypto";

import { submit } from "../harness/desk.mjs";
import { ctl, expect, looksRight, test } from "../harness/test.mjs";

const PASSWORD = "correct horse battery staple";
const STEP_MS = 30_000;

function bytesOf(base32) {
  const bits = [...base32].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0"));
  return Buffer.from(bits.join("").match(/.{8}/g).map((byte) => parseInt(byte, 2)));
}

/** What the authenticator shows (RFC 6238), `later` steps of half a minute from now. */
function code(secret, later = 0) {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / STEP_MS) + later));
  const tag = createHmac("sha1", bytesOf(secret)).update(counter).digest();
  const place = tag.at(-1) & 0xf;
  return String((tag.readUInt32BE(place) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

test("a person signs in with a one-time password, and then with password and authenticator", async ({ newSession, server, watch }) => {
  watch.allowStatus(401);
  const name = `anna-${process.pid}`;
  const said = ctl("people", "add", name, "--role", "viewer", "--role", "support", "--by", "tests", "--why", "new here");
  const oneTime = said.trim().split(" ").at(-1);
  await server.restart({ CONSOLE_AUTH: "accounts" });
  try {
    const page = await newSession();
    await page.goto("/wallets");
    await expect(page).toHaveURL(/\/login\?next=/);
    await looksRight(page);

    await submit(page, "sign-in", { name, password: "wrong", code: "" });
    await expect(page.getByRole("main")).toContainText("The name, the password or the code is wrong");
    await looksRight(page);

    await submit(page, "sign-in", { name, password: oneTime, code: "" });
    await expect(page).toHaveURL(/\/enrol$/);
    await looksRight(page);
    // Nothing is open to somebody whose password another person knows.
    await page.goto("/wallets");
    await expect(page).toHaveURL(/\/enrol$/);

    const secret = await page.locator("form#enrol [name=secret]").inputValue();
    await submit(page, "enrol", { password: PASSWORD, again: PASSWORD, code: code(secret) });
    await expect(page).toHaveURL(/\/login\?enrolled=yes$/);
    await expect(page.getByRole("main")).toContainText("Your password and your authenticator are set");
    await looksRight(page);
    // The next code, because none counts twice.
    await submit(page, "sign-in", { name: name.toUpperCase(), password: PASSWORD, code: code(secret, 1) });
    await expect(page.getByText(`Signed in as ${name}`)).toBeVisible();
    await page.goto("/wallets");
    await expect(page.getByRole("heading", { level: 1 })).toContainText("Wallets");

    await page.getByRole("button", { name: "Sign out" }).click();
    await expect(page).toHaveURL(/\/login$/);
    await page.goBack();
    await page.reload();
    await expect(page).toHaveURL(/\/login/);
  } finally {
    await server.restart();
  }
});
