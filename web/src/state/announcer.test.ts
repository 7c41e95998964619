import "fake-indexeddb/auto";
import { effect } from "@preact/signals";
import { expect, it, vi } from "vitest";
import { BOB, idOf, ME, ROOM, text } from "../../test/fakes/ids.ts";
import { useScreen, write } from "../../test/fakes/screen.ts";
import { until } from "../../test/fakes/tab.ts";
import { settled } from "../../test/fakes/time.ts";

const screen = useScreen();
const real = IDBObjectStore.prototype.get;
const target = { message: idOf(10_001), from: BOB };

/** A hidden page with a notification of Bob's message. */
async function notified() {
  const page = await screen().loggedIn();
  page.look(false);
  screen().relay.publish(text(1, "the secret"));
  await until(async () => {
    await screen().browser.time.advance(1_100);
    return page.notes.length === 1;
  });
  expect(page.notes[0]?.text).toContain("the secret");
  page.closed.length = 0;
  return page;
}

it("26: what is read on another device is not notified of any more", async () => {
  const page = await notified();
  const read = { kind: "read", room: ROOM, user: ME, up_to: target.message, sent_at: 1_001_000 };
  screen().relay.receipt(ME, read);
  await until(() => page.closed.includes(ROOM));
});

it("20: a deleted message is not notified of any more", async () => {
  const page = await notified();
  screen().relay.publish(text(2, { target }, { kind: "delete" }));
  await until(() => page.closed.includes(ROOM));
});

it("20: a message that is deleted before it was told is not told", async () => {
  const page = await screen().loggedIn();
  page.look(false);
  screen().relay.publish(text(1, "the secret"));
  screen().relay.publish(text(2, { target }, { kind: "delete" }));
  screen().relay.publish(text(3, "hello"));
  await until(async () => {
    await screen().browser.time.advance(1_100);
    return page.notes.length > 0;
  });
  expect(page.notes.map(({ text }) => text).join()).toContain("hello");
  expect(page.notes.length).toBe(1);
});

it("49: with the first message that is sent, the browser is asked to keep what is stored", async () => {
  const page = await screen().loggedIn();
  expect(page.persists).toBe(0);
  const room = await screen().opened(page);
  await write(room, "one");
  await write(room, "two");
  await until(() => page.app.connection.waiting.value === 0 && page.persists > 0);
  expect(page.persists).toBe(1);
  room.close();
});

it("30: a room in sight in another window is told by none", async () => {
  const leader = await screen().loggedIn();
  const other = await screen().loggedIn();
  const room = other.app.openRoom(ROOM);
  screen().relay.publish(text(1, "seen over there"));
  await until(() => leader.app.rooms.list.value.some(({ last }) => last?.text === "seen over there"));
  await screen().browser.time.advance(1_100);
  expect([...leader.notes, ...other.notes]).toEqual([]);
  // The user looks away from it.
  other.look(false);
  screen().relay.publish(text(2, "not seen"));
  await until(async () => {
    await screen().browser.time.advance(1_100);
    return leader.notes.length > 0;
  });
  expect(leader.notes).toMatchObject([{ text: expect.stringContaining("not seen") }]);
  room.close();
});

it("47: what is told of one user's message is not told after their login has ended", async () => {
  const page = await screen().loggedIn();
  const words = vi.spyOn(IDBObjectStore.prototype, "get");
  screen().relay.publish(text(1, "the secret"));
  await until(() => page.app.rooms.list.value.some(({ last }) => last?.text === "the secret"));
  const told: string[] = [];
  const end = effect(() => {
    told.push(page.app.announcement.value);
  });
  // The login ends while the words are being read.
  let isOver = false;
  words.mockImplementation(function (this: IDBObjectStore, key) {
    if (!isOver && this.name === "messages") {
      isOver = true;
      page.app.stop();
    }
    return real.call(this, key);
  });
  await screen().browser.time.advance(1_100);
  await settled();
  words.mockRestore();
  end();
  expect(isOver).toBe(true);
  expect(told.join()).not.toContain("the secret");
  expect(page.notes).toEqual([]);
});

it("47: what was told of one user's messages is not there for the next", async () => {
  const page = await screen().loggedIn();
  screen().relay.publish(text(1, "the secret"));
  await until(async () => {
    await screen().browser.time.advance(1_100);
    return page.app.announcement.value.includes("the secret");
  });
  expect(await page.app.session.logout("keep")).toMatchObject({ ok: true });
  expect(page.app.announcement.value).toBe("");
});

it("28: a backlog is one summary, and no notification", async () => {
  const page = await screen().loggedIn();
  page.look(false);
  screen().relay.isDown = true;
  screen().relay.dropAll(1006);
  await screen().browser.time.advance(5_000);
  for (let at = 1; at <= 5; at += 1) {
    screen().relay.publish(text(at, `m ${at}`));
  }
  screen().relay.isDown = false;
  page.app.connection.tryNow();
  await until(async () => {
    await screen().browser.time.advance(1_100);
    return page.app.announcement.value === 'announce.backlog {"n":5}';
  });
  await screen().browser.time.advance(2_000);
  expect(page.notes).toEqual([]);
});

it("29: a mention passes a muted room, and nothing else does", async () => {
  const page = await screen().loggedIn();
  const room = await screen().opened(page);
  await room.setMuted(true);
  room.close();
  page.look(false);
  screen().relay.publish(text(1, "not for me"));
  screen().relay.publish(text(2, "for me", { mentions: [ME] }));
  await until(async () => {
    await screen().browser.time.advance(1_100);
    return page.notes.length > 0;
  });
  expect(page.notes.length).toBe(1);
  expect(page.notes[0]?.text).toContain("for me");
  expect(page.notes[0]?.text).not.toContain("not for me");
});

it("30: a notification has no text where the user hides it", async () => {
  const page = await screen().loggedIn();
  page.app.settings.set({ notificationText: false });
  page.look(false);
  screen().relay.publish(text(1, "the secret"));
  await until(async () => {
    await screen().browser.time.advance(1_100);
    return page.notes.length === 1;
  });
  expect(JSON.stringify(page.notes)).not.toContain("secret");
});
