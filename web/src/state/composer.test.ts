import "fake-indexeddb/auto";
import { afterEach, expect, it, vi } from "vitest";
import { fillDisk } from "../../test/fakes/disk.ts";
import { BOB, ME, ROOM } from "../../test/fakes/ids.ts";
import { shown, texts, useScreen, write } from "../../test/fakes/screen.ts";
import { until } from "../../test/fakes/tab.ts";
import { draftOf } from "../db/drafts.ts";
import { openDb } from "../db/schema.ts";
import type { DraftState } from "./room-model.ts";

const screen = useScreen();
let makeRoom: () => void = () => undefined;
afterEach(() => makeRoom());

async function stored(): Promise<string | undefined> {
  const db = await openDb(ME, { onOutdated: () => undefined });
  const draft = await draftOf(db, ROOM);
  db.close();
  return draft?.text;
}

it("7: a full disk loses no text: it stays in the field, and goes when there is room", async () => {
  const page = await screen().loggedIn();
  const room = await screen().opened(page);
  room.setDraft({ text: "the only copy", mentions: [BOB] });
  await screen().browser.time.advance(400);
  makeRoom = fillDisk("outbox");
  expect(await room.send()).toMatchObject({ ok: false, problem: { key: "problem.storage_full" } });
  expect(room.draft.value).toMatchObject({ text: "the only copy", mentions: [BOB] });
  expect(await stored()).toBe("the only copy");
  makeRoom();
  expect(await room.send()).toMatchObject({ ok: true });
  await until(() => texts(room).join() === "the only copy");
  expect(room.draft.value.text).toBe("");
  expect(await stored()).toBeUndefined();
});

it("7: a draft that the disk has no room for is said, and stored later", async () => {
  const page = await screen().loggedIn();
  const room = await screen().opened(page);
  makeRoom = fillDisk("drafts");
  room.setDraft({ text: "half a thou", mentions: [] });
  await screen().browser.time.advance(400);
  await until(() => room.trouble.value?.key === "problem.storage_full");
  makeRoom();
  room.setDraft({ text: "half a thought", mentions: [] });
  await screen().browser.time.advance(400);
  await until(() => room.trouble.value === undefined);
  expect(await stored()).toBe("half a thought");
});

it("7: what is typed while a message is stored stays in the field, and a second Enter sends nothing", async () => {
  const page = await screen().loggedIn();
  const room = await screen().opened(page);
  room.setDraft({ text: "one", mentions: [] });
  const first = room.send();
  const second = room.send();
  room.setDraft({ text: "two", mentions: [] });
  await Promise.all([first, second]);
  expect(room.draft.value.text).toBe("two");
  await until(() => texts(room).join() === "one");
  await screen().browser.time.advance(400);
  expect(await stored()).toBe("two");
});

it("7: a tab that dies right after the send has one copy of the text, not none and not two", async () => {
  const page = await screen().loggedIn();
  const room = await screen().opened(page);
  room.setDraft({ text: "typed", mentions: [] });
  await screen().browser.time.advance(400);
  screen().relay.isDown = true;
  await room.send();
  page.app.stop();
  const again = await screen().browser.page();
  const there = again.app.openRoom(ROOM);
  await until(() => texts(there).join() === "typed");
  expect(there.draft.value.text).toBe("");
});

it("9: an edit gives back what was typed before it, also after a reload", async () => {
  const page = await screen().loggedIn();
  const room = await screen().opened(page);
  await write(room, "teh");
  await until(() => shown(room)[0]?.mark === "sent");
  const editing = shown(room)[0]?.target ?? { message: "", from: "" };
  const before: DraftState = { text: "a long thought", mentions: [BOB] };
  room.setDraft({ text: "the", mentions: [], editing, before });
  await screen().browser.time.advance(400);
  room.close();
  const again = page.app.openRoom(ROOM);
  await until(() => again.draft.value.editing !== undefined);
  await again.send();
  expect(again.draft.value).toEqual(before);
  expect(await stored()).toBe("a long thought");
});

it("5: an edit that the relay rejects is shown on its message, and gives its text back", async () => {
  const page = await screen().loggedIn();
  const room = await screen().opened(page);
  await write(room, "teh");
  await until(() => shown(room)[0]?.mark === "sent");
  const editing = shown(room)[0]?.target ?? { message: "", from: "" };
  screen().relay.onSend = () => ({ error: { code: "muted", message: "you are muted", temporary: false } });
  room.setDraft({ text: "the", mentions: [], editing });
  await room.send();
  await until(() => shown(room)[0]?.failure !== undefined);
  expect(texts(room)).toEqual(["teh"]);
  const failure = shown(room)[0]?.failure;
  expect(failure).toMatchObject({ what: "edit", problem: { key: "problem.muted" } });
  expect(await room.takeBack(failure?.id ?? "")).toMatchObject({ ok: true });
  expect(room.draft.value).toEqual({ text: "the", mentions: [], editing });
  await until(() => shown(room)[0]?.failure === undefined);
});

it("5: a reply that is given back still answers its message, and mentions whom it mentioned", async () => {
  const page = await screen().loggedIn();
  const room = await screen().opened(page, 1);
  const replyTo = shown(room)[0]?.target ?? { message: "", from: "" };
  screen().relay.onSend = () => ({ error: { code: "muted", message: "you are muted", temporary: false } });
  room.setDraft({ text: "no", mentions: [BOB], replyTo });
  await room.send();
  await until(() => shown(room)[1]?.problem !== undefined);
  const id = shown(room)[1]?.target.message ?? "";
  expect(await room.takeBack(id)).toMatchObject({ ok: true });
  expect(room.draft.value).toEqual({ text: "no", mentions: [BOB], replyTo });
});

