/** What is seen first of the page as it is built from this tree. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openBrowser, startRelay, useBrowser } from "../browser/browser.ts";
import { until } from "../browser/deadline.ts";
import { buildPage, Front } from "../browser/pages.ts";

useBrowser();

const folder = mkdtempSync(join(tmpdir(), "ferry-web-first-paint-"));
let front: Front;

beforeAll(async () => {
  front = await Front.to(await startRelay("alone"), await buildPage(folder));
});
afterAll(() => {
  front.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** Whether the page had the theme before the browser drew anything. */
async function themeAtFirstPaint(page: Page): Promise<{ theme: string; isFirst: boolean }> {
  return until("the page is drawn", () =>
    page.evaluate(() => {
      const [paint] = performance.getEntriesByName("first-paint");
      const { themed } = globalThis as unknown as { themed: { at: number; theme: string }[] };
      const [first] = themed;
      return paint === undefined || first === undefined
        ? undefined
        : { theme: first.theme, isFirst: first.at <= paint.startTime };
    }),
  );
}

describe("43: the first picture", () => {
  for (const [theme, system] of [
    ["dark", "light"],
    ["light", "dark"],
  ] as const) {
    it(`43: is ${theme} if the user has chosen so, also where the system is ${system}`, async () => {
      const context = await openBrowser(front, "desktop", { colorScheme: system, serviceWorkers: "block" });
      await context.addInitScript((chosen) => {
        // The empty page before has no settings.
        if (location.protocol === "about:") {
          return;
        }
        localStorage.setItem("ferry-settings", JSON.stringify({ theme: chosen }));
        const themed: { at: number; theme: string }[] = [];
        Object.assign(globalThis, { themed });
        new MutationObserver(() => {
          const its = document.documentElement?.dataset["theme"];
          if (its !== undefined && themed.length === 0) {
            themed.push({ at: performance.now(), theme: its });
          }
        }).observe(document, { attributes: true, subtree: true });
      }, theme);
      const page = await context.newPage();
      // The script comes late, as over a slow line. The browser has everything else by then.
      await page.route(/assets\/index-.*\.js$/, async (route) => {
        const answer = await route.fetch();
        await styled(page);
        await route.fulfill({ response: answer });
      });
      await page.goto(front.url);
      expect(await themeAtFirstPaint(page)).toEqual({ theme, isFirst: true });
    });
  }
});

it("F11: who comes in a private window is warned before the login", async () => {
  // Each of these browsers is one: nothing of it is left when it is closed.
  const context = await openBrowser(front);
  const page = await context.newPage();
  await page.goto(front.url);
  await page.getByText("If this is a private window, the history goes when you close it.").waitFor();
});

/** Waits until the browser has the styles, and has had the time to draw a page that may be drawn. */
async function styled(page: Page): Promise<void> {
  await until("the styles have come", () =>
    page.evaluate(() => {
      const has = document.styleSheets.length > 0;
      return has || undefined;
    }),
  );
  await page.evaluate(
    () =>
      new Promise<void>((resolve) => {
        // A page that is not to be drawn has no frames, so a few turns of the loop have to do.
        let turns = 0;
        const turn = () => {
          turns += 1;
          turns > 50 ? resolve() : setTimeout(turn);
        };
        turn();
      }),
  );
}
