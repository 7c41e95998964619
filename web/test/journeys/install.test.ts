import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { describe, expect, it } from "vitest";
import {
  isInstalled,
  openBrowser,
  PROGRAM,
  startRelay,
  useBrowser,
  watchFaults,
} from "../browser/browser.ts";
import { until } from "../browser/deadline.ts";
import { Person } from "../browser/person.ts";

useBrowser();

describe("52: the page as an app", () => {
  it("can be installed", async () => {
    const relay = await startRelay("alone");
    // A browser whose storage lasts: no other installs anything.
    const folder = mkdtempSync(join(tmpdir(), "ferry-web-profile-"));
    const context = await chromium.launchPersistentContext(folder, PROGRAM);
    try {
      watchFaults(context, relay.url);
      const ann = await Person.register(relay, "Ann", { context });
      await isInstalled(ann.page);
      const devtools = await context.newCDPSession(ann.page);
      const { url, errors } = await devtools.send("Page.getAppManifest");
      expect([url, errors]).toEqual([`${relay.url}/manifest.webmanifest`, []]);
      const { installabilityErrors } = await devtools.send("Page.getInstallabilityErrors");
      expect(installabilityErrors).toEqual([]);
    } finally {
      await context.close();
      rmSync(folder, { recursive: true });
    }
  });

  it("shows on its icon how many messages are unread", async () => {
    const relay = await startRelay("alone");
    const context = await openBrowser(relay);
    await context.addInitScript(() => {
      const badges: number[] = [];
      Object.assign(globalThis, { badges });
      Object.assign(navigator, {
        setAppBadge: async (count: number) => badges.push(count),
        clearAppBadge: async () => badges.push(0),
      });
    });
    const bob = await Person.register(relay, "Bob", { context });
    const ann = await Person.register(relay, "Ann");
    const badge = (count: number) =>
      until(`the badge says ${count}`, () =>
        bob.page.evaluate((wanted) => {
          const { badges } = globalThis as unknown as { badges: number[] };
          return badges.at(-1) === wanted || undefined;
        }, count),
      );
    await badge(0);
    await ann.writeTo(bob);
    await ann.say("one");
    await ann.say("two");
    await badge(2);
    await bob.open("Ann");
    await badge(0);
  });
});
