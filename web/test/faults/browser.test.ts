import { mkdtempSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { describe, expect, it } from "vitest";
import { openBrowser, openPage, PROGRAM, startRelay, useBrowser } from "../browser/browser.ts";
import { until } from "../browser/deadline.ts";
import { Person, twoPeople } from "../browser/person.ts";

useBrowser();

/** How often a long fault happens. */
const ROUNDS = Number(process.env["FERRY_WEB_ROUNDS"] ?? 3);

describe("over alone", () => {
  it("F4: a tab that closes while it refreshes stays logged in", async () => {
    const relay = await startRelay("alone");
    const [ann, bob] = await twoPeople(relay);
    for (let round = 0; round < ROUNDS; round += 1) {
      const tab = await bob.again(bob.context);
      // The answer comes to nobody.
      const asked = tab.page.waitForRequest((request) => request.url().endsWith("/v1/sessions/refresh"));
      await tab.page.evaluate(() => {
        void fetch("/v1/sessions/refresh", { method: "POST", keepalive: true });
      });
      await asked;
      await tab.page.close();
      await ann.say(`round ${round}`);
      await bob.sees(`round ${round}`);
    }
    await bob.reload();
    await bob.open("Ann");
    await bob.say("still here");
    await ann.sees("still here");
  });

  it("F4: a browser that is killed after a refresh comes back with its login", async () => {
    const relay = await startRelay("alone");
    const folder = mkdtempSync(join(tmpdir(), "ferry-web-profile-"));
    try {
      const first = await chromium.launchPersistentContext(folder, PROGRAM);
      await Person.register(relay, "Bob", { context: first });
      // Now the login is on the disk.
      await first.close();
      const second = await chromium.launchPersistentContext(folder, PROGRAM);
      const page = await openPage(second, relay);
      const rooms = { name: "Rooms and people" };
      await page.getByRole("navigation", rooms).waitFor();
      const status = await page.evaluate(
        async () => (await fetch("/v1/sessions/refresh", { method: "POST", keepalive: true })).status,
      );
      expect(status).toBe(200);
      await kill(folder);
      await second.close().catch(() => undefined);
      // The cookies on the disk are those from before the refresh.
      const third = await chromium.launchPersistentContext(folder, PROGRAM);
      const back = await openPage(third, relay);
      await back.getByRole("navigation", rooms).waitFor();
      const again = await back.evaluate(
        async () => (await fetch("/v1/sessions/refresh", { method: "POST", keepalive: true })).status,
      );
      expect(again).toBe(200);
      await third.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("F11: a browser that stores nothing is refused before the login", async () => {
    const relay = await startRelay("alone");
    const context = await openBrowser(relay);
    await context.addInitScript(() => {
      IDBFactory.prototype.open = () => {
        throw new DOMException("blocked", "SecurityError");
      };
    });
    const page = await openPage(context, relay);
    await page.getByRole("heading", { name: "The browser stores nothing" }).waitFor();
    expect(await page.getByLabel("Username").count()).toBe(0);
  });

  it("F11: a browser without cookies is refused before the login", async () => {
    const relay = await startRelay("alone");
    const context = await openBrowser(relay);
    await context.addInitScript(() => {
      Object.defineProperty(Document.prototype, "cookie", { get: () => "", set: () => undefined });
    });
    const page = await openPage(context, relay);
    await page.getByRole("heading", { name: "Cookies are blocked" }).waitFor();
    expect(await page.getByLabel("Username").count()).toBe(0);
  });

  it("F13: an old tab lets go of a store that a newer version changes, and asks for a reload", async () => {
    const relay = await startRelay("alone");
    const [, bob] = await twoPeople(relay);
    const tab = await bob.context.newPage();
    await tab.goto(`${relay.url}/docs`);
    await tab.evaluate(async () => {
      const stores = (await indexedDB.databases()).filter(({ name }) => name !== "ferry");
      const store = stores[0];
      await new Promise<void>((resolve, reject) => {
        const request = indexedDB.open(store?.name ?? "", (store?.version ?? 0) + 1);
        request.onsuccess = () => resolve(request.result.close());
        request.onerror = () => reject(request.error);
      });
    });
    await bob.page.getByRole("heading", { name: "A new version is here" }).waitFor();
    await tab.close();
  });
});

/** Kills the browser of a profile, as a crash would. Its lock names the process. */
async function kill(folder: string): Promise<void> {
  const pid = Number(/-(\d+)$/.exec(readlinkSync(join(folder, "SingletonLock")))?.[1]);
  process.kill(pid, "SIGKILL");
  await until("the browser is dead", () => {
    try {
      process.kill(pid, 0);
      return undefined;
    } catch {
      return true;
    }
  });
}
