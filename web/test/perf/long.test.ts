import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPage, startRelay, useBrowser } from "../browser/browser.ts";
import { DEADLINE } from "../browser/deadline.ts";
import { importBackup } from "../browser/history.ts";
import { Person } from "../browser/person.ts";
import { Profile } from "../browser/profile.ts";
import { Script } from "../browser/script.ts";
import type { Relay } from "../browser/servers.ts";
import { median, note, noteMedian, quantile, TIMES } from "./figures.ts";
import { changeRoom, heapOfWorker, scroll, searchFor, sendAndWait, startOf } from "./in-page.ts";
import { longHistory, OLDEST, SELDOM } from "./long-history.ts";

useBrowser();

const TOTAL = Number(process.env["FERRY_WEB_MESSAGES"] ?? 100_000);
const THOUSAND = `${TOTAL / 1_000}k messages`;
/** An import of so many takes minutes on a slow machine. */
const PATIENCE = 900_000;

let relay: Relay;
let profile: Profile;
let bob: Script;
let ann: Person;
let harbour: string;

beforeAll(async () => {
  relay = await startRelay("alone");
  profile = new Profile();
  const context = await profile.start(relay);
  ann = await Person.register(relay, "Ann", { context });
  await fill();
}, PATIENCE);
afterAll(() => profile.remove());

