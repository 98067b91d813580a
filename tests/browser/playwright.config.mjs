// Runs the specs in Debian's Chromium: no browser is downloaded.
import { fileURLToPath } from "node:url";

import { defineConfig } from "@playwright/test";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  testDir: here("specs"),
  outputDir: process.env.BROWSER_RESULTS ?? here("results"),
  // The specs share one database, so they run one after the other.
  workers: 1,
  fullyParallel: false,
  retries: 0,
  forbidOnly: true,
  timeout: 90_000,
  expect: { timeout: 10_000 },
  reporter: [["list"], [here("harness/nothing-skipped.mjs")]],
  use: {
    baseURL: process.env.CONSOLE_URL,
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    trace: "off",
    video: "off",
    screenshot: "off",
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      // No name but this machine's can be resolved, so a page that asks another host gets nothing from it.
      args: ["--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"],
    },
  },
});
