// Each test but the first has a fault: harness.test.mjs runs them, and checks that they fail, and for which reason.
import { axe, expect, looksRight, noHorizontalScroll, NARROW, test } from "../harness/test.mjs";

test("a clean page passes", async ({ page }) => {
  await page.goto("/clean");
  await expect(page.locator("body")).toHaveAttribute("data-ran", "yes");
  await looksRight(page);
});

test("a status that is expected passes", async ({ page, watch }) => {
  watch.allowStatus(404);
  await page.goto("/no-such-page");
});

test("a clean page without JavaScript passes", async ({ newSession }) => {
  const page = await newSession({ javaScriptEnabled: false });
  await page.goto("/clean");
  await expect(page.locator("body")).not.toHaveAttribute("data-ran", "yes");
  await noHorizontalScroll(page);
});

for (const name of ["missing-label", "pale"]) {
  test(name, async ({ page }) => {
    await page.goto(`/${name}`);
    await axe(page);
  });
}

test("pale-in-the-dark", async ({ page }) => {
  await page.goto("/pale-in-the-dark");
  await looksRight(page);
});

test("too-wide", async ({ page }) => {
  await page.goto("/too-wide");
  await noHorizontalScroll(page);
  await page.setViewportSize(NARROW);
  await noHorizontalScroll(page);
});

const LOADED = [
  "inline-handler",
  "inline-style",
  "console-error",
  "page-error",
  "foreign-request",
  "foreign-request-of-an-open-page",
  "no-such-page",
];
for (const name of LOADED) {
  test(name, async ({ page }) => {
    await page.goto(`/${name}`);
    await page.waitForLoadState("networkidle");
  });
}

test("in another session", async ({ page, newSession }) => {
  await page.goto("/clean");
  const other = await newSession();
  await other.goto("/console-error");
});

test("an allowance that is not needed", async ({ page, watch }) => {
  watch.allowStatus(403);
  await page.goto("/clean");
});

test("a test that is skipped", async () => {
  test.skip(true, "as somebody in a hurry does");
});
