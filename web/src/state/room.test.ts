import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, it } from "vitest";
import { BOB, BOBS_DEVICE, idOf, ME, ROOM, text } from "../../test/fakes/ids.ts";
import { Browser, type Page } from "../../test/fakes/page.ts";
import { FakeRelay } from "../../test/fakes/relay.ts";
import { until } from "../../test/fakes/tab.ts";
import { ManualTime } from "../../test/fakes/time.ts";
import type { Message } from "../core/message.ts";
import type { MessageRow, OpenRoom } from "./room-model.ts";

let relay: FakeRelay;
let browser: Browser;
beforeEach(() => {
  relay = new FakeRelay(new ManualTime());
  relay.addUser(ME, "me");
  relay.addUser(BOB, "bob");
  relay.addDevice(BOBS_DEVICE, BOB);
  relay.addRoom(ROOM, "group", { [ME]: "owner", [BOB]: "member" }, "trip");
  browser = new Browser(relay);
});
afterEach(async () => {
  await browser.end();
});

async function loggedIn(): Promise<Page> {
  const page = await browser.page();
  if (page.app.session.phase.value.is !== "signed_in") {
    await page.app.session.login({ username: "me", password: "correct horse", isShared: false });
  }
  await until(() => ["online", "follower"].includes(page.app.connection.state.value.is));
  await until(() => page.app.rooms.list.value.length > 0);
  return page;
}

/** A room of the page, with what is on it. */
async function opened(page: Page, messages = 0): Promise<OpenRoom> {
  for (let at = 1; at <= messages; at += 1) {
    relay.publish(text(at, `m ${at}`));
  }
  await until(() => relay.acked.length >= messages && unread(page) === messages);
  const room = page.app.openRoom(ROOM);
  await until(() => messages === 0 || texts(room).length > 0);
  return room;
}

const unread = (page: Page) => page.app.rooms.list.value.find(({ id }) => id === ROOM)?.unread ?? 0;
const shown = (room: OpenRoom) =>
  room.timeline.rows.value.filter((row): row is MessageRow => row.is === "message");
const texts = (room: OpenRoom) =>
  shown(room).map(({ content }) => (content.is === "text" ? content.text : content.is));
const write = async (room: OpenRoom, words: string) => {
  room.setDraft({ text: words, mentions: [] });
  await room.send();
};

it("2: a message is on the page before any network, and takes its place when the relay has it", async () => {
  const page = await loggedIn();
  const room = await opened(page);
  relay.isDown = true;
  relay.dropAll(1006);
  await write(room, "hello");
  await until(() => texts(room).length === 1);
  const [row] = shown(room);
  expect(row).toMatchObject({ content: { is: "text", text: "hello" }, mark: "waiting", isMine: true });
  expect(page.app.connection.waiting.value).toBe(1);
  relay.isDown = false;
  page.app.connection.tryNow();
  await until(() => shown(room)[0]?.mark === "sent");
  // It is the same row, so nothing jumps.
  expect(shown(room).map(({ key }) => key)).toEqual([row?.key]);
  expect(page.app.rooms.list.value[0]?.last).toMatchObject({ text: "hello", isMine: true, mark: "sent" });
});

it("3: an edit, a reaction and a deletion show at once, also offline", async () => {
  const page = await loggedIn();
  const room = await opened(page, 1);
  await write(room, "teh");
  await until(() => shown(room).at(-1)?.mark === "sent");
  relay.isDown = true;
  relay.dropAll(1006);
  const [his, mine] = shown(room).map(({ target }) => target);
  room.setDraft({ text: "the", mentions: [], ...(mine === undefined ? {} : { editing: mine }) });
  await room.send();
  await room.react(his ?? { message: "", from: "" }, "👍", false);
  await until(() => texts(room).join() === "m 1,the");
  expect(shown(room)[0]?.reactions).toMatchObject([{ emoji: "👍", count: 1, isMine: true }]);
  relay.isDown = false;
  page.app.connection.tryNow();
  await until(() => page.app.connection.waiting.value === 0);
  await until(() => texts(room).join() === "m 1,the" && shown(room)[1]?.isEdited === true);
});

