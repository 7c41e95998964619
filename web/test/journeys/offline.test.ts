import { describe, expect, it } from "vitest";
import { isInstalled, openPage, startRelay, useBrowser } from "../browser/browser.ts";
import { twoPeople } from "../browser/person.ts";
import { BACKENDS } from "../browser/servers.ts";

useBrowser();

describe.each(BACKENDS)("over %s", (backend) => {
  it("J4: on a train, one reads, searches and writes; all is sent once and in order later", async () => {
    const relay = await startRelay(backend);
    const line = await relay.line();
    const [ann, bob] = await twoPeople(relay, line);
    await isInstalled(bob.page);
    line.cut();
    await bob.page.getByText("Offline").first().waitFor();
    const written = ["first", "second", "third"].map((text) => `${text} from the train`);
    for (const text of written) {
      await bob.say(text);
    }
    await bob.page.getByText("3 messages will be sent").waitFor();
    // Meanwhile Ann writes, and Bob's page starts again without the network.
    await ann.say("are you there?");
    await bob.reload();
    await bob.hasTexts(["hello Bob", ...written]);
    await bob.go("#/search");
    await bob.page.getByRole("searchbox", { name: "Words in messages" }).fill("HELLO");
    await bob.page.getByRole("main").getByText("hello Bob").first().waitFor();
    await bob.page.goBack();
    line.mend();
    await bob.sees("are you there?");
    for (const text of written) {
      await bob.hasSent(text);
    }
    await ann.hasTexts(["hello Bob", "are you there?", ...written]);
  });

  it("52: the page starts with its history while the relay is down", async () => {
    const relay = await startRelay(backend);
    const [ann, bob] = await twoPeople(relay);
    await isInstalled(bob.page);
    await relay.stop();
    const tab = await openPage(bob.context, relay);
    await tab.getByRole("link", { name: "Ann" }).first().click();
    await tab.getByRole("log", { name: "Messages" }).getByText("hello Bob").waitFor();
    await tab.getByText("Offline").first().waitFor();
    await tab.close();
    await relay.restart();
    await ann.say("the relay is back");
    await bob.sees("the relay is back");
  });

  it("the service worker has the page, and nothing of the relay", async () => {
    const relay = await startRelay(backend);
    const [ann] = await twoPeople(relay);
    await isInstalled(ann.page);
    const stored = await ann.page.evaluate(async () => {
      const found: { path: string; text: string }[] = [];
      for (const name of await caches.keys()) {
        const cache = await caches.open(name);
        for (const request of await cache.keys()) {
          const answer = await cache.match(request);
          found.push({ path: new URL(request.url).pathname, text: (await answer?.text()) ?? "" });
        }
      }
      return found;
    });
    const paths = stored.map(({ path }) => path);
    expect(paths).toContain("/");
    expect(paths).toContain("/manifest.webmanifest");
    expect(paths.filter((path) => path.startsWith("/v1") || path === "/sw.js")).toEqual([]);
    expect(stored.filter(({ text }) => text.includes("hello Bob") || text.includes(ann.username))).toEqual(
      [],
    );
  });
});
