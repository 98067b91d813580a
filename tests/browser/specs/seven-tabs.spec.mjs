// Browsers open six connections to a host: were each tab's stream to keep one, the seventh tab would never load.
import { expect, test } from "../harness/test.mjs";

const TABS = 7;
/** As many streams as a session may have. */
const STREAMS = 4;
const LOADS_WITHIN_MS = 2_000;

test("the seventh of seven live pages loads as fast as the first", async ({ signIn, watch }) => {
  // The fifth stream and later ones are refused, and their pages say how to go on.
  watch.allowStatus(429);
  const first = await signIn("olga", ["operator"]);
  const tabs = [first];
  while (tabs.length < TABS) tabs.push(await first.context().newPage());

  const state = (tab) => tab.locator("#live-said");
  for (const [place, tab] of tabs.entries()) {
    const began = Date.now();
    expect((await tab.goto("/live")).status()).toBe(200);
    await expect(tab.getByRole("heading", { level: 1 })).toBeVisible();
    expect(Date.now() - began, `milliseconds until tab ${place + 1} is there`).toBeLessThan(LOADS_WITHIN_MS);
    const expected = place < STREAMS ? "the figures change by themselves" : "These figures stand still";
    await expect(state(tab)).toContainText(expected);
  }
  // All seven are open now: every other page loads too, and an action is answered.
  const seventh = tabs.at(-1);
  for (const path of ["/dead", "/products", "/live"]) {
    const began = Date.now();
    expect((await seventh.goto(path)).status()).toBe(200);
    expect(Date.now() - began, `milliseconds until ${path} is there`).toBeLessThan(LOADS_WITHIN_MS);
  }
  await expect(state(seventh)).toContainText("These figures stand still");

  // A tab that is closed makes room: one that stood still goes on by itself.
  await tabs[0].close();
  await expect
    .poll(
      async () => {
        const texts = await Promise.all(tabs.slice(STREAMS).map((tab) => state(tab).textContent()));
        return texts.filter((text) => text.includes("the figures change by themselves")).length;
      },
      { timeout: 60_000 },
    )
    .toBe(1);
});