it("5: a refused message says why, can be tried again or dropped with its text", async () => {
  const page = await loggedIn();
  const room = await opened(page);
  relay.onSend = () => ({ error: { code: "muted", message: "you are muted", temporary: false } });
  await write(room, "no");
  await until(() => shown(room)[0]?.problem !== undefined);
  const [row] = shown(room);
  expect(row?.problem).toMatchObject({ key: "problem.muted" });
  const frames = relay.sends.length;
  await room.retry(row?.target.message ?? "");
  await until(() => relay.sends.length === frames + 1);
  await until(() => shown(room)[0]?.problem !== undefined);
  expect(relay.sends[0]).toBe(relay.sends[1]);
  expect(await room.discard(row?.target.message ?? "")).toBe("no");
  await until(() => texts(room).length === 0);
});

it("7: a draft survives a reload and is seen in the other tab, and goes with the send", async () => {
  const page = await loggedIn();
  const other = await loggedIn();
  const [room, there] = [await opened(page), await opened(other)];
  room.setDraft({ text: "half a thou", mentions: [BOB] });
  await browser.time.advance(400);
  await until(() => there.draft.value.text === "half a thou");
  expect(other.app.rooms.list.value[0]?.draft).toBe("half a thou");
  room.close();
  const again = page.app.openRoom(ROOM);
  await until(() => again.draft.value.text === "half a thou");
  expect(again.draft.value.mentions).toEqual([BOB]);
  relay.isDown = true;
  await again.send();
  await until(() => there.draft.value.text === "");
  expect(again.draft.value.text).toBe("");
});

it("8: a member without a device is named", async () => {
  relay.devices.delete(BOBS_DEVICE);
  const page = await loggedIn();
  const room = await opened(page);
  await room.loadMembers();
  await write(room, "anybody?");
  await until(() => shown(room)[0]?.mark === "unreachable");
  expect(shown(room)[0]?.unreachable).toEqual(["bob"]);
});

it("13: opens at the first unread with a divider that stays, and 25: only a look counts", async () => {
  const page = await loggedIn();
  const room = await opened(page, 30);
  expect(room.timeline.rows.value.map(({ is }) => is)).toContain("unread");
  expect(room.timeline.anchor.value).toEqual({ key: "unread", highlight: false });
  page.look(false);
  const keys = shown(room).map(({ key }) => key);
  room.inView(keys.slice(0, 10));
  await browser.time.advance(2_000);
  expect(unread(page)).toBe(30);
  page.look(true);
  await browser.time.advance(400);
  expect(unread(page)).toBe(30);
  await browser.time.advance(200);
  await until(() => unread(page) === 20);
  expect(room.timeline.rows.value.filter(({ is }) => is === "unread").length).toBe(1);
  await browser.time.advance(1_000);
  await until(() => relay.frames.some(({ type, up_to }) => type === "read" && up_to === idOf(10_010)));
  await room.markUnread(shown(room)[4]?.target ?? { message: "", from: "" });
  await until(() => unread(page) === 26);
  await room.markRead();
  await until(() => unread(page) === 0);
});

it("14: elsewhere nothing moves and what is new is counted; 16: older is loaded once", async () => {
  const page = await loggedIn();
  const room = await opened(page, 300);
  await room.markRead();
  room.close();
  const again = page.app.openRoom(ROOM);
  await until(() => texts(again).length === 80);
  expect(again.timeline.isAtEnd.value).toBe(true);
  expect(again.timeline.anchor.value).toBe("end");
  let first = "";
  while (!again.timeline.isAtBeginning.value) {
    const rows = shown(again);
    expect(rows[0]?.key).not.toBe(first);
    first = rows[0]?.key ?? "";
    again.timeline.visible(first, rows[5]?.key ?? "");
    await until(() => shown(again)[0]?.key !== first || again.timeline.isAtBeginning.value);
  }
  expect(texts(again).length).toBe(160);
  expect(texts(again)[0]).toBe("m 1");
  expect(again.timeline.rows.value[0]?.is).toBe("beginning");
  const before = shown(again).map(({ key }) => key);
  relay.publish(text(301, "new"));
  await until(() => again.timeline.beyond.value === 1);
  expect(shown(again).map(({ key }) => key)).toEqual(before);
  await again.timeline.jumpToEnd();
  expect(texts(again).at(-1)).toBe("new");
  expect(again.timeline.beyond.value).toBe(0);
  expect(await again.timeline.jumpTo({ message: idOf(10_005), from: BOB })).toBe(true);
  expect(texts(again)).toContain("m 5");
  expect(await again.timeline.jumpTo({ message: idOf(1), from: BOB })).toBe(false);
});

