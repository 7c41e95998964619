/**
 * A user with two tabs and `ferry tail` beside them, while others write, edit, delete and react.
 * At the end all devices say the same of every message. `web/e2e soak 60` goes on for an hour.
 */
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { reactionsOf, textOf } from "../../src/core/slot.ts";
import { startRelay, useBrowser } from "../browser/browser.ts";
import { until } from "../browser/deadline.ts";
import { Person } from "../browser/person.ts";
import { Script } from "../browser/script.ts";
import type { Line } from "../browser/servers.ts";
import { storedMessages, userOf } from "../browser/store.ts";
import { Command, type Said, sorted } from "./command.ts";

useBrowser();

const MINUTES = Number(process.env["FERRY_WEB_MINUTES"] ?? 60);
const EMOJI = ["👍", "😂", "⛴️"];

/** One thing that happens. It says what, for the summary at the end. */
type Deed = () => Promise<string>;

it(
  "47: two tabs and the command line of one user agree at the end, whatever the others did",
  async () => {
    const relay = await startRelay("alone");
    const line = await relay.line();
    const bob = await Person.register(line, "Bob");
    const me = await userOf(bob.page);
    const command = new Command(relay);
    try {
      await command.logIn(bob.username);
      command.tail();
      const others = [await Script.register(relay, "Ann"), await Script.register(relay, "Cyd")];
      const room = await (others[0] as Script).room([me, (others[1] as Script).user], "Trip");
      await bob.open("Trip");
      const second = await bob.again(bob.context);
      await second.open("Trip");
      const happened = await live({ tabs: [bob, second], others, room, line });
      process.stdout.write(`${JSON.stringify(Object.fromEntries(happened))}\n`);
      await bob.say("the last message");
      for (const tab of [bob, second]) {
        await tab.sees("the last message");
        await tab.isCalm();
      }
      await until("the command line has the last message", async () =>
        (await command.show(room)).some(({ text }) => text === "the last message"),
      );
      const [page, shown] = [await storedHere(bob, me, room), await command.show(room)];
      expect(page.length).toBeGreaterThan(1);
      // A list that differs says more than two digests, and is long.
      const [here, there] = [digest(page), digest(shown)];
      if (here !== there) {
        expect(page).toEqual(shown);
      }
      process.stdout.write(`${page.length} messages, ${here}\n`);
      // Each tab shows what the disk has, but for what stands before its window.
      for (const tab of [bob, second]) {
        const texts = (await tab.texts()).slice(-20);
        expect((await tab.texts()).length).toBeGreaterThan(0);
        await until(
          "the tabs show the same",
          async () => JSON.stringify((await bob.texts()).slice(-20)) === JSON.stringify(texts) || undefined,
        );
      }
    } finally {
      await command.remove();
    }
  },
  (MINUTES + 10) * 60_000,
);

async function storedHere({ page }: Person, me: string, room: string): Promise<Said[]> {
  return (await storedMessages(page, me, room)).map(({ id, user, slot }) => ({
    id,
    user,
    text: textOf(slot) ?? null,
    reactions: sorted(reactionsOf(slot).map(({ emoji, users }): [string, string[]] => [emoji, users])),
  }));
}

function digest(said: readonly Said[]): string {
  return createHash("sha256").update(JSON.stringify(said)).digest("hex");
}

interface World {
  tabs: [Person, Person];
  others: Script[];
  room: string;
  line: Line;
}

/** Lets things happen until the time is over, and returns how often each did. */
async function live({ tabs, others, room, line }: World): Promise<Map<string, number>> {
  const end = Date.now() + MINUTES * 60_000;
  const happened = new Map<string, number>();
  const sent: { by: Script; id: string }[] = [];
  let number = 0;
  const any = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T;
  const target = ({ by, id }: { by: Script; id: string }) => ({ message: id, from: by.user });
  const write = async () => {
    const by = any(others);
    number += 1;
    sent.push({ by, id: await by.send(room, `message ${number} of ${by.username}`) });
    return "message";
  };
  const edit = async () => {
    const one = any(sent);
    number += 1;
    await one.by.send(room, { target: target(one), body: `edit ${number}` }, "edit");
    return "edit";
  };
  const remove = async () => {
    const [one] = sent.splice(Math.floor(Math.random() * sent.length), 1);
    if (one !== undefined) {
      await one.by.send(room, { target: target(one) }, "delete");
    }
    return "deletion";
  };
  const react = async () => {
    const reaction = {
      target: target(any(sent)),
      emoji: any(EMOJI),
      ...(Math.random() < 0.3 ? { remove: true } : {}),
    };
    await any(others).send(room, reaction, "reaction");
    return "reaction";
  };
  const type = async () => {
    number += 1;
    await any(tabs).say(`mine ${number}.`);
    return "own message";
  };
  const reload = async () => {
    const tab = any(tabs);
    await tab.reload();
    await tab.open("Trip");
    return "reload";
  };
  const cut = async () => {
    line.cut();
    await write();
    line.mend();
    return "loss of the network";
  };
  const usual: Deed[] = [write, write, write, write, edit, remove, react, react, type];
  for (let at = 0; at < 5; at += 1) {
    await write();
  }
  while (Date.now() < end) {
    const deed = Math.random() < 0.02 ? any<Deed>([reload, cut]) : sent.length < 5 ? write : any(usual);
    const what = await deed();
    happened.set(what, (happened.get(what) ?? 0) + 1);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 400));
  }
  return happened;
}
