import "fake-indexeddb/auto";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { afterEach, beforeEach, expect, it } from "vitest";
import { BOB, BOBS_DEVICE, idOf, ME, MY_DEVICE, ROOM, text } from "../../test/fakes/ids.ts";
import { identitiesOf } from "../backup/key.ts";
import { readBackup } from "../backup/reader.ts";
import { writeBackup } from "../backup/writer.ts";
import { type Item, lineOf } from "../core/item.ts";
import type { Message } from "../core/message.ts";
import { recordOfLine } from "../core/record.ts";
import { Batch } from "../db/batch.ts";
import { type Db, eraseDb, openDb, type Store, write } from "../db/schema.ts";
import { Restore } from "./backup-restore.ts";
import { backupItems, snapshot } from "./backup-source.ts";
import type { Env, Home } from "./env.ts";

const STORES: Store[] = ["messages", "records", "rooms", "streams", "text", "meta", "later"];
const nothing = () => undefined;
let db: Db;

beforeEach(async () => {
  db = await openDb(ME, { onOutdated: nothing });
});
afterEach(async () => {
  db.close();
  await eraseDb(ME);
});

const mine = (number: number, more: Partial<Message> = {}) =>
  text(number, `m ${number}`, { from: { user: ME, device: MY_DEVICE, role: "member" }, ...more });

async function inBatch(work: (batch: Batch) => Promise<unknown>): Promise<void> {
  await write(db, STORES, async (tx) => {
    const batch = new Batch(tx, ME, 5_000);
    await work(batch);
    await batch.flush();
  });
}

const put = (messages: Message[]) =>
  inBatch(async (batch) => {
    for (const message of messages) {
      await batch.message(message, recordOfLine(JSON.stringify(message)), "own");
    }
  });

const delivered = (messages: Message[], device = BOBS_DEVICE) =>
  inBatch(async (batch) => {
    for (const { id } of messages) {
      const outcome = { user: BOB, device, what: "delivered", at: 9_000 } as const;
      await batch.outcome(ROOM, id, outcome, async () => false);
    }
  });

async function lines(items: AsyncIterable<Item>): Promise<string[]> {
  const all: string[] = [];
  for await (const item of items) {
    all.push(lineOf(item));
  }
  return all;
}

it("50: what comes while a backup is written is not in it, so that its two readings are the same", async () => {
  const old = [mine(1), mine(2)];
  await put(old);
  await delivered(old.slice(0, 1));
  const begun = await snapshot(db);
  const first = await lines(backupItems(db, ME, begun));
  // A report, a message, and a report of it.
  await delivered(old);
  await delivered(old, idOf(99));
  await put([mine(3)]);
  await delivered([mine(3)]);
  expect(await lines(backupItems(db, ME, begun))).toEqual(first);
  expect(first.length).toBe(3);
  expect((await lines(backupItems(db, ME, await snapshot(db)))).length).toBe(8);
});

it("50: reads all messages in pieces, also if many are of one moment", async () => {
  const all = Array.from({ length: 1_300 }, (_, at) => mine(at + 1, { sent_at: at < 1_200 ? 7_000 : at }));
  await put(all);
  const found = await lines(backupItems(db, ME, await snapshot(db)));
  expect(found.length).toBe(1_300);
  expect(new Set(found).size).toBe(1_300);
});

it("50: brings back what became of each message, also if little fits into memory", async () => {
  const all = Array.from({ length: 7 }, (_, at) => mine(at + 1));
  await put(all);
  await delivered(all);
  const identity = await generateIdentity();
  const lock = { recipient: await identityToRecipient(identity) };
  const begun = await snapshot(db);
  const plan = { lock, app: "test", server: "http://relay.test", user: ME, now: 9_999, holes: 0, whole: [] };
  const stream = await writeBackup(plan, () => backupItems(db, ME, begun));
  const file = await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).blob();
  const key = { identities: identitiesOf(identity) };
  const { manifest } = await readBackup(file, key);
  for (const held of [2, 7, 100]) {
    db.close();
    await eraseDb(ME);
    db = await openDb(ME, { onOutdated: nothing });
    const restore = new Restore({ now: () => 1 } as Env, { db, user: ME } as Home, file, key, held);
    expect(await restore.run(manifest, nothing, new AbortController().signal)).toBe(7);
    const rows = await db.getAll("messages");
    expect(rows.map(({ ledger }) => ledger?.outcomes.length)).toEqual([1, 1, 1, 1, 1, 1, 1]);
  }
});
