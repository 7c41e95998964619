import { describe, expect, it } from "vitest";
import { isInstalled, openBrowser, openPage, PASSWORD, startRelay, useBrowser } from "../browser/browser.ts";
import { until } from "../browser/deadline.ts";
import { Person, twoPeople } from "../browser/person.ts";
import { BACKENDS } from "../browser/servers.ts";
import { roomOf, storedMessages, userOf } from "../browser/store.ts";

useBrowser();

/** How often a long fault happens. */
const ROUNDS = Number(process.env["FERRY_WEB_ROUNDS"] ?? 3);
/** The sends of each round of F2: with 20 rounds they are 1,000. */
const SENDS = ROUNDS < 20 ? 10 : 50;

describe.each(BACKENDS)("F16: over %s", (backend) => {
  it("F1: the network goes in the middle of a send, the page reloads, and all arrives once", async () => {
    const relay = await startRelay(backend);
    const line = await relay.line();
    const [ann, bob] = await twoPeople(relay, line);
    await isInstalled(bob.page);
    const texts: string[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const text = `round ${round}`;
      texts.push(text);
      await bob.composer.fill(text);
      await bob.composer.press("Enter");
      line.cut();
      await bob.sees(text);
      await bob.reload();
      await bob.sees(text);
      line.mend();
      await bob.hasSent(text);
    }
    await ann.hasTexts(["hello Bob", ...texts]);
    await bob.hasTexts(["hello Bob", ...texts]);
  });

  it("F2: the relay is killed while messages are sent, and each is shown once everywhere", async () => {
    const relay = await startRelay(backend);
    const [ann, bob] = await twoPeople(relay);
    const texts: string[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      for (let n = 0; n < SENDS; n += 1) {
        const text = `message ${round}.${n}.`;
        texts.push(text);
        await bob.composer.fill(text);
        await bob.composer.press("Enter");
      }
      await relay.stop("SIGKILL");
      await relay.restart();
    }
    await bob.hasSent(texts.at(-1) ?? "");
    // What waited in the memory of a relay that is killed is lost, and what the browsers have is not.
    const last = "the last one";
    await bob.say(last);
    await ann.sees(last);
    // The page has the last rows alone, and the disk has everything.
    expect(await storedTexts(bob)).toEqual(["hello Bob", ...texts, last]);
    const hers = await storedTexts(ann);
    expect(hers).toEqual([...new Set(hers)]);
    if (backend === "cluster") {
      await until("Ann has everything", async () => (await storedTexts(ann)).length === texts.length + 2);
      expect(await storedTexts(ann)).toEqual(["hello Bob", ...texts, last]);
    }
  });

  it("F5: tabs that refresh at once stay logged in", async () => {
    const relay = await startRelay(backend, ["--access-ttl", "60"]);
    const [ann, bob] = await twoPeople(relay);
    const tabs = [bob, await bob.again(bob.context), await bob.again(bob.context)];
    const refreshes = Math.max(ROUNDS, 100);
    for (let round = 0; round < refreshes; round += 1) {
      const statuses = await Promise.all(
        tabs.map(({ page }) =>
          page.evaluate(async () => {
            const answer = await fetch("/v1/sessions/refresh", { method: "POST", keepalive: true });
            return answer.status;
          }),
        ),
      );
      expect(statuses).toEqual([200, 200, 200]);
      if (round % (refreshes / 4) === 0) {
        await ann.say(`round ${round}.`);
        await bob.sees(`round ${round}.`);
      }
    }
    for (const tab of tabs) {
      await tab.isIn();
    }
  });
});

async function storedTexts({ page }: Person): Promise<unknown[]> {
  return (await storedMessages(page, await userOf(page), roomOf(page))).map(({ body }) => body);
}

