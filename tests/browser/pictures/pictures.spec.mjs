// Makes the pictures of the main pages: small ones, because everybody who clones the repository gets them.
import { mkdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { deadOrders, nothingOpen, previewAll, replayEnds, setPoints, submit } from "../harness/desk.mjs";
import { eventually, expect, send, sql, test } from "../harness/test.mjs";

const FOLDER = fileURLToPath(new URL("../../../deploy/console/", import.meta.url));
const SIZE = { width: 1000, height: 640 };
const BYTES_MAX = 150_000;

async function picture(page, name) {
  const path = `${FOLDER}${name}.png`;
  await page.screenshot({ path, scale: "css", animations: "disabled" });
  expect(statSync(path).size, name).toBeLessThan(BYTES_MAX);
}

test("the pictures of the main pages", async ({ signIn }, info) => {
  info.setTimeout(180_000);
  mkdirSync(FOLDER, { recursive: true });
  nothingOpen();
  setPoints("600000000000000040", 500);
  send("600000000000000040", "--count", "40", "--wallets", "12");
  await eventually("the orders are credited", () => sql("SELECT 1 FROM ledger_entries").length >= 40);
  const product = await deadOrders(12);
  const page = await signIn("anna", ["operator", "support"], { viewport: SIZE });

  await page.goto("/live");
  await page.waitForTimeout(3_000);
  await picture(page, "live");
  await page.goto("/dead");
  await picture(page, "dead-letters");
  setPoints(product, 500);
  await previewAll(page);
  await picture(page, "preview");
  await submit(page, "go", { why: "the price was missing, ticket 4711", count: "12" });
  await replayEnds(page, /12 of 12 letters applied/);
  await picture(page, "replay");
  const [row] = sql("SELECT wallet_id, order_id FROM ledger_entries WHERE order_id IS NOT NULL ORDER BY entry_id DESC LIMIT 1");
  const [wallet, order] = row.split("|");
  await page.goto(`/orders/${order}`);
  await picture(page, "order");
  await page.goto("/corrections");
  await submit(page, "correct", { wallet, points: "250", why: "the parcel was lost", ticket: "4711" });
  await picture(page, "correction");
  const night = await signIn("berta", ["approver"], { viewport: SIZE, colorScheme: "dark" });
  await night.goto(page.url());
  await picture(night, "correction-in-the-dark");
});