it("18: a gap shows 10 s after everything has come, and goes when it is filled", async () => {
  const page = await loggedIn();
  const room = await opened(page);
  relay.publish(text(1, "a"));
  relay.publish(text(3, "c"));
  await until(() => texts(room).length === 2);
  const gaps = () => room.timeline.rows.value.filter(({ is }) => is === "gap");
  await browser.time.advance(9_000);
  expect(gaps()).toEqual([]);
  await browser.time.advance(2_000);
  await until(() => gaps().length === 1);
  expect(gaps()[0]).toMatchObject({ who: "bob", count: 1 });
  relay.publish(text(2, "b"));
  await until(() => texts(room).join() === "a,b,c");
  expect(gaps()).toEqual([]);
});

it("20: a deletion takes the text from the row, the quote and the list", async () => {
  const page = await loggedIn();
  const room = await opened(page, 1);
  const his = shown(room)[0]?.target ?? { message: "", from: "" };
  relay.publish(text(2, "see above", { reply_to: his.message }));
  await until(() => texts(room).length === 2);
  expect(shown(room)[1]?.reply).toMatchObject({ isHere: true, author: "bob", text: "m 1" });
  relay.publish(text(3, { target: his }, { kind: "delete" }));
  await until(() => texts(room)[0] === "deleted");
  expect(JSON.stringify(room.timeline.rows.value)).not.toContain("m 1");
  expect(JSON.stringify(page.app.rooms.list.value)).not.toContain("m 1");
});

it("23: says what each person's devices did, and who has read", async () => {
  const page = await loggedIn();
  const room = await opened(page);
  await room.loadMembers();
  await write(room, "did you see?");
  await until(() => shown(room)[0]?.mark === "sent");
  const id = shown(room)[0]?.target.message ?? "";
  const receipts = room.receipts(id);
  relay.receipt(ME, {
    kind: "delivered",
    room: ROOM,
    to: [{ user: BOB, device: BOBS_DEVICE, messages: [id] }],
  });
  await until(() => shown(room)[0]?.mark === "delivered");
  const sent = (relay.devices.get(BOBS_DEVICE)?.queue[0]?.content as Message).sent_at;
  relay.receipt(ME, { kind: "read", room: ROOM, user: BOB, up_to: id, sent_at: sent });
  await until(() => shown(room)[0]?.mark === "read");
  await until(() => receipts.value[0]?.readAt !== undefined);
  expect(receipts.value).toMatchObject([{ user: "bob", devices: 1, delivered: 1, isExpired: false }]);
});

it("27: marks of other tabs and devices go everywhere", async () => {
  const page = await loggedIn();
  const other = await loggedIn();
  const room = await opened(page, 3);
  await until(() => unread(other) === 3);
  await room.markRead();
  await until(() => unread(other) === 0);
  expect(other.app.rooms.total.value).toEqual({ messages: 0, mentions: 0 });
});

it("31: a short loss is not shown", async () => {
  const page = await loggedIn();
  relay.dropAll(1006);
  await browser.time.advance(100);
  expect(page.app.connection.state.value.is).toBe("online");
  relay.isDown = true;
  relay.dropAll(1006);
  await browser.time.advance(3_000);
  await until(() => ["offline", "connecting"].includes(page.app.connection.state.value.is));
});

it("19: a write to a room that is muted, left or blocked says why not", async () => {
  const page = await loggedIn();
  const room = await opened(page);
  expect(room.mayWrite.value).toEqual({ ok: true });
  relay.notice(ME, { kind: "member_removed", room: ROOM, user: ME, by: BOB });
  await until(() => !room.mayWrite.value.ok);
  expect(room.mayWrite.value).toEqual({ ok: false, why: "not_member" });
});

it("29: one notification, from the tab that leads, and none for a room in sight", async () => {
  const page = await loggedIn();
  const other = await loggedIn();
  other.look(false);
  await opened(page);
  relay.publish(text(1, "psst"));
  await until(() => unread(page) === 1);
  await browser.time.advance(1_200);
  expect([...page.notes, ...other.notes]).toEqual([]);
  page.look(false);
  relay.publish(text(2, "hey", { mentions: [ME] }));
  await until(() => unread(page) === 2);
  await browser.time.advance(1_200);
  await until(() => page.notes.length + other.notes.length === 1);
});