it("7: what is taken back is a draft in the moment in which it leaves the outbox", async () => {
  const page = await screen().loggedIn();
  const room = await screen().opened(page);
  screen().relay.onSend = () => ({ error: { code: "muted", message: "you are muted", temporary: false } });
  await write(room, "rejected");
  await until(() => shown(room)[0]?.problem !== undefined);
  room.setDraft({ text: "typed meanwhile", mentions: [] });
  // No write but one: the tab dies after it.
  const writes: string[][] = [];
  const transaction = IDBDatabase.prototype.transaction;
  const spy = vi.spyOn(IDBDatabase.prototype, "transaction").mockImplementation(function (
    this: IDBDatabase,
    ...args: Parameters<IDBDatabase["transaction"]>
  ) {
    if (args[1] === "readwrite") {
      writes.push([args[0]].flat() as string[]);
    }
    return transaction.apply(this, args);
  });
  await room.takeBack(shown(room)[0]?.target.message ?? "");
  spy.mockRestore();
  expect(writes[0]?.sort()).toEqual(["drafts", "outbox"]);
  expect(room.draft.value).toEqual({
    text: "rejected",
    mentions: [],
    before: { text: "typed meanwhile", mentions: [] },
  });
  const db = await openDb(ME, { onOutdated: () => undefined });
  expect([await db.count("outbox"), await db.get("drafts", ROOM)]).toMatchObject([
    0,
    { text: "rejected", before: { text: "typed meanwhile" } },
  ]);
  db.close();
  expect(await room.send()).toMatchObject({ ok: true });
  expect(room.draft.value).toEqual({ text: "typed meanwhile", mentions: [] });
  room.close();
});

it("6: a text is too long by what the frame of this relay holds, with all that stands around it", async () => {
  screen().relay.frameLimit = 1_100;
  const page = await screen().loggedIn();
  const room = await screen().opened(page);
  room.setDraft({ text: "x".repeat(100), mentions: [] });
  expect(room.excess.value).toBeLessThanOrEqual(0);
  room.setDraft({ text: "я".repeat(650), mentions: [BOB] });
  const { value: excess } = room.excess;
  expect(excess).toBeGreaterThan(200);
  expect(await room.send()).toMatchObject({ ok: false, problem: { key: "problem.too_large" } });
  expect(room.draft.value.text.length).toBe(650);
  // So many bytes less are sent, and one more is too many.
  room.setDraft({ text: "я".repeat(650 - Math.ceil(excess / 2)), mentions: [BOB] });
  expect(room.excess.value).toBeLessThanOrEqual(0);
  await room.send();
  await until(() => shown(room)[0]?.mark === "sent");
});

it("4: what cannot be stored is answered with a problem, and nothing fails behind the user", async () => {
  const page = await screen().loggedIn();
  const room = await screen().opened(page, 1);
  const target = shown(room)[0]?.target ?? { message: "", from: "" };
  makeRoom = fillDisk("outbox", "rooms", "drafts");
  const full = { ok: false, problem: { key: "problem.storage_full" } };
  expect(await room.react(target, "👍", false)).toMatchObject(full);
  expect(await room.remove(target)).toMatchObject(full);
  expect(await room.forward(target, ROOM)).toMatchObject(full);
  expect(await room.markRead()).toMatchObject(full);
  expect(await room.markUnread(target)).toMatchObject(full);
  expect(await room.setMuted(true)).toMatchObject(full);
  room.inView([`${BOB}/${target.message}`]);
  await screen().browser.time.advance(2_000);
  room.close();
});

it("7: a page that is hidden in the moment of a send does not bring the text back as a draft", async () => {
  const page = await screen().loggedIn();
  const room = await screen().opened(page);
  room.setDraft({ text: "hi", mentions: [] });
  const sending = room.send();
  // The user leaves the room before the message is in the store.
  room.close();
  await sending;
  const again = page.app.openRoom(ROOM);
  await until(() => texts(again).join() === "hi");
  await screen().browser.time.advance(400);
  expect(await stored()).toBeUndefined();
  expect(again.draft.value.text).toBe("");
});

it("7: who types without a pause has a draft in the store all the same", async () => {
  const page = await screen().loggedIn();
  const room = await screen().opened(page);
  for (let length = 1; length <= 10; length += 1) {
    room.setDraft({ text: "x".repeat(length), mentions: [] });
    await screen().browser.time.advance(100);
  }
  await until(() => page.app.rooms.list.value.length > 0);
  expect((await stored())?.length).toBeGreaterThan(5);
});

it("7: what is typed is kept when another tab logs out", async () => {
  const page = await screen().loggedIn();
  const room = await screen().opened(page);
  const other = await screen().browser.page();
  room.setDraft({ text: "half a tho", mentions: [] });
  await other.app.session.logout("keep");
  await until(() => page.app.session.phase.value.is !== "signed_in");
  expect(await stored()).toBe("half a tho");
});

it("3: who writes faster than the disk sends each message once, in order", async () => {
  const page = await screen().loggedIn();
  const room = await screen().opened(page);
  const words = ["one", "two", "three", "four"];
  const sends = words.map((text) => {
    room.setDraft({ text, mentions: [] });
    return room.send();
  });
  await Promise.all(sends);
  await until(() => texts(room).length === 4);
  expect(texts(room)).toEqual(words);
  expect(room.draft.value.text).toBe("");
});
