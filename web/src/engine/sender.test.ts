import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type Tab, until, World } from "../../test/fakes/tab.ts";
import { Sender } from "./sender.ts";

let world: World;
let tab: Tab;
let sender: Sender;
let frames: string[];
let failures: unknown[];
beforeEach(async () => {
  world = new World();
  tab = await world.tab();
  frames = [];
  failures = [];
  sender = new Sender(tab.db, world.time, {
    write: (frame) => frames.push(frame) > 0,
    changed: () => undefined,
    failed: (error) => failures.push(error),
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await world.end();
});

const refusal = (id: string) =>
  ({ type: "error", code: "muted", message: "you are muted", temporary: false, id }) as const;

it("4: what is answered while the outbox is read is not sent again", async () => {
  const id = await tab.write("once");
  sender.connected(65_536);
  await until(() => frames.length === 1);
  const reading = sender.load();
  // The reading has begun, and does not know of the answer.
  await Promise.resolve();
  await Promise.resolve();
  const gone = tab.db.clear("outbox");
  sender.sent(id);
  await Promise.all([reading, gone]);
  expect(frames.length).toBe(1);
  expect(sender.isIdle()).toBe(true);
});

it("5: a refusal that the disk does not take is told, and nothing is sent again meanwhile", async () => {
  const id = await tab.write("bad");
  sender.connected(65_536);
  await until(() => frames.length === 1);
  const put = vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(() => {
    throw new DOMException("full", "QuotaExceededError");
  });
  sender.refused(refusal(id));
  await until(() => failures.length === 1);
  await sender.load();
  expect(frames.length).toBe(1);
  put.mockRestore();
  // The next connection sends it again, and hears the same.
  sender.lost();
  sender.connected(65_536);
  await until(() => frames.length === 2);
  sender.refused(refusal(id));
  await until(async () => (await tab.db.getAll("outbox"))[0]?.failed?.code === "muted");
  await sender.load();
  expect(frames.length).toBe(2);
});
