// What somebody finds who is not signed in.
import { expect, looksRight, test } from "../harness/test.mjs";

// The headers of every answer, also of those that say no.
const HEADERS = {
  "cross-origin-opener-policy": /^same-origin$/,
  "cross-origin-resource-policy": /^same-origin$/,
  "referrer-policy": /^same-origin$/,
  "x-content-type-options": /^nosniff$/,
  "x-frame-options": /^DENY$/,
  "content-security-policy": /^default-src 'none';.*frame-ancestors 'none'/,
};

test("whom no proxy has signed in is told why, and sees nothing", async ({ page, server, watch }) => {
  watch.allow(/responded with a status of 4\d\d /);
  const answer = await page.goto("/login");
  expect(answer.ok()).toBe(false);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.getByRole("main")).toContainText("nobody can sign in here");
  await expect(page.getByRole("navigation", { name: "Main" })).toHaveCount(0);
  await looksRight(page);
});

test("a link leads through the sign-in and back to where it points", async ({ newSession, server }) => {
  const page = await newSession({ extraHTTPHeaders: server.headersOf("berta", ["viewer"]) });
  await page.goto("/me");
  await expect(page).toHaveURL(/\/(me|login\?next=%2Fme)$/);
  await page.goto("/login?next=%2Fme");
  await looksRight(page);
  await page.getByRole("button", { name: "Continue as berta" }).click();
  await expect(page).toHaveURL(/\/me$/);
  await expect(page.getByText("Signed in as berta")).toBeVisible();
});

for (const next of ["https://example.org/", "//example.org/", "/\\example.org", "javascript:alert(1)"]) {
  test(`the sign-in does not lead to ${next}`, async ({ newSession, server, baseURL }) => {
    const page = await newSession({ extraHTTPHeaders: server.headersOf("berta", ["viewer"]) });
    await page.goto(`/login?next=${encodeURIComponent(next)}`);
    await page.getByRole("button", { name: "Continue as berta" }).click();
    await expect(page.getByText("Signed in as berta")).toBeVisible();
    expect(new URL(page.url()).origin).toBe(new URL(baseURL).origin);
  });
}

test("every answer has the headers that protect it", async ({ page, server, request }) => {
  for (const path of ["/login", "/me", "/no-such-page", "/assets/no-such-file", "/healthz"]) {
    const answer = await request.get(path, { maxRedirects: 0, failOnStatusCode: false });
    for (const [name, value] of Object.entries(HEADERS)) {
      expect(answer.headers()[name], `${path}: ${answer.status()}: ${name}`).toMatch(value);
    }
  }
});
