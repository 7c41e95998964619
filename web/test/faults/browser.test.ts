import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { openBrowser, openPage, startRelay, useBrowser } from "../browser/browser.ts";
import { Person, twoPeople } from "../browser/person.ts";
import { Profile } from "../browser/profile.ts";

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
    const profile = new Profile();
    const refresh = (page: Page) =>
      page.evaluate(
        async () => (await fetch("/v1/sessions/refresh", { method: "POST", keepalive: true })).status,
      );
    const rooms = { name: "Rooms and people" };
    try {
      await Person.register(relay, "Bob", { context: await profile.start(relay) });
      // Now the login is on the disk.
      await profile.stop();
      const page = await openPage(await profile.start(relay), relay);
      await page.getByRole("navigation", rooms).waitFor();
      expect(await refresh(page)).toBe(200);
      await profile.kill();
      // The cookies on the disk are those from before the refresh.
      const back = await openPage(await profile.start(relay), relay);
      await back.getByRole("navigation", rooms).waitFor();
      expect(await refresh(back)).toBe(200);
    } finally {
      await profile.remove();
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
