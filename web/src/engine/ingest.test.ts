import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, it } from "vitest";
import { BOB, BOBS_DEVICE, idOf, ME, MY_DEVICE, ROOM, text } from "../../test/fakes/ids.ts";
import { until } from "../../test/fakes/tab.ts";
import { type Db, eraseDb, openDb } from "../db/schema.ts";
import { readFrame } from "../wire/frames.ts";
import { BATCH, Ingest, type Stored } from "./ingest.ts";
import { stamped } from "./own.ts";

let db: Db;
let stored: Stored[];
let ingest: Ingest;

beforeEach(async () => {
  db = await openDb(ME, { onOutdated: () => undefined });
  stored = [];
  const self = { user: ME, device: MY_DEVICE };
  ingest = new Ingest(db, self, () => 5_000, {
    stored: (one) => stored.push(one),
    failed: (error) => {
      throw error;
    },
  });
});
afterEach(async () => {
  db.close();
  await eraseDb(ME);
});

function deliver(number: number): void {
  const frame = {
    type: "message",
    delivery: `${number}`,
    redelivered: false,
    message: text(number, `m ${number}`),
  };
  const json = JSON.stringify(frame);
  ingest.take(readFrame(json), json);
}

it("stores at most 64 frames at a time, and acks what it stored", async () => {
  for (let at = 1; at <= BATCH + 10; at += 1) {
    deliver(at);
  }
  await until(() => stored.length === 2);
  expect(stored.map(({ acks }) => acks.length)).toEqual([BATCH, 10]);
  expect(await db.count("records")).toBe(BATCH + 10);
});

it("never acks in another connection, where the same id names another delivery", async () => {
  deliver(1);
  ingest.connected();
  deliver(2);
  await until(
    async () => (await db.count("records")) > 0 && stored.flatMap(({ acks }) => acks).includes("2"),
  );
  expect(stored.flatMap(({ acks }) => acks)).toEqual(["2"]);
});

it("never acks late what was stored while the connection changed", async () => {
  deliver(1);
  // The transaction is under way.
  await Promise.resolve();
  await Promise.resolve();
  ingest.connected();
  await until(() => stored.length === 1);
  expect(stored[0]?.acks).toEqual([]);
  expect(await db.count("records")).toBe(1);
});

it("makes the own copy with the bytes of the frame and the relay's stamp", () => {
  const id = idOf(9);
  const frame = `{"type":"send","id":"${id}","room":"${ROOM}","kind":"poll","body":{"a": 1.0},"after":"${idOf(8)}"}`;
  const sent = { id, sent_at: 3, recipients: 1, unreachable: [], epoch: 1, seq: 2, role: "admin" } as const;
  const own = stamped(frame, { ...sent, unreachable: [] }, BOB, BOBS_DEVICE);
  expect(own?.message).toMatchObject({ id, from: { user: BOB, device: BOBS_DEVICE, role: "admin" }, seq: 2 });
  expect(own?.record.line).toContain('"body":{"a": 1.0}');
  expect(own?.record.line).toContain(`"after":"${idOf(8)}"`);
});
