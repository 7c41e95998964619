import "fake-indexeddb/auto";
import { expect, it } from "vitest";
import { BOB, BOBS_DEVICE, ME, ROOM, text } from "../../test/fakes/ids.ts";
import { shown, texts, unread, useScreen, write } from "../../test/fakes/screen.ts";
import { until } from "../../test/fakes/tab.ts";
import type { Message } from "../core/message.ts";

const screen = useScreen();

it("2: a message is on the page before any network, and takes its place when the relay has it", async () => {
  const page = await screen().loggedIn();
  const room = await screen().opened(page);
  screen().relay.isDown = true;
  screen().relay.dropAll(1006);
  await write(room, "hello");
  await until(() => texts(room).length === 1);
  const [row] = shown(room);
  expect(row).toMatchObject({ content: { is: "text", text: "hello" }, mark: "waiting", isMine: true });
  expect(page.app.connection.waiting.value).toBe(1);
  screen().relay.isDown = false;
  page.app.connection.tryNow();
  await until(() => shown(room)[0]?.mark === "sent");
  // It is the same row, so nothing jumps.
  expect(shown(room).map(({ key }) => key)).toEqual([row?.key]);
  expect(page.app.rooms.list.value[0]?.last).toMatchObject({ text: "hello", isMine: true, mark: "sent" });
});

it("3: an edit, a reaction and a deletion show at once, also offline", async () => {
  const page = await screen().loggedIn();
  const room = await screen().opened(page, 1);
  await write(room, "teh");
  await until(() => shown(room).at(-1)?.mark === "sent");
  screen().relay.isDown = true;
  screen().relay.dropAll(1006);
  const [his, mine] = shown(room).map(({ target }) => target);
  room.setDraft({ text: "the", mentions: [], ...(mine === undefined ? {} : { editing: mine }) });
  await room.send();
  await room.react(his ?? { message: "", from: "" }, "👍", false);
  await until(() => texts(room).join() === "m 1,the");
  expect(shown(room)[0]?.reactions).toMatchObject([{ emoji: "👍", count: 1, isMine: true }]);
  screen().relay.isDown = false;
  page.app.connection.tryNow();
  await until(() => page.app.connection.waiting.value === 0);
  await until(() => texts(room).join() === "m 1,the" && shown(room)[1]?.isEdited === true);
});

it("5: a refused message says why, can be tried again or dropped with its text", async () => {
  const page = await screen().loggedIn();
  const room = await screen().opened(page);
  screen().relay.onSend = () => ({ error: { code: "muted", message: "you are muted", temporary: false } });
  await write(room, "no");
  await until(() => shown(room)[0]?.problem !== undefined);
  const [row] = shown(room);
  expect(row?.problem).toMatchObject({ key: "problem.muted" });
  const frames = screen().relay.sends.length;
  await room.retry(row?.target.message ?? "");
  await until(() => screen().relay.sends.length === frames + 1);
  await until(() => shown(room)[0]?.problem !== undefined);
  expect(screen().relay.sends[0]).toBe(screen().relay.sends[1]);
  expect(await room.discard(row?.target.message ?? "")).toEqual({ ok: true, value: undefined });
  await until(() => texts(room).length === 0);
});

it("7: a draft survives a reload and is seen in the other tab, and goes with the send", async () => {
  const page = await screen().loggedIn();
  const other = await screen().loggedIn();
  const [room, there] = [await screen().opened(page), await screen().opened(other)];
  room.setDraft({ text: "half a thou", mentions: [BOB] });
  await screen().browser.time.advance(400);
  await until(() => there.draft.value.text === "half a thou");
  expect(other.app.rooms.list.value[0]?.draft).toBe("half a thou");
  room.close();
  const again = page.app.openRoom(ROOM);
  await until(() => again.draft.value.text === "half a thou");
  expect(again.draft.value.mentions).toEqual([BOB]);
  screen().relay.isDown = true;
  await again.send();
  await until(() => there.draft.value.text === "");
  expect(again.draft.value.text).toBe("");
});

it("8: a member without a device is named", async () => {
  screen().relay.devices.delete(BOBS_DEVICE);
  const page = await screen().loggedIn();
  const room = await screen().opened(page);
  await room.loadMembers();
  await write(room, "anybody?");
  await until(() => shown(room)[0]?.mark === "unreachable");
  expect(shown(room)[0]?.unreachable).toEqual(["bob"]);
});

it("23: says what each person's devices did, and who has read", async () => {
  const page = await screen().loggedIn();
  const room = await screen().opened(page);
  await room.loadMembers();
  await write(room, "did you see?");
  await until(() => shown(room)[0]?.mark === "sent");
  const id = shown(room)[0]?.target.message ?? "";
  const receipts = room.receipts(id);
  screen().relay.receipt(ME, {
    kind: "delivered",
    room: ROOM,
    to: [{ user: BOB, device: BOBS_DEVICE, messages: [id] }],
  });
  await until(() => shown(room)[0]?.mark === "delivered");
  const sent = (screen().relay.devices.get(BOBS_DEVICE)?.queue[0]?.content as Message | undefined)?.sent_at;
  screen().relay.receipt(ME, { kind: "read", room: ROOM, user: BOB, up_to: id, sent_at: sent });
  await until(() => shown(room)[0]?.mark === "read");
  await until(() => receipts.value[0]?.readAt !== undefined);
  expect(receipts.value).toMatchObject([
    { user: BOB, name: "bob", devices: 1, delivered: 1, isExpired: false },
  ]);
});

it("27: marks of other tabs and devices go everywhere", async () => {
  const page = await screen().loggedIn();
  const other = await screen().loggedIn();
  const room = await screen().opened(page, 3);
  await until(() => unread(other) === 3);
  await room.markRead();
  await until(() => unread(other) === 0);
  expect(other.app.rooms.total.value).toEqual({ messages: 0, mentions: 0 });
});

it("31: a short loss is not shown", async () => {
  const page = await screen().loggedIn();
  screen().relay.dropAll(1006);
  await screen().browser.time.advance(100);
  expect(page.app.connection.state.value.is).toBe("online");
  screen().relay.isDown = true;
  screen().relay.dropAll(1006);
  await screen().browser.time.advance(3_000);
  await until(() => ["offline", "connecting"].includes(page.app.connection.state.value.is));
});

it("5: a write to a room that is muted, left or blocked says why not", async () => {
  const page = await screen().loggedIn();
  const room = await screen().opened(page);
  expect(room.mayWrite.value).toEqual({ ok: true });
  screen().relay.notice(ME, { kind: "member_removed", room: ROOM, user: ME, by: BOB });
  await until(() => !room.mayWrite.value.ok);
  expect(room.mayWrite.value).toEqual({ ok: false, why: "not_member" });
});

it("29: one notification, from the tab that leads, and none for a room in sight", async () => {
  const page = await screen().loggedIn();
  const other = await screen().loggedIn();
  other.look(false);
  await screen().opened(page);
  screen().relay.publish(text(1, "psst"));
  await until(() => unread(page) === 1);
  await screen().browser.time.advance(1_200);
  expect([...page.notes, ...other.notes]).toEqual([]);
  page.look(false);
  screen().relay.publish(text(2, "hey", { mentions: [ME] }));
  await until(() => unread(page) === 2);
  await screen().browser.time.advance(1_200);
  await until(() => page.notes.length + other.notes.length === 1);
});
