import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { BOB, idOf } from "../../test/fakes/ids.ts";
import { until, World } from "../../test/fakes/tab.ts";
import { Marker } from "./marker.ts";

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await world.end();
});

it("25: marks that cannot be taken out of a full store are told again later, and nothing breaks", async () => {
  const tab = await world.tab();
  const frames: string[] = [];
  const marker = new Marker(tab.db, world.time, (frame) => frames.push(frame) > 0);
  // So many do not go out at once: a timer goes on with them.
  for (let at = 1; at <= 40; at += 1) {
    const room = idOf(1_000 + at);
    await tab.db.put("marks", { key: room, room, up_to: idOf(at), sent_at: at, authors: [BOB] });
  }
  const remove = vi.spyOn(IDBObjectStore.prototype, "delete").mockImplementation(() => {
    throw new DOMException("full", "QuotaExceededError");
  });
  marker.connected();
  await until(() => frames.length === 30);
  await world.time.advance(5_000);
  expect(frames.length).toBe(40);
  expect(await tab.db.count("marks")).toBe(40);
  remove.mockRestore();
  marker.lost();
  marker.connected();
  await until(async () => {
    await world.time.advance(1_000);
    return (await tab.db.count("marks")) === 0;
  });
  expect(frames.length).toBe(80);
});
