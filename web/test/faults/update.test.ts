/** Two versions of the page, built one after the other, and relays that have the one or the other. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { isInstalled, openBrowser, openPage, startRelay, useBrowser } from "../browser/browser.ts";
import { until } from "../browser/deadline.ts";
import { type Built, buildPage, Front } from "../browser/pages.ts";
import { Person, twoPeople } from "../browser/person.ts";
import type { Relay } from "../browser/servers.ts";

useBrowser();

const folder = mkdtempSync(join(tmpdir(), "ferry-web-pages-"));
let relay: Relay;
let older: Built;
let newer: Built;
/** As `newer`, and its store has another form. */
let reformed: Built;
const fronts: Front[] = [];

const NEXT = {
  file: "src/i18n/en/shell.ts",
  from: /"A new version of Ferry is ready/,
  to: '"A newer Ferry is ready',
};
const SCHEMA = { file: "src/db/schema.ts", from: /const VERSION = \d+/, to: "const VERSION = 1_000" };

beforeAll(async () => {
  relay = await startRelay("alone");
  older = await buildPage(join(folder, "older"));
  newer = await buildPage(join(folder, "newer"), [NEXT]);
  reformed = await buildPage(join(folder, "reformed"), [NEXT, SCHEMA]);
});
afterEach(() => {
  for (const front of fronts.splice(0)) {
    front.remove();
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function frontOf(built: Built): Promise<Front> {
  const front = await Front.to(relay, built);
  fronts.push(front);
  return front;
}

const versionOf = (page: Page) =>
  page.evaluate(() => document.querySelector<HTMLMetaElement>('meta[name="ferry-version"]')?.content);

async function shows(page: Page, built: Built): Promise<void> {
  await until(
    "the page is of the version",
    async () => (await versionOf(page)) === built.version || undefined,
  );
}

/** The versions on the disk of a browser. */
const onDisk = (page: Page) =>
  page.evaluate(async () => (await caches.keys()).map((name) => name.replace("ferry-page-", "")).sort());

/** Asks for a newer service worker, and returns what became of it. */
const look = (page: Page) =>
  page.evaluate(async () => {
    const { installing, waiting } = (await (await navigator.serviceWorker.getRegistration())?.update()) ?? {};
    const worker = installing ?? waiting;
    return new Promise<string>((resolve) => {
      const tell = () => /activated|redundant/.test(worker?.state ?? "") && resolve(worker?.state ?? "");
      worker?.addEventListener("statechange", tell);
      tell();
      if (worker === undefined || worker === null) {
        resolve("none");
      }
    });
  });

/** The version of the service worker in control. */
const inControl = (page: Page) =>
  page.evaluate(
    () =>
      new Promise<string>((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = ({ data }) => resolve(data);
        navigator.serviceWorker.controller?.postMessage("version", [port2]);
      }),
  );

/** The relay goes away, and comes back with the newer page. */
async function upgrade(front: Front, page: Page): Promise<void> {
  await front.without(async () => {
    await page.getByText("Offline").first().waitFor();
    front.pages = () => newer;
  });
}

describe("51, F15: the relay is upgraded under an open tab", () => {
  let front: Front;
  let bob: Person;

  it("the user is offered the new page, and has it after a click, with the draft", async () => {
    front = await frontOf(older);
    [, bob] = await twoPeople(front);
    const { page } = bob;
    await isInstalled(page);
    await page.evaluate(() => Object.assign(globalThis, { isTheSame: true }));
    await bob.composer.fill("half a sent");
    await upgrade(front, page);
    await page.getByText("A new version of Ferry is ready").waitFor();
    await until("both are stored", async () => (await onDisk(page)).length === 2 || undefined);
    // The old page goes on, also with what it has not loaded yet and the relay has no more.
    await bob.composer.pressSequentially("ence");
    await page.getByRole("button", { name: "Emoji", exact: true }).click();
    await page
      .getByRole("dialog")
      .getByRole("button", { name: /grinning/ })
      .first()
      .waitFor();
    await page.keyboard.press("Escape");
    expect(await page.evaluate(() => "isTheSame" in globalThis)).toBe(true);
    await page.getByRole("button", { name: "Reload" }).click();
    await shows(page, newer);
    await until(
      "the draft",
      async () => (await bob.composer.inputValue()) === "half a sentence" || undefined,
    );
    await page.getByText(/new version of Ferry|newer Ferry/).waitFor({ state: "detached" });
    await until("the old one is gone", async () => (await onDisk(page)).length === 1 || undefined);
    await front.without(() => bob.reload());
    await shows(page, newer);
  });

  it("an empty device is told so, and of the new page too", async () => {
    front = await frontOf(older);
    const [ann] = await twoPeople(front);
    const other = await ann.again();
    await isInstalled(other.page);
    await other.page.getByText("This device starts empty").first().waitFor();
    await upgrade(front, other.page);
    await other.page.getByText("A new version of Ferry is ready").waitFor();
    await other.page.getByText("This device starts empty").first().waitFor();
  });
});

describe("F13: the store has a newer form than the page", () => {
  it("a reload brings the page that can read it, although it cannot be stored", async () => {
    const front = await frontOf(older);
    const [ann, bob] = await twoPeople(front);
    await isInstalled(bob.page);
    await bob.composer.fill("a draft");
    await bob.page.getByRole("navigation", { name: "Rooms and people" }).getByText("Draft:").waitFor();
    front.pages = () => reformed;
    front.missing.add("/icons/icon.svg");
    // A tab past the service worker, as with a reload that the user forces.
    const tab = await openPage(bob.context, front, "/?newest");
    await shows(tab, reformed);
    await bob.page.getByRole("heading", { name: "A new version is here" }).waitFor();
    // By itself nothing else comes, and the stored page would come again for ever.
    await bob.page.getByRole("button", { name: "Reload" }).click();
    await shows(bob.page, reformed);
    await until("the address is as before", () => new URL(bob.page.url()).search === "" || undefined);
    await until("the draft", async () => (await bob.composer.inputValue()) === "a draft" || undefined);
    await bob.reload();
    await shows(bob.page, reformed);
    await ann.say("and it works");
    await bob.sees("and it works");
    // Once it can be stored, it is.
    front.missing.clear();
    expect(await look(bob.page)).toBe("activated");
    await front.without(() => bob.reload());
    await shows(bob.page, reformed);
  });
});

describe("two relays of different versions behind one name", () => {
  it("the newer page stays, whichever relay answers", async () => {
    const front = await frontOf(newer);
    const [, bob] = await twoPeople(front);
    const { page } = bob;
    await isInstalled(page);
    for (let round = 0; round < 2; round += 1) {
      front.pages = () => older;
      expect(await look(page)).toBe("redundant");
      expect(await inControl(page)).toBe(newer.version);
      front.pages = () => newer;
      expect(await look(page)).toBe("none");
    }
    await bob.reload();
    await shows(page, newer);
    expect(await page.getByText(/newer Ferry/).count()).toBe(0);
  });
});

describe("a relay without the web client", () => {
  it("leaves an open page and what is typed alone, and the service worker goes with the last page", async () => {
    const front = await frontOf(older);
    const [ann, bob] = await twoPeople(front);
    const { page } = bob;
    await isInstalled(page);
    await bob.composer.fill("half a sent");
    front.farewell = readFileSync(join(import.meta.dirname, "../../../src/http/farewell.js"), "utf8");
    front.pages = () => undefined;
    expect(await look(page)).toBe("activated");
    await page.getByRole("button", { name: "Emoji", exact: true }).click();
    await page
      .getByRole("dialog")
      .getByRole("button", { name: /grinning/ })
      .first()
      .waitFor();
    await page.keyboard.press("Escape");
    await bob.composer.pressSequentially("ence");
    await bob.composer.press("Enter");
    await ann.sees("half a sentence");
    await page.close();
    const tab = await bob.context.newPage();
    await until("the files are gone", async () => {
      await tab.goto(front.url);
      return tab.evaluate(
        async () =>
          ((await caches.keys()).length === 0 &&
            (await navigator.serviceWorker.getRegistration()) === undefined) ||
          undefined,
      );
    });
  });
});

describe("a part of the page that does not load", () => {
  it("is there after another click", async () => {
    const front = await frontOf(older);
    // Nothing is stored in this browser.
    const context = await openBrowser(front, "desktop", { serviceWorkers: "block" });
    const bob = await Person.register(front, "Bob", { context });
    const settings = readdirSync(join(older.folder, "assets")).find((name) => name.startsWith("settings-"));
    front.missing.add(`/assets/${settings}`);
    await bob.go("#/settings");
    const button = bob.page.getByRole("button", { name: "Try again" });
    await button.click();
    await button.waitFor();
    front.missing.clear();
    await button.click();
    await bob.page.getByRole("heading", { name: "Settings" }).waitFor();
  });
});
