// Everything can be done without a pointer, and it can always be seen where one is.
import { creditsOf, deadOrders, nothingOpen, replayEnds, setPoints } from "../harness/desk.mjs";
import { ctl, eventually, expect, flake, sql, test } from "../harness/test.mjs";

/** Presses Tab until `target` has the focus, and checks on the way that the focus can be seen. */
async function tabTo(page, target) {
  for (let presses = 0; presses < 250; presses += 1) {
    await page.keyboard.press("Tab");
    const seen = await page.evaluate(() => {
      const focused = document.activeElement;
      if (!focused || focused === document.body) return "";
      const { outlineStyle, outlineWidth } = getComputedStyle(focused);
      return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 ? "" : focused.outerHTML.slice(0, 120);
    });
    expect(seen, "elements whose focus cannot be seen").toBe("");
    if (await target.evaluate((element) => element === document.activeElement)) return;
  }
  throw new Error(`Tab does not lead to ${target}`);
}

/** Until the next frame, what was behind an open dialog takes no focus. A person is slower than that, a busy machine is not. */
const frameShown = (page) =>
  page.evaluate(() => new Promise((shown) => requestAnimationFrame(() => requestAnimationFrame(shown))));

async function type(page, target, text) {
  await tabTo(page, target);
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type(text);
}

test("a replay without a pointer", async ({ signIn }) => {
  nothingOpen();
  const product = await deadOrders(3);
  setPoints(product, 500);
  const page = await signIn("olga", ["operator"]);
  await page.goto("/me");
  await page.keyboard.press("g");
  await page.keyboard.press("d");
  await expect(page).toHaveURL(/\/dead$/);
  await tabTo(page, page.getByRole("region", { name: "By reason" }).getByRole("link", { name: "unknown_product" }));
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/reason=unknown_product/);
  const choose = page.locator("form#choose");
  await tabTo(page, choose.locator("select"));
  await page.keyboard.press("ArrowDown");
  await expect(choose.locator("select")).toHaveValue("matching");
  await tabTo(page, choose.getByRole("button"));
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/dead\/preview\/\d+$/);
  await type(page, page.locator("form#go [name=why]"), "the points are set");
  await type(page, page.locator("form#go [name=count]"), "3");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/replays\/\d+$/);
  await replayEnds(page, /3 of 3 letters applied/);
  expect(creditsOf(product)).toBe(3);
});

test("four eyes without a pointer", async ({ signIn }) => {
  const wallet = flake();
  ctl("correct", "--wallet", wallet, "--points", "100", "--key", `keys-${wallet}`, "--by", "tests", "--why", "to begin with", "--yes");
  const support = await signIn("sven", ["support"]);
  await support.goto("/corrections");
  const ask = support.locator("form#correct");
  await type(support, ask.locator("[name=wallet]"), wallet);
  await type(support, ask.locator("[name=points]"), "-30");
  await type(support, ask.locator("[name=why]"), "it was given twice");
  await tabTo(support, ask.getByRole("button"));
  await support.keyboard.press("Enter");
  await expect(support).toHaveURL(/\/corrections\/\d+$/);
  const approver = await signIn("aida", ["approver"]);
  await approver.goto(support.url());
  await type(approver, approver.locator("form#decide [name=why]"), "it is so");
  await tabTo(approver, approver.locator("form#decide").getByRole("button"));
  await approver.keyboard.press("Enter");
  await eventually("70 points", () => sql(`SELECT balance FROM wallets WHERE wallet_id = ${wallet}`)[0] === "70");
});

test("keys: help, search, rows, and what is typed is text", async ({ signIn }) => {
  nothingOpen();
  await deadOrders(3);
  const page = await signIn("olga", ["operator"]);
  await page.goto("/dead");
  await page.keyboard.press("?");
  const help = page.getByRole("dialog");
  await expect(help).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(help).toHaveCount(0);
  await frameShown(page);
  await page.keyboard.press("/");
  await expect(page.locator("#site-search")).toBeFocused();
  await page.keyboard.type("gd?");
  await expect(page).toHaveURL(/\/dead$/);
  await expect(page.locator("#site-search")).toHaveValue("gd?");
  await expect(help).toHaveCount(0);
});
