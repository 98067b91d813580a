// Steps that several specs share: what people do on the pages, and how the world is prepared for it.
import { expect } from "@playwright/test";

import { ctl, eventually, flake, send, sql } from "./world.mjs";

/** A form of a page by its id. */
export const form = (page, id) => page.locator(`form#${id}`);

/** Fills the named fields of a form, and sends it. */
export async function submit(page, id, fields = {}) {
  const filled = form(page, id);
  for (const [name, value] of Object.entries(fields)) {
    const field = filled.locator(`[name="${name}"]`);
    if ((await field.evaluate(({ tagName }) => tagName)) === "SELECT") await field.selectOption(value);
    else await field.fill(value);
  }
  await filled.getByRole("button").click();
}

const openLetters = () => Number(sql("SELECT count(*) FROM dead_letters WHERE state = 'open'")[0]);

/** Gives up what another spec has left, so that a list has the letters of this one only. */
export function nothingOpen() {
  if (openLetters() > 0) {
    ctl("dead", "discard", "--older-than", "0s", "--by", "tests", "--why", "left by another test", "--yes");
  }
}

/** Orders of a product without points, each of which becomes a dead letter. Returns the product. */
export async function deadOrders(count) {
  const product = flake();
  const before = openLetters();
  send(product, "--count", String(count), "--wallets", "10");
  await eventually(`${count} more dead letters`, () => openLetters() >= before + count);
  return product;
}

export const setPoints = (product, points) =>
  ctl("products", "set", product, String(points), "--by", "tests", "--why", "the price was missing", "--yes");

export const balances = () =>
  new Map(sql("SELECT wallet_id, balance FROM wallets").map((row) => row.split("|")));

/** The ledger's entries for lines of a product: wallet and order, `|` between them. */
export const creditsFor = (product) =>
  sql(
    "SELECT wallet_id, entries.order_id FROM ledger_entries AS entries JOIN order_lines " +
      `ON entry_key = 'order-line:' || line_id WHERE product_id = ${product}`,
  );

export const creditsOf = (product) => creditsFor(product).length;

/** From the list to the preview of a replay of all letters that are listed. */
export async function previewAll(page) {
  await page.goto("/dead");
  await page.getByRole("region", { name: "By reason" }).getByRole("link", { name: "unknown_product" }).click();
  await expect(page).toHaveURL(/reason=unknown_product/);
  await submit(page, "choose", { which: "matching" });
  await expect(page).toHaveURL(/\/dead\/preview\/\d+$/);
}

/** The cells of a table, a row each, as text. */
export const rows = async (page, caption) => {
  const found = page.getByRole("region", { name: caption }).locator("tbody tr");
  return (await found.all()).length === 0
    ? []
    : found.evaluateAll((all) => all.map((row) => [...row.cells].map((cell) => {
        const copy = cell.cloneNode(true);
        for (const button of copy.querySelectorAll("button")) button.remove();
        return copy.textContent.trim();
      })));
};

/** A number as pages show it: `1,500`, `+3`, `-20 (debt)`. */
export const number = (text) => {
  const found = /([+\-\u2212]?)\s*([\d,\u202f ]+)/.exec(text);
  if (!found) throw new Error(`no number: ${text}`);
  return String(Number(found[2].replace(/\D/g, "")) * (["-", "\u2212"].includes(found[1]) ? -1 : 1));
};

/** Loads the page of a replay again until the replay runs no more; then its page says `course`. */
export async function replayEnds(page, course) {
  await eventually(
    "the replay runs no more",
    async () => {
      await page.reload();
      // Until then the page loads itself again, in the middle of whatever a test does with it.
      return !/: (runs|paused)\b/.test(await page.getByRole("heading", { level: 1 }).innerText());
    },
    60_000,
  );
  await expect(page.getByRole("main")).toContainText(course);
}
