// A correction takes two people, and the same person is never both.
import { form, submit } from "../harness/desk.mjs";
import { ctl, expect, flake, looksRight, sql, test } from "../harness/test.mjs";

const entries = (wallet) => Number(sql(`SELECT count(*) FROM ledger_entries WHERE wallet_id = ${wallet}`)[0]);
const balance = (wallet) => sql(`SELECT balance FROM wallets WHERE wallet_id = ${wallet}`)[0];
const state = (request) => sql(`SELECT state FROM correction_requests WHERE request_id = ${request}`)[0];

/** A wallet with 100 points. */
function walletWithPoints() {
  const wallet = flake();
  ctl("correct", "--wallet", wallet, "--points", "100", "--key", `four-eyes-${wallet}`, "--by", "tests", "--why", "to begin with", "--yes");
  return wallet;
}

async function ask(page, wallet, points) {
  await page.goto("/corrections");
  await submit(page, "correct", { wallet, points: String(points), why: "the parcel was lost", ticket: "4711" });
  await expect(page).toHaveURL(/\/corrections\/\d+$/);
  return page.url().split("/").pop();
}

/** Sends a form that the page does not let this person send. */
async function force(page, id, fields) {
  await form(page, id).locator("fieldset").evaluate((fieldset) => fieldset.removeAttribute("disabled"));
  await submit(page, id, fields);
}

for (const javaScriptEnabled of [true, false]) {
  test(`one person asks and another one approves ${javaScriptEnabled ? "with" : "without"} JavaScript`, async ({ signIn }) => {
    const wallet = walletWithPoints();
    const support = await signIn("sven", ["support"], { javaScriptEnabled });
    const request = await ask(support, wallet, 50);
    expect(balance(wallet)).toBe("100");
    const approver = await signIn("aida", ["approver"], { javaScriptEnabled });
    await approver.goto(`/corrections/${request}`);
    await expect(approver.getByRole("region", { name: "The request" })).toContainText("150");
    await submit(approver, "decide", { verdict: "approve", why: "the tracking says so" });
    await expect(approver.getByRole("heading", { level: 1 })).toHaveText(`Correction ${request}: approved`);
    expect(balance(wallet)).toBe("150");
    await support.reload();
    await expect(support.getByRole("region", { name: "The request" })).toContainText("aida");
  });
}

for (const [asks, decides] of [["aida", "aida"], ["Aida", "aida"]]) {
  test(`${decides} cannot approve what ${asks} asked for`, async ({ signIn, watch }) => {
    watch.allowStatus(403);
    const wallet = walletWithPoints();
    const request = await ask(await signIn(asks, ["approver"]), wallet, 50);
    const page = await signIn(decides, ["approver"]);
    await page.goto(`/corrections/${request}`);
    await expect(form(page, "decide").getByRole("button")).toBeDisabled();
    await expect(page.getByRole("main")).toContainText("somebody else must decide about a request of yours");
    await looksRight(page);
    await force(page, "decide", { verdict: "approve", why: "I am sure" });
    await expect(page.getByRole("main")).not.toContainText("approved");
    expect(state(request)).toBe("waiting");
    expect(balance(wallet)).toBe("100");
  });
}

test("who may only ask cannot decide", async ({ signIn, watch }) => {
  watch.allowStatus(403);
  const wallet = walletWithPoints();
  const request = await ask(await signIn("sven", ["support"]), wallet, 50);
  const page = await signIn("simone", ["support"]);
  await page.goto(`/corrections/${request}`);
  await expect(form(page, "decide").getByRole("button")).toBeDisabled();
  await force(page, "decide", { verdict: "approve", why: "it is fine" });
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Not allowed");
  await expect(page.getByRole("main")).toContainText("approver");
  expect(state(request)).toBe("waiting");
});

test("of two approvers at once, one decides, and the points move once", async ({ signIn, watch }) => {
  watch.allow(/responded with a status of 409 /);
  const wallet = walletWithPoints();
  const request = await ask(await signIn("sven", ["support"]), wallet, 50);
  const pages = [await signIn("aida", ["approver"]), await signIn("arne", ["approver"])];
  for (const page of pages) await page.goto(`/corrections/${request}`);
  await Promise.all(pages.map((page) => submit(page, "decide", { verdict: "approve", why: "it is fine" })));
  for (const page of pages) await page.waitForLoadState();
  expect(state(request)).toBe("approved");
  expect(balance(wallet)).toBe("150");
  expect(entries(wallet)).toBe(2);
});

test("a balance that moved since the approver looked is shown again first", async ({ signIn, watch }) => {
  watch.allowStatus(409);
  const wallet = walletWithPoints();
  const request = await ask(await signIn("sven", ["support"]), wallet, -100);
  const page = await signIn("aida", ["approver"]);
  await page.goto(`/corrections/${request}`);
  ctl("correct", "--wallet", wallet, "--points", "-60", "--key", `moved-${wallet}`, "--by", "tests", "--why", "meanwhile", "--yes");
  await submit(page, "decide", { verdict: "approve", why: "it is fine" });
  expect(balance(wallet)).toBe("40");
  expect(state(request)).toBe("waiting");
  await page.goto(`/corrections/${request}`);
  await expect(page.getByRole("main")).toContainText("The balance has moved since the request was made");
});
