import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BOB, idOf, ME, MY_DEVICE, ROOM, text } from "../../test/fakes/ids.ts";
import { Conversation } from "../core/conversation.ts";
import type { Message } from "../core/message.ts";
import { recordOfLine } from "../core/record.ts";
import { Batch, type Origin } from "./batch.ts";
import { rowsBefore } from "./messages.ts";
import { markRead, markUnread } from "./reading.ts";
import { type Db, eraseDb, openDb, type Store, write } from "./schema.ts";
import { pageSome, search } from "./search.ts";
import { missingIn } from "./streams.ts";

const STORES: Store[] = ["messages", "records", "rooms", "streams", "text", "seen", "meta", "later"];
let db: Db;

beforeEach(async () => {
  db = await openDb(ME, { onOutdated: () => undefined });
});
afterEach(async () => {
  db.close();
  await eraseDb(ME);
});

const store = (...messages: Message[]) => storeFrom("relay", messages);

async function storeFrom(origin: Origin, messages: Message[]) {
  return await write(db, STORES, async (tx) => {
    const batch = new Batch(tx, ME, 5_000);
    await batch.prepare(messages);
    for (const message of messages) {
      await batch.message(message, recordOfLine(JSON.stringify(message)), origin);
    }
    await batch.flush();
    return batch;
  });
}

const target = (message: Message) => ({ message: message.id, from: message.from.user });
const edit = (number: number, of: Message, body: string) =>
  text(number, { target: target(of), body }, { kind: "edit" });
const deletion = (number: number, of: Message) => text(number, { target: target(of) }, { kind: "delete" });
const unread = async () => (await db.get("rooms", ROOM))?.unread;
const found = async (words: string) => {
  const rows = [];
  for await (const some of search(db, { words })) {
    rows.push(...some);
  }
  return rows.map(({ id }) => id);
};

