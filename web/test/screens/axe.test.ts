import axe from "axe-core";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { STORIES } from "../stories/story-list.ts";
import { inWorld, open, useBrowser } from "./browser.ts";

useBrowser();

async function violations(page: Page, where: string): Promise<string[]> {
  await page.evaluate(axe.source);
  const found = (await page.evaluate(
    "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })",
  )) as axe.AxeResults;
  return found.violations.flatMap(({ id, nodes }) =>
    nodes.map(
      ({ html, failureSummary = "" }) =>
        `${where}: ${id}: ${html.slice(0, 120)} ${failureSummary.split("\n")[1]}`,
    ),
  );
}

/** No page scrolls sideways at 320 px, which is 1280 px at 400 %. */
async function isTooWide(page: Page): Promise<boolean> {
  return page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
}

/** Each theme and each width. With `FERRY_WEB_ALL` set, each theme in each width. */
const VIEWS = [
  { width: 1_280, themes: process.env["FERRY_WEB_ALL"] === undefined ? ["light"] : ["light", "dark"] },
  { width: 320, themes: process.env["FERRY_WEB_ALL"] === undefined ? ["dark"] : ["light", "dark"] },
];

describe("38 the screens are usable by everybody", () => {
  for (const story of Object.keys(STORIES)) {
    it(`38 ${story}: both themes, wide and at 320 px`, async () => {
      const page = await open({ story });
      const found: string[] = [];
      for (const { width, themes } of VIEWS) {
        await page.setViewportSize({ width, height: 800 });
        for (const theme of themes) {
          await inWorld(page, `ferry.app.settings.set({ theme: "${theme}" })`);
          await page.locator(`html[data-theme=${theme}]`).waitFor();
          found.push(...(await violations(page, `${width} ${theme}`)));
        }
        if (await isTooWide(page)) {
          found.push(`${width}: scrolls sideways`);
        }
      }
      expect(found).toEqual([]);
    });
  }
});
