// A replay can be stopped by somebody else, and goes on after its process was killed; each order is credited once.
import { creditsFor, creditsOf, deadOrders, nothingOpen, previewAll, replayEnds, setPoints, submit } from "../harness/desk.mjs";
import { eventually, expect, looksRight, test } from "../harness/test.mjs";

// So many that somebody else has signed in before they are all sent, on a slow machine too.
const LETTERS = 30;

/** A replay of one letter a second. */
async function slowReplay(page, letters = LETTERS) {
  nothingOpen();
  const product = await deadOrders(letters);
  setPoints(product, 500);
  await previewAll(page);
  await submit(page, "go", { why: "the points are set", count: String(letters), rate: "1" });
  await expect(page).toHaveURL(/\/replays\/\d+$/);
  await eventually("a few letters are applied", () => creditsOf(product) >= 2);
  return product;
}

async function goesOn(page, product) {
  await submit(page, "resume", { why: "the rest as well", rate: "50" });
  await replayEnds(page, new RegExp(`${LETTERS} of ${LETTERS} letters applied`));
  expect(creditsOf(product)).toBe(LETTERS);
  expect(new Set(creditsFor(product)).size).toBe(LETTERS);
}

test("somebody else stops a replay, and a third person goes on with it", async ({ signIn }) => {
  const page = await signIn("olga", ["operator"]);
  const product = await slowReplay(page);
  const other = await signIn("oskar", ["operator"]);
  await other.goto(page.url());
  await submit(other, "control", { what: "stop", why: "the price is wrong" });
  await replayEnds(other, "stopped by oskar");
  await looksRight(other);
  const applied = creditsOf(product);
  expect(applied).toBeLessThan(LETTERS);
  const third = await signIn("orla", ["operator"]);
  await third.goto(page.url());
  await looksRight(third);
  await goesOn(third, product);
});

test("who only looks cannot stop a replay, and is told who can", async ({ signIn }) => {
  const letters = 12;
  const page = await signIn("olga", ["operator"]);
  const product = await slowReplay(page, letters);
  await submit(page, "control", { what: "pause", why: "a moment" });
  await expect(page.getByRole("heading", { level: 1 })).toContainText("paused by olga since");
  const viewer = await signIn("vera", ["viewer"]);
  await viewer.goto(page.url());
  await expect(viewer.getByRole("heading", { level: 1 })).toContainText("paused by olga since");
  await expect(viewer.locator("form#control").getByRole("button")).toBeDisabled();
  await expect(viewer.locator("#control-because")).toContainText("operator");
  await looksRight(viewer);
  await submit(page, "control", { what: "go", why: "go on" });
  // Who has the page open sees it without a hand.
  await expect(viewer.getByRole("heading", { level: 1 })).not.toContainText("paused");
  await replayEnds(page, new RegExp(`${letters} of ${letters} letters applied`));
  expect(creditsOf(product)).toBe(letters);
});

test("a replay whose console was killed goes on, and credits each order once", async ({ signIn, server }) => {
  const page = await signIn("olga", ["operator"]);
  const product = await slowReplay(page);
  const replay = page.url();
  await server.end("SIGKILL");
  expect(creditsOf(product)).toBeLessThan(LETTERS);
  await expect(page.reload()).rejects.toThrow(/ERR_CONNECTION_REFUSED/);
  await server.start();
  await page.goto(replay);
  await replayEnds(page, "ended without a word");
  await looksRight(page);
  await goesOn(page, product);
});