/** Gives Ann rooms, and a history of years in two of them. */
async function fill(): Promise<void> {
  bob = await Script.register(relay, "Bob");
  const me = await ann.page.evaluate(async () => (await (await fetch("/v1/me")).json()).user.id as string);
  harbour = await bob.room([me], "Harbour");
  const island = await bob.room([me], "Island");
  for (let at = 1; at <= 20; at += 1) {
    await bob.send(await bob.room([me], `Room ${at}`), "hello");
  }
  await ann.room("Room 20").waitFor();
  const backup = await longHistory({
    owner: { user: me, device: "01a1fc99-2a1c-7098-8e77-00000000000b" },
    other: bob,
    rooms: { [harbour]: TOTAL * 0.6, [island]: TOTAL * 0.4 },
    until: Date.now() - 3_600_000,
  });
  ann.page.setDefaultTimeout(PATIENCE);
  const begin = Date.now();
  await importBackup(ann.page, backup, "messages were added");
  ann.page.setDefaultTimeout(DEADLINE);
  note({ what: `import of ${THOUSAND}`, measured: (Date.now() - begin) / 1_000, unit: "s" });
  // A browser of years has written the pages of the search.
  await bob.send(harbour, "hello again");
  const end = Date.now() + PATIENCE;
  while ((await unpaged(me)) > 0) {
    if (Date.now() > end) {
      throw new Error("the pages of the search are not written");
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  await ann.page.close();
}

/** How many rooms have messages that no page of the search has. */
function unpaged(user: string): Promise<number> {
  return ann.page.evaluate(async (me) => {
    const wait = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    const db = await wait(indexedDB.open(`ferry-${me}`));
    const rooms: { unpagedFrom?: number }[] = await wait(
      db.transaction("rooms").objectStore("rooms").getAll(),
    );
    db.close();
    return rooms.filter(({ unpagedFrom }) => unpagedFrom !== undefined).length;
  }, user);
}

/** Ann in a new tab, in the room with most of the messages. */
async function inHarbour(): Promise<Person> {
  const page = await openPage(profile.context, relay, `/#/room/${harbour}`);
  const person = Person.of(ann, page);
  await page.locator('[role="log"] article').first().waitFor();
  await person.isCalm();
  return person;
}

describe(`with ${TOTAL} messages`, () => {
  it("starts warm", async () => {
    for (const [name, rate] of [
      ["", 1],
      [" at 4× CPU", 4],
    ] as const) {
      const lists: number[] = [];
      const rooms: number[] = [];
      for (let time = 0; time <= TIMES; time += 1) {
        const page = await profile.context.newPage();
        const session = await profile.context.newCDPSession(page);
        await session.send("Emulation.setCPUThrottlingRate", { rate });
        const { list, room } = await startOf(page, `${relay.url}/#/room/${harbour}`);
        await page.close();
        // The first start reads the program from the disk.
        if (time > 0) {
          lists.push(list);
          rooms.push(room);
        }
      }
      noteMedian(`warm, ${THOUSAND}${name}: list`, lists, rate === 1 ? 150 : 1_500);
      noteMedian(`warm, ${THOUSAND}${name}: room`, rooms, rate === 1 ? 500 : 1_500);
    }
  });

  it("changes rooms, and sends", async () => {
    const { page } = await inHarbour();
    const switched: number[] = [];
    for (let n = 0; n < 8 * TIMES; n += 1) {
      switched.push(await changeRoom(page, n % 2 === 0 ? "Island" : "Harbour"));
    }
    note({
      what: `room switch, ${THOUSAND}, p95`,
      measured: quantile(switched, 0.95),
      goal: 100,
      unit: "ms",
    });
    const person = Person.of(ann, page);
    const sent: number[] = [];
    for (let n = 0; n < 10 * TIMES; n += 1) {
      sent.push(await sendAndWait(person, `message ${n}.`));
    }
    note({ what: `send to ✓, ${THOUSAND}, p95`, measured: quantile(sent, 0.95), goal: 100, unit: "ms" });
    await page.close();
  });

  it("searches", async () => {
    const { page } = await inHarbour();
    await page.evaluate(() => {
      location.hash = "#/search";
    });
    await page.getByRole("searchbox", { name: "Words in messages" }).waitFor();
    const first: number[] = [];
    const all: number[] = [];
    for (let time = 0; time < TIMES; time += 1) {
      first.push((await searchFor(page, SELDOM)).first);
      all.push((await searchFor(page, OLDEST)).all ?? Number.NaN);
    }
    noteMedian(`search in ${THOUSAND}: first results`, first, 300);
    noteMedian(`search in ${THOUSAND}: all`, all, 2_000);
    await page.close();
  });

  it("scrolls, and needs little memory after it", async () => {
    const { page } = await inHarbour();
    const wanted = Math.min(5_000, TOTAL / 4);
    const found = await scroll(page, wanted, 160);
    expect(found.rows).toBeGreaterThan(0);
    const what = `scroll through ${found.rows} rows in ${found.seconds.toFixed(0)} s`;
    note({ what: `${what}: longest task`, measured: found.longest, goal: 50, unit: "ms" });
    note({ what: `${what}: tasks over 50 ms`, measured: found.long, goal: 0, unit: "" });
    note({ what: `${what}: frames lost`, measured: found.lostPart * 100, goal: 1, unit: "%" });
    note({ what: `${what}: drift`, measured: found.drift, goal: 1, unit: "px" });
    note({ what: `${what}: frames at an edge`, measured: found.waited, unit: "" });
    const session = await profile.context.newCDPSession(page);
    await session.send("HeapProfiler.collectGarbage");
    const { usedSize } = await session.send("Runtime.getHeapUsage");
    note({ what: "heap of the tab after it", measured: usedSize / 2 ** 20, goal: 40, unit: "MB" });
    const held = await heapOfWorker(session);
    note({ what: "heap of the worker after it", measured: held / 2 ** 20, goal: 40, unit: "MB" });
    // What the first collection has let go is collected by the next one.
    await session.send("HeapProfiler.collectGarbage");
    const { nodes } = await session.send("Memory.getDOMCounters");
    note({ what: "DOM nodes after it", measured: nodes, goal: 5_000, unit: "" });
    await page.close();
  });

  it("rests", async () => {
    const { page } = await inHarbour();
    const parts: number[] = [];
    const worked = () => profile.renderers().reduce((sum, one) => sum + one.worked, 0);
    for (let time = 0; time < TIMES; time += 1) {
      const [before, begin] = [worked(), performance.now()];
      await new Promise((resolve) => setTimeout(resolve, 6_000));
      parts.push(((worked() - before) / ((performance.now() - begin) / 1_000)) * 100);
    }
    note({ what: "idle, CPU of the pages, median", measured: median(parts), goal: 0.5, unit: "%" });
    await page.close();
  });
});