describe("what came", () => {
  it("19: has the state of the conversation in any order", async () => {
    const hello = text(1, "hello");
    const messages = [
      hello,
      text(2, "bye"),
      edit(3, hello, "good evening"),
      edit(4, hello, "good night"),
      text(5, { target: target(hello), emoji: "👍" }, { kind: "reaction" }),
      // A forgery: somebody else's edit.
      text(
        6,
        { target: target(hello), body: "no" },
        { kind: "edit", from: { user: idOf(3), device: idOf(13), role: "owner" } },
      ),
      deletion(7, text(2, "bye")),
    ];
    const conversation = new Conversation(ROOM, "group");
    for (const message of messages) {
      conversation.apply(message);
    }
    await store(...messages.slice(3).reverse());
    await store(...messages.slice(0, 3), ...messages);
    const rows = await rowsBefore(db, ROOM, undefined, 10);
    expect(rows.map(({ slot }) => slot)).toEqual(conversation.entries());
    expect((await db.get("rooms", ROOM))?.messages).toBe(2);
    expect((await db.get("rooms", ROOM))?.waiting).toBe(0);
  });

  it("20: a deletion leaves no word of the message in the store", async () => {
    const secret = text(1, "the quick brown fox");
    await store(
      secret,
      edit(2, secret, "the brown fox jumps"),
      text(3, { target: target(secret), emoji: "🦊" }, { kind: "reaction" }),
    );
    await pageSome(db, ROOM);
    expect(await found("fox")).toEqual([secret.id]);
    await store(deletion(4, secret));
    // A copy that comes later brings nothing back.
    await store({ ...secret, from: { ...secret.from, device: idOf(77) } }, edit(5, secret, "a late fox"));
    const all = await Promise.all(STORES.map((name) => db.getAll(name)));
    expect(JSON.stringify(all)).not.toMatch(/fox|🦊/);
    expect(await found("fox")).toEqual([]);
    const records = await db.getAll("records");
    expect(records.map(({ line }) => recordOfLine(line).deleted)).toEqual(
      expect.arrayContaining([{}, { target: target(secret) }, undefined]),
    );
  });

  it("18: a missing number is known with its place, until it comes", async () => {
    await store(text(1, "a"), text(4, "d"), text(5, "e"));
    expect(await missingIn(db, ROOM)).toEqual([
      { room: ROOM, user: BOB, count: 2, since: 1_001_000, until: 1_004_000, at: 5_000 },
    ]);
    await store(text(3, "c"));
    expect((await missingIn(db, ROOM)).map(({ count }) => count)).toEqual([1]);
    await store(text(2, "b"));
    expect(await missingIn(db, ROOM)).toEqual([]);
    // A new connection of the device begins again.
    await store(text(3, "x", { epoch: 2, id: idOf(500), sent_at: 2_000_000 }));
    expect((await missingIn(db, ROOM)).map(({ count }) => count)).toEqual([2]);
  });

  it("18: a backup fills what is missing, and what it lacks itself is no gap", async () => {
    await store(text(2, "b"), text(5, "e"));
    await storeFrom("history", [text(7, "g"), text(1, "a"), text(4, "d")]);
    expect((await missingIn(db, ROOM)).map(({ count }) => count)).toEqual([1]);
    await storeFrom("history", [text(3, "c")]);
    expect(await missingIn(db, ROOM)).toEqual([]);
    // What the backup has beyond is not what this device has been sent.
    await store(text(6, "f"));
    expect(await missingIn(db, ROOM)).toEqual([]);
  });

  it("counts what is unread, and every change of the cursor", async () => {
    const mention = text(3, "hi", { mentions: [ME] });
    await store(
      text(1, "a"),
      text(2, "b"),
      mention,
      text(4, "mine", { from: { user: ME, device: MY_DEVICE, role: "member" } }),
    );
    expect(await unread()).toEqual({ messages: 3, mentions: 1 });
    await markRead(db, ROOM, { up_to: idOf(10_002), sent_at: 1_002_000 }, [target(text(2, "b"))], ME);
    expect(await unread()).toEqual({ messages: 1, mentions: 1 });
    expect(await db.getAll("marks")).toEqual([
      { key: ROOM, room: ROOM, up_to: idOf(10_002), sent_at: 1_002_000, authors: [BOB] },
    ]);
    // One that comes below the cursor is unread until it is seen.
    const late = text(1, "late", { id: idOf(600), epoch: 0, sent_at: 1_001_500 });
    await store(late);
    expect(await unread()).toEqual({ messages: 2, mentions: 1 });
    await markRead(db, ROOM, undefined, [target(late)], ME);
    expect(await unread()).toEqual({ messages: 1, mentions: 1 });
    await store(deletion(9, mention));
    expect(await unread()).toEqual({ messages: 0, mentions: 0 });
    await markUnread(db, ROOM, 1_002_000, ME);
    expect(await unread()).toEqual({ messages: 1, mentions: 0 });
    await markRead(db, ROOM, { up_to: idOf(10_004), sent_at: 1_004_000 }, [], ME);
    expect(await unread()).toEqual({ messages: 0, mentions: 0 });
  });

  it("keeps few rows that wait for their message", async () => {
    const act = (number: number) => edit(number, text(50_000 + number, ""), "x");
    await store(...Array.from({ length: 200 }, (_, at) => act(at)));
    await store(...Array.from({ length: 200 }, (_, at) => act(200 + at)));
    expect((await db.get("rooms", ROOM))?.waiting).toBe(256);
    expect(await db.count("messages")).toBe(256);
  });

  it("36: is found in any case and width, on pages and before them, with the text of now", async () => {
    const first = text(1, "Straße nach Żółw");
    await store(
      first,
      text(2, "ＷＩＤＥ letters"),
      text(
        3,
        { origin: { from: BOB, sent_at: 1 }, kind: "text", body: "forwarded dolphin" },
        { kind: "forward" },
      ),
    );
    expect(await found("wide LETTERS")).toEqual([idOf(10_002)]);
    while (await pageSome(db, ROOM)) {}
    expect((await db.get("rooms", ROOM))?.unpagedFrom).toBeUndefined();
    expect(await found("wide")).toEqual([idOf(10_002)]);
    expect(await found("dolphin")).toEqual([idOf(10_003)]);
    await store(edit(4, first, "another street"));
    expect(await found("straße")).toEqual([]);
    expect(await found("street")).toEqual([first.id]);
    while (await pageSome(db, ROOM)) {}
    expect(await found("straße")).toEqual([]);
    expect(await found("street")).toEqual([first.id]);
  });

  it("is on pages of 256, and each is on one", async () => {
    await store(...Array.from({ length: 700 }, (_, at) => text(at + 1, `word ${at}`)));
    while (await pageSome(db, ROOM)) {}
    const pages = await db.getAll("text");
    expect(pages.map(({ texts }) => texts.length)).toEqual([256, 256, 188]);
    expect((await found("word")).length).toBe(700);
  });
});
