// The `test` of all specs: a session is a browser context that is watched, and a test fails for what was seen.
import { expect, test as base } from "@playwright/test";

import { Watch } from "./watch.mjs";
import { Console } from "./world.mjs";

export { expect };
export { axe, looksRight, NARROW, noHorizontalScroll, THEMES, WIDE } from "./looks.mjs";
export { ctl, ctlJson, eventually, flake, ROLES, send, sql, stack } from "./world.mjs";

export const test = base.extend({
  /** All contexts of the test. */
  watch: async ({ baseURL }, use) => {
    const watch = new Watch(baseURL);
    await use(watch);
    expect(watch.faults(), "what no page may do").toEqual([]);
  },

  /** Makes a browser of one more person: `await newSession({ javaScriptEnabled: false })`. */
  newSession: async ({ browser, baseURL, watch }, use) => {
    const contexts = [];
    await use(async (options = {}) => {
      const context = await browser.newContext({ baseURL, locale: "en-GB", timezoneId: "Europe/Berlin", ...options });
      contexts.push(context);
      await watch.over(context);
      return context.newPage();
    });
    for (const context of contexts) await context.close();
  },

  page: async ({ newSession }, use) => use(await newSession()),

  /** The process of the console; every test that needs it finds it running. */
  server: [
    async ({}, use) => {
      const server = new Console();
      await server.start();
      await use(server);
      await server.end();
    },
    { scope: "worker" },
  ],

  /** Signs a person in, in a browser of their own: `await signIn("anna", ["operator"], { javaScriptEnabled: false })`. */
  signIn: async ({ newSession, server }, use) => {
    await use(async (person, roles, options = {}) => {
      const page = await newSession({ extraHTTPHeaders: server.headersOf(person, roles), ...options });
      await page.goto("/login?next=/me");
      await page.getByRole("button", { name: `Continue as ${person}` }).click();
      await expect(page.getByText(`Signed in as ${person}`)).toBeVisible();
      return page;
    });
  },
});
