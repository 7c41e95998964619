import { describe, it } from "vitest";
import { startRelay, useBrowser } from "../browser/browser.ts";
import { Person } from "../browser/person.ts";
import { Profile } from "../browser/profile.ts";
import { Script } from "../browser/script.ts";
import { median, note, TIMES } from "./figures.ts";

useBrowser();

/** A relay keeps no more for a device. */
const BACKLOG = Number(process.env["FERRY_WEB_BACKLOG"] ?? 10_000);
/** The calls that are under way at a time. */
const HANDS = 16;

/** Sends so many messages, each of another text. */
async function sendMany(script: Script, room: string, count: number): Promise<void> {
  let next = 0;
  const hand = async () => {
    while (next < count) {
      next += 1;
      await script.send(room, `message ${next} of the backlog, which is about as long as people write`);
    }
  };
  await Promise.all(Array.from({ length: HANDS }, hand));
}

interface Caught {
  milliseconds: number;
  /** The longest time from a key to what is drawn after it. */
  longest: number;
}

describe("a device that was away", () => {
  it("stores what waits, and the page answers meanwhile", async () => {
    const relay = await startRelay("alone");
    const profile = new Profile();
    try {
      const context = await profile.start(relay);
      const ann = await Person.register(relay, "Ann", { context });
      const me = await ann.page.evaluate(
        async () => (await (await fetch("/v1/me")).json()).user.id as string,
      );
      const bob = await Script.register(relay, "Bob");
      const room = await bob.room([me]);
      await bob.send(room, "hello Ann");
      await ann.room("Bob").waitFor();
      await ann.page.close();
      const times: number[] = [];
      const longest: number[] = [];
      // Each takes tens of thousands of messages, so more than three tell nothing new.
      for (let time = 1; time <= Math.min(3, TIMES); time += 1) {
        await sendMany(bob, room, BACKLOG);
        const page = await context.newPage();
        await page.goto(relay.url);
        const caught = await catchUp(page, me, room, 1 + time * BACKLOG);
        times.push(caught.milliseconds);
        longest.push(caught.longest);
        await page.close();
      }
      const rate = BACKLOG / (median(times) / 1_000);
      note({ what: "ingest, strict", measured: rate, goal: 1_500, unit: "messages/s", isLeast: true });
      const what = `backlog of ${BACKLOG.toLocaleString("en")}`;
      note({ what, measured: median(times) / 1_000, goal: 10, unit: "s" });
      note({ what: `${what}: key to picture, longest`, measured: median(longest), goal: 200, unit: "ms" });
    } finally {
      await profile.remove();
    }
  });
});

/** From the first rows of the list until so many messages are stored. Somebody types meanwhile. */
async function catchUp(page: Person["page"], user: string, room: string, wanted: number): Promise<Caught> {
  const field = page.getByRole("searchbox").first();
  await field.waitFor();
  const caught = page.evaluate(
    async ([me, id, count]) => {
      const wait = <T>(request: IDBRequest<T>) =>
        new Promise<T>((resolve, reject) => {
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
      const keys: number[] = [];
      new PerformanceObserver((list) =>
        keys.push(...list.getEntries().map(({ duration }) => duration)),
      ).observe({
        type: "event",
        durationThreshold: 16,
      } as PerformanceObserverInit);
      const db = await wait(indexedDB.open(`ferry-${me}`));
      const begin = performance.now();
      for (;;) {
        const row = await wait(db.transaction("rooms").objectStore("rooms").get(id));
        if ((row as { messages: number } | undefined)?.messages === count) {
          break;
        }
        if (performance.now() - begin > 220_000) {
          throw new Error(`the backlog did not come: ${JSON.stringify(row)}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
      const milliseconds = performance.now() - begin;
      db.close();
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 100)));
      return { milliseconds, longest: Math.max(0, ...keys) };
    },
    [user, room, wanted] as const,
  );
  let isDone = false;
  const ended = caught.finally(() => {
    isDone = true;
  });
  while (!isDone) {
    await field.pressSequentially("abcd", { delay: 50 });
    await field.fill("");
  }
  return ended;
}
