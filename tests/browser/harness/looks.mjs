// What every page must be like, in both colour schemes and at both widths.
import AxeBuilder from "@axe-core/playwright";
import { expect } from "@playwright/test";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
// The width of a page of 1280 pixels at 400 % zoom, and that of a desktop.
export const NARROW = { width: 320, height: 640 };
export const WIDE = { width: 1280, height: 900 };
export const THEMES = ["light", "dark"];

/** Fails with each rule that the page breaks, and where. */
export async function axe(page) {
  const { violations, passes } = await new AxeBuilder({ page }).withTags(RULES).analyze();
  const told = violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${help}: ${target.join(" ")}: ${failureSummary}`),
  );
  expect(told, `${page.url()}: what axe finds`).toEqual([]);
  // Without this, a page that axe could not read would be a page without faults.
  expect(passes.length, `${page.url()}: rules that the page keeps`).toBeGreaterThan(5);
}

/** Fails with the elements that reach beyond the right edge. Tables may scroll in a box of their own. */
export async function noHorizontalScroll(page) {
  const told = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const wide = [...document.querySelectorAll("body *")].filter(
      (element) => element.getBoundingClientRect().right > width + 1,
    );
    return wide.slice(0, 5).map((element) => `${element.tagName.toLowerCase()}.${element.className}: ${element.textContent.trim().slice(0, 60)}`)
      .concat(`${document.documentElement.scrollWidth} of ${width} pixels`);
  });
  expect(told, `${page.url()}: elements that are too wide at ${page.viewportSize().width} pixels`).toEqual([]);
}

/** All of it, in each colour scheme and at each width; leaves the page as it is usual. */
export async function looksRight(page) {
  for (const viewport of [NARROW, WIDE]) {
    await page.setViewportSize(viewport);
    await noHorizontalScroll(page);
    for (const colorScheme of THEMES) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await axe(page);
    }
  }
  await page.emulateMedia({ colorScheme: "light", reducedMotion: null });
}
