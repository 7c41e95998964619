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

/**
 * No page, and nothing that scrolls in it, scrolls sideways at 320 px, which is 1280 px at 400 %.
 * Returns what does.
 */
async function tooWide(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const inner = ".page, .scroll, .alone, .dialog, .timeline, .panes, .main-pane, .side-pane, .list-pane";
    return [document.documentElement, ...document.querySelectorAll(inner)]
      .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
      .map(({ tagName, className }) => `${innerWidth}: ${tagName} ${className} scrolls sideways`);
  });
}

/** Shows the page in a language, once its words have come. */
async function speak(page: Page, language: string): Promise<void> {
  const before = await page.locator("#app").textContent();
  await inWorld(page, `ferry.app.settings.set({ language: "${language}" })`);
  await page.waitForFunction((was) => document.querySelector("#app")?.textContent !== was, before);
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
        found.push(...(await tooWide(page)));
      }
      // The last width is the narrow one. Other languages have longer words.
      for (const language of ["ru", "pseudo"]) {
        await speak(page, language);
        found.push(...(await tooWide(page)).map((what) => `${language} ${what}`));
      }
      expect(found).toEqual([]);
    });
  }
});
