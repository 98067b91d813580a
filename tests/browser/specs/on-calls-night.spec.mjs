// The main job: orders of a product that nobody gave points became dead letters, and become points.
import { balances, creditsOf, deadOrders, nothingOpen, number, previewAll, replayEnds, rows, submit } from "../harness/desk.mjs";
import { expect, test } from "../harness/test.mjs";

const ORDERS = 30;
const POINTS = 500;

for (const javaScriptEnabled of [true, false]) {
  test(`thirty orders of an unknown product are credited ${javaScriptEnabled ? "with" : "without"} JavaScript`, async ({ signIn, watch }) => {
    test.setTimeout(240_000);
    nothingOpen();
    const product = await deadOrders(ORDERS);
    const page = await signIn("olga", ["operator"], { javaScriptEnabled });

    await test.step("the list shows what is at stake", async () => {
      await page.goto("/dead");
      await expect(page).toHaveTitle(`${ORDERS} open dead letters - PayNow console`);
      // A slow console shows for a while what it has added up before, and how old that is.
      await expect(async () => {
        await page.reload();
        const groups = await rows(page, "By reason");
        expect(groups.map(([reason, state, letters]) => [reason, state, letters])).toEqual([
          ["unknown_product", "open", String(ORDERS)],
        ]);
      }).toPass({ timeout: 30_000 });
    });

    await test.step("without points, the preview says that all die again", async () => {
      await previewAll(page);
      await expect(page.getByRole("heading", { level: 1 })).toHaveText(`Replay ${ORDERS} dead letters?`);
      const planned = await rows(page, "Letters, 200 at most");
      expect(new Set(planned.map(([, , , wouldBe]) => wouldBe))).toEqual(new Set(["dead again"]));
    });

    await test.step("with points, it says what each wallet gets", async () => {
      await page.goto("/products");
      await submit(page, "price", { product, points: String(POINTS), why: "the price was missing" });
      await page.goto(`/products/${product}`);
      await expect(page.getByRole("region", { name: "Every price that it had" })).toContainText("olga");
      await previewAll(page);
      const planned = await rows(page, "Letters, 200 at most");
      expect(planned).toHaveLength(ORDERS);
      expect(new Set(planned.map(([, , , wouldBe]) => wouldBe))).toEqual(new Set(["applied"]));
    });

    const expected = (await rows(page, "Wallets, the lowest balance first, 200 at most")).map(
      ([wallet, before, change, after]) => [wallet, ...[before, change, after].map(number)],
    );
    expect(expected).toHaveLength(10);
    const known = balances();
    for (const [wallet, before] of expected) expect(known.get(wallet) ?? "0", wallet).toBe(before);

    await test.step("another number than that of the letters is refused", async () => {
      const preview = page.url();
      watch.allowStatus(422);
      await submit(page, "go", { why: "the points are set", count: String(ORDERS - 1) });
      await expect(page.getByRole("main")).toContainText(`these are ${ORDERS} letters`);
      expect(creditsOf(product)).toBe(0);
      await page.goto(preview);
    });

    await test.step("the replay begins with one letter, and applies all", async () => {
      await submit(page, "go", { why: "the points are set", count: String(ORDERS), canary: "1" });
      await expect(page).toHaveURL(/\/replays\/\d+$/);
      await replayEnds(page, new RegExp(`${ORDERS} of ${ORDERS} letters applied`));
    });

    const now = balances();
    for (const [wallet, , , after] of expected) expect(now.get(wallet), wallet).toBe(after);
    expect(creditsOf(product)).toBe(ORDERS);

    await test.step("the invariants hold", async () => {
      await page.goto("/checks");
      await submit(page, "check");
      await expect(page.getByRole("main")).toContainText("Nothing is wrong");
    });
  });
}
