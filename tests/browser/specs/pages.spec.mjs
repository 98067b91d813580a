// Every page, empty and full, in both colour schemes and at both widths: no barrier, no page that scrolls sideways.
import { creditsFor, deadOrders, nothingOpen, previewAll, setPoints, submit } from "../harness/desk.mjs";
import { eventually, expect, flake, looksRight, send, sql, test } from "../harness/test.mjs";

const LISTS = ["/live", "/dead", "/events", "/replays", "/wallets", "/corrections", "/products", "/audit", "/audit/access", "/checks", "/search", "/me", "/help", "/admin/people"];
const ALL_ROLES = ["viewer", "support", "operator", "approver", "admin"];

test.describe.configure({ timeout: 600_000 });

/** Pages of things, each of which exists; the larger the id, the more of it does a number of JavaScript lose. */
async function things() {
  nothingOpen();
  const product = flake();
  setPoints(product, 500);
  send(product);
  const row = await eventually("the order is credited", () => creditsFor(product)[0]);
  const dead = await deadOrders(1);
  const [letter] = sql("SELECT dead_letter_id FROM dead_letters WHERE state = 'open'");
  const [wallet, order] = row.split("|");
  const [event] = sql(`SELECT event_id FROM webhook_events WHERE order_id = ${order}`);
  return { product, dead, letter, wallet, order, event };
}

test("the lists, before there is much in them", async ({ signIn }) => {
  nothingOpen();
  const page = await signIn("alba", ALL_ROLES);
  for (const path of LISTS) {
    await test.step(path, async () => {
      expect((await page.goto(path)).status(), path).toBe(200);
      await looksRight(page);
    });
  }
});

test("the lists and the pages of single things", async ({ signIn }) => {
  const { product, letter, wallet, order, event } = await things();
  const page = await signIn("alba", ALL_ROLES);
  const single = [
    `/dead/${letter}`,
    `/events/${event}`,
    `/orders/${order}`,
    `/wallets/${wallet}`,
    `/products/${product}`,
    `/search?q=${order.slice(0, 12)}`,
    "/dead?state=all",
    "/dead?wallet=17",
    "/wallets?show=debts",
  ];
  const titles = new Map();
  for (const path of [...LISTS, ...single]) {
    await test.step(path, async () => {
      expect((await page.goto(path)).status(), path).toBe(200);
      await expect(page.getByRole("heading", { level: 1 })).toHaveCount(1);
      await looksRight(page);
      titles.set(path, await page.title());
    });
  }
  const unlike = new Set(titles.values());
  // A filter that finds nothing has the title of the empty list.
  expect(unlike.size, [...titles].join("\n")).toBeGreaterThanOrEqual(titles.size - 3);
});

test("an id is shown whole, and the search box finds it", async ({ signIn }) => {
  const { order, event } = await things();
  const page = await signIn("sven", ["support"]);
  for (const [id, path] of [[order, "/orders/"], [event, "/events/"]]) {
    await page.locator("#site-search").fill(id);
    await page.keyboard.press("Enter");
    await expect(page, id).toHaveURL(`${path}${id}`);
    await expect(page.getByRole("heading", { level: 1 })).toContainText(id);
  }
});

test("a preview, a page of what is not there, and a page of what is not allowed", async ({ signIn, watch }) => {
  watch.allowStatus(403, 404, 422);
  nothingOpen();
  const product = await deadOrders(3);
  const page = await signIn("olga", ["operator"]);
  await previewAll(page);
  await looksRight(page);
  setPoints(product, 500);
  await previewAll(page);
  await looksRight(page);
  for (const [path, status] of [["/no-such-page", 404], ["/dead/999999999", 404], ["/dead?no-such-name=1", 422]]) {
    expect((await page.goto(path)).status(), path).toBe(status);
    await looksRight(page);
  }
  const viewer = await signIn("vera", ["viewer"]);
  await viewer.goto("/dead?reason=unknown_product");
  await expect(viewer.locator("form#choose").getByRole("button")).toBeDisabled();
  await looksRight(viewer);
  await viewer.locator("form#choose fieldset").evaluate((fieldset) => fieldset.removeAttribute("disabled"));
  await submit(viewer, "choose", { which: "matching" });
  await expect(viewer.getByRole("heading", { level: 1 })).toHaveText("Not allowed");
  await looksRight(viewer);
});

test("the page of all keys", async ({ signIn }) => {
  const page = await signIn("vera", ["viewer"]);
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog")).toBeVisible();
  await looksRight(page);
});

test("the colours that a person chose hold against those of the system", async ({ signIn }) => {
  const page = await signIn("vera", ["viewer"]);
  await page.goto("/me");
  const colour = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await colour();
  await submit(page, "look", { theme: "dark" });
  await expect(page).toHaveURL(/\/me$/);
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  expect(await colour()).not.toBe(light);
  await looksRight(page);
});

test("a page opened from its address in another session shows the same rows", async ({ signIn }) => {
  nothingOpen();
  await deadOrders(3);
  const [first, second] = [await signIn("sven", ["support"]), await signIn("simone", ["support"])];
  await first.goto("/dead");
  await first.locator("#filter-reason").selectOption("unknown_product");
  await first.locator("#filter-older").fill("0s");
  await first.locator("form#filter").getByRole("button").click();
  await second.goto(first.url());
  const cells = (page) => page.getByRole("region", { name: "One by one" }).locator("tbody th").allInnerTexts();
  expect((await cells(first)).length).toBe(3);
  expect(await cells(second)).toEqual(await cells(first));
});
