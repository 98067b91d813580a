// Proves that the harness finds each kind of fault: a harness that finds nothing would let every spec pass.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { servePages } from "./pages.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const PLAYWRIGHT = join(dirname(createRequire(import.meta.url).resolve("@playwright/test/package.json")), "cli.js");

const PASS = ["a clean page passes", "a status that is expected passes", "a clean page without JavaScript passes"];

// What the failure of each planted fault must say.
const FAIL = {
  "missing-label": /label: Form elements must have labels: #why/,
  pale: /color-contrast: .*#dddddd/s,
  "pale-in-the-dark": /color-contrast: .*background color: #111111/s,
  "too-wide": /elements that are too wide at 320 pixels/,
  "inline-handler": /console error: .*inline event handler/,
  "inline-style": /console error: .*inline style/,
  "console-error": /console error: it does not work/,
  "page-error": /page error: not caught/,
  "foreign-request": /policy violated: connect-src http:\/\/example\.org\/count/,
  "foreign-request-of-an-open-page": /foreign request: http:\/\/example\.org\/count/,
  "no-such-page": /console error: .*status of 404/,
  "in another session": /console error: it does not work/,
  "an allowance that is not needed": /allowed, and did not happen: .*403/,
};

async function run(origin, reporters) {
  const argv = [PLAYWRIGHT, "test", "--config", join(HERE, "playwright.config.mjs"), ...reporters];
  const child = spawn(process.execPath, argv, { env: { ...process.env, CONSOLE_URL: origin, FORCE_COLOR: "0" } });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"]) child[name].on("data", (chunk) => (output[name] += chunk));
  const status = await new Promise((ended) => child.on("close", ended));
  return { status, ...output };
}

const results = (suite) => [
  ...(suite.specs ?? []).map(({ title, tests }) => ({ title, ...tests[0].results[0] })),
  ...(suite.suites ?? []).flatMap(results),
];

test("each planted fault fails its test, and says why", async () => {
  const server = await servePages();
  try {
    const { status, stdout, stderr } = await run(server.origin, ["--reporter", "json"]);
    assert.notEqual(status, 0, stderr);
    const found = new Map(JSON.parse(stdout).suites.flatMap(results).map((result) => [result.title, result]));
    assert.deepEqual(
      [...found.keys()].sort(),
      [...PASS, ...Object.keys(FAIL), "a test that is skipped"].sort(),
    );
    const said = (title) => found.get(title).errors.map(({ message }) => message).join("\n");
    for (const title of PASS) assert.equal(found.get(title).status, "passed", `${title}: ${said(title)}`);
    for (const [title, reason] of Object.entries(FAIL)) {
      assert.equal(found.get(title).status, "failed", `${title} was not found`);
      assert.match(said(title), reason, title);
    }
  } finally {
    server.close();
  }
});

test("a skipped test fails the run", async () => {
  const server = await servePages();
  try {
    const { status, stdout, stderr } = await run(server.origin, ["--grep", "passes|skipped"]);
    assert.equal(status, 1, stdout);
    assert.match(stderr, /skipped: .*a test that is skipped/);
    assert.match(stdout, /3 passed/);
    assert.doesNotMatch(stdout, /failed/);
  } finally {
    server.close();
  }
});