describe("over alone", () => {
  it("F9: a clock that is a day off is told, and messages keep their order", async () => {
    const relay = await startRelay("alone");
    const bob = await Person.register(relay, "Bob");
    const ann = await Person.register(relay, "Ann");
    await ann.context.clock.setSystemTime(Date.now() + 86_400_000);
    await ann.writeTo(bob);
    await ann.say("from tomorrow");
    await bob.open("Ann");
    await bob.say("from today");
    await ann.hasTexts(["from tomorrow", "from today"]);
    await bob.hasTexts(["from tomorrow", "from today"]);
  });

  it("F10: an account that is deleted elsewhere says so, and its history is hidden", async () => {
    const relay = await startRelay("alone");
    const [, bob] = await twoPeople(relay);
    const second = await bob.again();
    const status = await second.page.evaluate(async () => {
      const body = JSON.stringify({ password: "grey heron at noon" });
      const headers = { "content-type": "application/json" };
      return (await fetch("/v1/me", { method: "DELETE", headers, body })).status;
    });
    expect(status).toBe(204);
    await bob.page.getByRole("heading", { name: "The account was deleted" }).waitFor();
    expect(await bob.page.getByText("hello Bob").count()).toBe(0);
  });

  it("F10: a login that ends elsewhere is told, and its history is there again for the same user", async () => {
    const relay = await startRelay("alone");
    const [ann, bob] = await twoPeople(relay);
    const second = await bob.again();
    const status = await second.page.evaluate(async () => {
      const { devices } = await (await fetch("/v1/sessions")).json();
      const other = devices.find(({ current }: { current: boolean }) => !current);
      return (await fetch(`/v1/sessions/${other.id}`, { method: "DELETE" })).status;
    });
    expect(status).toBe(204);
    await bob.page.getByRole("heading", { name: "You were logged out" }).waitFor();
    expect(await bob.page.getByText("hello Bob").count()).toBe(0);
    await bob.typePassword();
    await bob.isIn();
    await bob.open("Ann");
    await bob.sees("hello Bob");
    await ann.say("there you are");
    await bob.sees("there you are");
  });

  it("F10: a password that is changed elsewhere ends the login, and the new one brings it back", async () => {
    const relay = await startRelay("alone");
    const [, bob] = await twoPeople(relay);
    const second = await bob.again();
    await second.go("#/settings/account");
    await second.page.getByLabel("Password now").fill(PASSWORD);
    await second.page.getByLabel("New password").fill("another heron at dawn");
    await second.page.getByRole("button", { name: "Change the password" }).click();
    await second.page.getByText("Saved.").waitFor();
    await bob.page.getByRole("heading", { name: "You were logged out" }).waitFor();
    expect(await bob.page.getByText("hello Bob").count()).toBe(0);
    await bob.typePassword();
    await bob.page.getByText("The username or the password is wrong").waitFor();
    await bob.typePassword("another heron at dawn");
    await bob.isIn();
    await bob.open("Ann");
    await bob.sees("hello Bob");
  });

  it("F12: a page without HTTPS from another machine says that it needs it, before any login", async () => {
    const relay = await startRelay("alone");
    const port = new URL(relay.url).port;
    const elsewhere = "http://ferry.test";
    const page = await (await openBrowser({ url: elsewhere })).newPage();
    // This name is of no machine: the browser asks the relay here, and trusts it no more than another.
    await page.route(`${elsewhere}/**`, async (route) => {
      const path = new URL(route.request().url()).pathname;
      await route.fulfill({ response: await route.fetch({ url: `http://127.0.0.1:${port}${path}` }) });
    });
    await page.goto(elsewhere);
    await page.getByRole("heading", { name: "Ferry needs HTTPS" }).waitFor();
    expect(await page.getByLabel("Username").count()).toBe(0);
    // An answer that is still on its way, as of an icon, would find no page.
    await page.unrouteAll({ behavior: "wait" });
  });

  it("F15: a relay that starts again under an open tab is found again, and the text stays", async () => {
    const relay = await startRelay("alone");
    const [ann, bob] = await twoPeople(relay);
    await bob.composer.fill("half a sent");
    await relay.stop();
    await bob.page.getByText("Offline").first().waitFor();
    await relay.restart();
    await ann.say("it is back");
    await bob.sees("it is back");
    await bob.isCalm();
    expect(await bob.composer.inputValue()).toBe("half a sent");
    await bob.composer.pressSequentially("ence");
    await bob.composer.press("Enter");
    await ann.sees("half a sentence");
  });

  it("F3: a token that expires while one types is renewed, and nobody notices", async () => {
    const relay = await startRelay("alone", ["--access-ttl", "20"]);
    const [ann, bob] = await twoPeople(relay);
    await bob.composer.fill("I am still ");
    for (let round = 0; round < 2; round += 1) {
      await bob.page.waitForResponse(
        (answer) => answer.url().endsWith("/v1/sessions/refresh") && answer.ok(),
      );
    }
    await bob.isCalm();
    await bob.composer.pressSequentially("typing");
    await bob.composer.press("Enter");
    await ann.sees("I am still typing");
  });

  it("F8: a store that the browser evicts is said to be gone, and the login goes on", async () => {
    const relay = await startRelay("alone");
    const [ann, bob] = await twoPeople(relay);
    await bob.page.close();
    const page = await bob.context.newPage();
    await page.goto(`${relay.url}/docs`);
    const origin = new URL(relay.url).origin;
    const session = await bob.context.newCDPSession(page);
    await session.send("Storage.clearDataForOrigin", { origin, storageTypes: "indexeddb" });
    await page.close();
    const tab = await openPage(bob.context, relay);
    await tab.getByText("The browser has deleted the history").first().waitFor();
    await ann.say("are you there?");
    await tab.getByRole("link", { name: "Ann" }).first().click();
    await tab.getByText("are you there?").last().waitFor();
  });
});
