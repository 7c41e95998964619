import { describe, it } from "vitest";
import { startRelay, useBrowser } from "../browser/browser.ts";
import { until } from "../browser/deadline.ts";
import { Person, twoPeople } from "../browser/person.ts";
import { BACKENDS } from "../browser/servers.ts";

useBrowser();

describe.each(BACKENDS)("over %s", (backend) => {
  it("J1: two people find each other and talk", async () => {
    const relay = await startRelay(backend);
    const bob = await Person.register(relay, "Bob", { size: "phone" });
    const ann = await Person.register(relay, "Ann");
    await ann.writeTo(bob);
    await ann.say("hello Bob");
    await bob.open("Ann");
    await bob.sees("hello Bob");
    await bob.say("hello Ann");
    await ann.hasTexts(["hello Bob", "hello Ann"]);
    await bob.hasSent("hello Ann");
    // Ann looks at it, so Bob learns that she has read it.
    await bob
      .row("hello Ann")
      .locator(".mark", { hasText: "Read by everybody" })
      .waitFor({ state: "attached" });
    await ann.isCalm();
    await bob.isCalm();
  });

  it("J2: what is unread waits, also over a reload, and goes when it is read", async () => {
    const relay = await startRelay(backend);
    const [ann, bob] = await twoPeople(relay);
    await bob.go("#/");
    await ann.say("lunch?");
    await ann.say("at noon?");
    await bob.room("Ann").getByText("2 unread messages").waitFor({ state: "attached" });
    await until("the title has the number", async () => /\b2\b/.test(await bob.page.title()) || undefined);
    await bob.reload();
    await bob.room("Ann").getByText("2 unread messages").waitFor({ state: "attached" });
    await bob.open("Ann");
    await bob.page.getByText("2 new").first().waitFor();
    await bob.room("Ann").getByText("unread message").waitFor({ state: "detached" });
    await bob.say("yes");
    await ann.sees("yes");
    await bob.reload();
    await bob.hasTexts(["hello Bob", "lunch?", "at noon?", "yes"]);
  });
});
