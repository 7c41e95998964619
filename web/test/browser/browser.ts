/** A browser with people in it. Whatever a page does that it must not do fails its test. */
import { join } from "node:path";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { DEADLINE, until } from "./deadline.ts";
import { type Backend, type Place, Relay } from "./servers.ts";

export const PASSWORD = "grey heron at noon";

export const PROGRAM = {
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
};

const SIZES: Record<"phone" | "desktop", BrowserContextOptions> = {
  phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
  desktop: { viewport: { width: 1440, height: 900 } },
};

let browser: Browser;
const contexts: BrowserContext[] = [];
const relays: Relay[] = [];
const faults: string[] = [];

/** Call this once in each file. */
export function useBrowser(): void {
  beforeAll(async () => {
    browser = await chromium.launch(PROGRAM);
  });
  afterAll(async () => {
    await browser.close();
    await Promise.all(relays.splice(0).map((relay) => relay.remove()));
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") {
      await takePictures(task.name);
    }
    await Promise.all(contexts.splice(0).map((context) => context.close()));
    // Scripts that were stopped, dialogs and requests to others would all be here.
    expect(faults.splice(0)).toEqual([]);
  });
}

/** What a failed test saw at the end, in `out`. */
async function takePictures(name: string): Promise<void> {
  const pages = contexts.flatMap((context) => context.pages());
  for (const [at, page] of pages.entries()) {
    const file = `${name.replace(/[^\w]+/g, "-").slice(0, 60)}-${at}.png`;
    await page.screenshot({ path: join(import.meta.dirname, "out", file) }).catch(() => undefined);
  }
}

export async function startRelay(backend: Backend, flags: string[] = []): Promise<Relay> {
  const relay = await Relay.start(backend, flags);
  relays.push(relay);
  return relay;
}

/** Notes what no page of Ferry does. */
export function watchFaults(context: BrowserContext, address: string): void {
  context.on("weberror", (error) => faults.push(`error: ${error.error().stack ?? error.error().message}`));
  context.on("console", (message) => {
    // A relay that is away, a login that is over, and HTTP are no faults of the page.
    const isExpected =
      /Failed to load resource|WebSocket connection to|Cross-Origin-Opener-Policy header has been ignored/.test(
        message.text(),
      );
    if ((message.type() === "error" && !isExpected) || message.text().includes("Content Security Policy")) {
      faults.push(`console: ${message.text()}`);
    }
  });
  context.on("dialog", async (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  context.on("request", (request) => {
    if (!request.url().startsWith(address) && !request.url().startsWith("blob:")) {
      faults.push(`request: ${request.url()}`);
    }
  });
}

/** A browser of its own: its cookies and its storage are shared with no other. */
export async function openBrowser(
  relay: Place,
  size: "phone" | "desktop" = "desktop",
  more: BrowserContextOptions = {},
): Promise<BrowserContext> {
  const context = await browser.newContext({ ...SIZES[size], locale: "en-GB", timezoneId: "UTC", ...more });
  contexts.push(context);
  watchFaults(context, relay.url);
  return context;
}

export async function openPage(context: BrowserContext, relay: Place, path = "/"): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(DEADLINE);
  await page.goto(relay.url + path);
  return page;
}

/** Waits until a page starts without the network. */
export async function isInstalled(page: Page): Promise<void> {
  await until("the service worker is in control", () =>
    page.evaluate(() => navigator.serviceWorker.controller?.state === "activated" || undefined),
  );
}
