// A preview is what is done, or nothing: whatever changes between the two is told, and no letter is sent.
import { creditsOf, deadOrders, nothingOpen, previewAll, setPoints, submit } from "../harness/desk.mjs";
import { ctl, eventually, expect, looksRight, send, sql, test } from "../harness/test.mjs";

const replays = () => Number(sql("SELECT count(DISTINCT action_id) FROM replays")[0]);

const CHANGES = {
  "a letter was discarded": () => {
    const [letter] = sql("SELECT dead_letter_id FROM dead_letters WHERE state = 'open' LIMIT 1");
    ctl("dead", "discard", letter, "--by", "tests", "--why", "it was a test");
  },
  "the product was given points": (_product, later) => setPoints(later, 700),
  "a balance was moved": () => {
    const [wallet] = sql("SELECT wallet_ids[1] FROM dead_letters WHERE state = 'open' LIMIT 1");
    const key = `frozen-${Date.now()}`;
    ctl("correct", "--wallet", wallet, "--points", "1", "--key", key, "--by", "tests", "--why", "meanwhile", "--yes");
  },
  "one more letter matches": async (product) => {
    send(product.replace(/.$/, (digit) => (Number(digit) + 1) % 10));
    await eventually("a fourth letter", () => sql("SELECT 1 FROM dead_letters WHERE state = 'open'").length === 4);
  },
};

for (const [change, make] of Object.entries(CHANGES)) {
  test(`nothing is replayed when ${change} after the preview`, async ({ signIn, watch }) => {
    watch.allowStatus(409);
    nothingOpen();
    const product = await deadOrders(2);
    setPoints(product, 500);
    const later = await deadOrders(1);
    const page = await signIn("olga", ["operator"]);
    await previewAll(page);
    await make(product, later);
    const before = replays();

    await submit(page, "go", { why: "the points are set", count: "3" });

    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Changed meanwhile");
    await expect(page.getByRole("region", { name: "What changed" }).locator("tbody tr").first()).toBeVisible();
    await looksRight(page);
    expect(replays()).toBe(before);
    expect(creditsOf(product)).toBe(0);
  });
}

test("a form that is sent twice begins one replay", async ({ signIn }) => {
  nothingOpen();
  const product = await deadOrders(3);
  setPoints(product, 500);
  const page = await signIn("olga", ["operator"]);
  await previewAll(page);
  const preview = page.url();
  const before = replays();
  await submit(page, "go", { why: "the points are set", count: "3" });
  await expect(page).toHaveURL(/\/replays\/\d+$/);
  const replay = page.url();
  await page.reload();
  expect(page.url()).toBe(replay);
  await page.goto(preview);
  // The page says so; somebody who has the old page open sends the form nevertheless.
  await page.locator("form#go fieldset").evaluate((fieldset) => fieldset.removeAttribute("disabled"));
  await submit(page, "go", { why: "once more", count: "3" });
  expect(page.url()).toBe(replay);
  expect(replays()).toBe(before + 1);
  await eventually("three credits", () => creditsOf(product) === 3);
});
