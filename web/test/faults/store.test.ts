import { describe, expect, it } from "vitest";
import { startRelay, useBrowser } from "../browser/browser.ts";
import { until } from "../browser/deadline.ts";
import { emptyDisk, fillDisk, slowDisk } from "../browser/disk.ts";
import { Person, twoPeople } from "../browser/person.ts";
import { Profile } from "../browser/profile.ts";
import { Script } from "../browser/script.ts";
import { roomOf, storedMessages, userOf } from "../browser/store.ts";

useBrowser();

describe("over alone", () => {
  it("F6: a leader that is frozen and wakes up writes nothing more, and nothing comes twice", async () => {
    const relay = await startRelay("alone");
    const profile = new Profile();
    let frozen: number | undefined;
    try {
      const context = await profile.start(relay);
      const ann = await Person.register(relay, "Ann");
      const bob = await Person.register(relay, "Bob", { context });
      const first = await profile.rendererOf(bob.page);
      await ann.writeTo(bob);
      await ann.say("before");
      await bob.open("Ann");
      await bob.sees("before");
      const second = await bob.again(context);
      await second.open("Ann");
      await second.sees("before");
      expect(await profile.rendererOf(second.page)).not.toBe(first);

      process.kill(first, "SIGSTOP");
      frozen = first;
      await ann.say("while it was frozen");
      await second.sees("while it was frozen");
      await second.say("from the second tab");
      await second.hasSent("from the second tab");
      process.kill(first, "SIGCONT");
      frozen = undefined;

      await ann.say("awake");
      const texts = ["before", "while it was frozen", "from the second tab", "awake"];
      for (const one of [ann, bob, second]) {
        await one.hasTexts(texts);
      }
      await bob.say("from the first tab");
      for (const one of [ann, bob, second]) {
        await one.hasTexts([...texts, "from the first tab"]);
        await one.isCalm();
      }
    } finally {
      frozen !== undefined && process.kill(frozen, "SIGCONT");
      await profile.remove();
    }
  });

  it("F7: a full disk acks nothing and says so; with room again all arrives", async () => {
    const relay = await startRelay("alone");
    const [ann, bob] = await twoPeople(relay);
    await fillDisk(bob.page);
    await ann.say("there is no room for this");
    await bob.page.getByText("Storage is full. New messages wait at the relay").waitFor();
    // The relay has nobody to deliver to, and was told of nothing.
    const open = async () => (await relay.metrics()).get("ferry_connected_devices");
    await until("Bob's socket is closed", async () => (await open()) === 1 || undefined);
    expect(await ann.row("there is no room").locator(".mark").textContent()).toMatch(/Sent, on its way/);
    await emptyDisk(bob.page);
    await ann.say("nor for this");
    await bob.hasTexts(["hello Bob", "there is no room for this", "nor for this"]);
    await bob.isCalm();
  });

  it("F14: on a slow disk the window is full, and all arrives over one connection", async () => {
    const relay = await startRelay("alone");
    const bob = await Person.register(relay, "Bob");
    const me = await userOf(bob.page);
    const script = await Script.register(relay, "Ann");
    const room = await script.room([me]);
    await script.send(room, "hello");
    await bob.open("Ann");
    await bob.sees("hello");
    const before = (await relay.metrics()).get("ferry_closes_total") ?? 0;
    await slowDisk(bob.page, 700);
    const bodies = Array.from({ length: 300 }, (_, at) => `message ${at}`);
    for (const body of bodies) {
      await script.send(room, body);
    }
    await bob.sees("message 299");
    const stored = await storedMessages(bob.page, me, roomOf(bob.page));
    expect(stored.map(({ body }) => body)).toEqual(["hello", ...bodies]);
    expect((await relay.metrics()).get("ferry_closes_total") ?? 0).toBe(before);
    await bob.isCalm();
  });
});
