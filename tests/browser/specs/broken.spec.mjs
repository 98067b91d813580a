// Without broker or database each page says what is missing, and comes back without a restart.
import { form } from "../harness/desk.mjs";
import { eventually, expect, looksRight, stack, test } from "../harness/test.mjs";

const comesBack = (page, path) =>
  eventually(`${path} comes back`, async () => (await page.goto(path)).status() === 200, 60_000);

test.describe.configure({ timeout: 180_000 });

test("without the broker, what is in the database is still shown", async ({ signIn }) => {
  const page = await signIn("olga", ["operator"]);
  stack("stop", "broker");
  try {
    for (const path of ["/dead", "/wallets", "/corrections", "/me"]) {
      expect((await page.goto(path)).status(), path).toBe(200);
    }
    await page.goto("/checks");
    await form(page, "check").getByRole("button").click();
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(page.getByRole("main")).not.toContainText("Nothing is wrong");
    await looksRight(page);
  } finally {
    stack("start", "broker");
  }
  await comesBack(page, "/dead");
});

test("without the database, a page says so at once, and comes back", async ({ signIn, watch }) => {
  watch.allowStatus(503);
  const page = await signIn("olga", ["operator"]);
  stack("stop", "db");
  try {
    const began = Date.now();
    const answer = await page.goto("/dead");
    expect(answer.status()).toBe(503);
    expect(Date.now() - began, "milliseconds until the page says so").toBeLessThan(15_000);
    await expect(page.getByRole("main")).toContainText("Nothing is lost");
    await looksRight(page);
  } finally {
    stack("start", "db");
  }
  await comesBack(page, "/dead");
  await expect(page.getByText("Signed in as olga")).toBeVisible();
});
