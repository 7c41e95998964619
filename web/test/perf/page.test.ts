import { describe, it } from "vitest";
import { openBrowser, startRelay, useBrowser } from "../browser/browser.ts";
import { noteMedian, TIMES } from "./figures.ts";

useBrowser();

describe("a browser that was never here", () => {
  it("starts cold", async () => {
    const relay = await startRelay("alone");
    const paints: number[] = [];
    const usable: number[] = [];
    for (let time = 0; time < TIMES; time += 1) {
      const context = await openBrowser(relay);
      const page = await context.newPage();
      await page.goto(relay.url);
      await page.getByLabel("Username").waitFor();
      usable.push(await page.evaluate(() => performance.now()));
      paints.push(
        await page.evaluate(
          () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Number.NaN,
        ),
      );
      await context.close();
    }
    noteMedian("cold: first paint", paints, 300);
    noteMedian("cold: login usable", usable, 600);
  });
});
