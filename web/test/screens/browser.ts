/** A browser over the stories. Whatever a page does that it must not do fails its test. */
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";

export interface Options {
  story: string;
  size?: "phone" | "desktop";
  more?: string;
}

const SIZES: Record<"phone" | "desktop", BrowserContextOptions> = {
  phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
  desktop: { viewport: { width: 1440, height: 900 } },
};
const address = process.env["FERRY_STORIES"] ?? "";
let browser: Browser;
const contexts: BrowserContext[] = [];
const faults: string[] = [];

/** Call this once in each file. */
export function useBrowser(): void {
  beforeAll(async () => {
    if (address === "") {
      throw new Error("start these tests with ./e2e screens");
    }
    browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    await Promise.all(contexts.splice(0).map((context) => context.close()));
    // Scripts that were stopped, dialogs and requests to others would all be here.
    expect(faults.splice(0)).toEqual([]);
  });
}

export async function open({ story, size = "desktop", more = "" }: Options): Promise<Page> {
  const context = await browser.newContext({ ...SIZES[size], locale: "en-GB", timezoneId: "UTC" });
  contexts.push(context);
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await context.newPage();
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" || message.text().includes("Content Security Policy")) {
      faults.push(`console: ${message.text()}`);
    }
  });
  page.on("dialog", async (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(address) && !request.url().startsWith("blob:")) {
      faults.push(`request: ${request.url()}`);
    }
  });
  await page.goto(`${address}?still&story=${story}${more}`);
  await page.locator("#app :is(main, [role=main], nav)").first().waitFor();
  await page.waitForLoadState("networkidle");
  return page;
}

/** The intents of a name, with their values. */
export async function calls(page: Page, name: string): Promise<unknown[][]> {
  const all = await page.evaluate("ferry.app.calls");
  return (all as [string, ...unknown[]][]).filter(([one]) => one === name).map(([, ...values]) => values);
}

/** Runs in the page, where `ferry` is the world. */
export function inWorld<T>(page: Page, code: string): Promise<T> {
  return page.evaluate(code) as Promise<T>;
}

/** The next request of the page gets this problem. */
export function fail(page: Page, problem: object): Promise<unknown> {
  return page.evaluate(`ferry.app.problems.push(${JSON.stringify(problem)})`);
}

/** Waits until something holds. A busy machine may be slow; a failure tells what was last. */
export async function eventually<T>(read: () => Promise<T>, wanted: T): Promise<void> {
  await expect.poll(read, { timeout: 20_000, interval: 25 }).toEqual(wanted);
}
