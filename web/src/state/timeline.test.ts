import "fake-indexeddb/auto";
import { expect, it } from "vitest";
import { BOB, idOf, ROOM, text } from "../../test/fakes/ids.ts";
import type { Page } from "../../test/fakes/page.ts";
import { shown, texts, unread, useScreen } from "../../test/fakes/screen.ts";
import { until } from "../../test/fakes/tab.ts";
import type { OpenRoom } from "./room-model.ts";

const screen = useScreen();

it("13: opens at the first unread with a divider that stays, and 25: only a look counts", async () => {
  const page = await screen().loggedIn();
  const room = await screen().opened(page, 30);
  expect(room.timeline.rows.value.map(({ is }) => is)).toContain("unread");
  expect(room.timeline.anchor.value).toEqual({ key: "unread", highlight: false });
  page.look(false);
  const keys = shown(room).map(({ key }) => key);
  room.inView(keys.slice(0, 10));
  await screen().browser.time.advance(2_000);
  expect(unread(page)).toBe(30);
  page.look(true);
  await screen().browser.time.advance(400);
  expect(unread(page)).toBe(30);
  await screen().browser.time.advance(200);
  await until(() => unread(page) === 20);
  expect(room.timeline.rows.value.filter(({ is }) => is === "unread").length).toBe(1);
  await screen().browser.time.advance(1_000);
  await until(() =>
    screen().relay.frames.some(({ type, up_to }) => type === "read" && up_to === idOf(10_010)),
  );
  await room.markUnread(shown(room)[4]?.target ?? { message: "", from: "" });
  await until(() => unread(page) === 26);
  await room.markRead();
  await until(() => unread(page) === 0);
});

/** Opens a room with 300 messages that are read. */
async function openedAtEnd(page: Page): Promise<OpenRoom> {
  const room = await screen().opened(page, 300);
  await room.markRead();
  room.close();
  const again = page.app.openRoom(ROOM);
  await until(() => texts(again).length === 80);
  expect(again.timeline.isAtEnd.value).toBe(true);
  expect(again.timeline.anchor.value).toBe("end");
  return again;
}

/** Scrolls up to the beginning. */
async function toBeginning(again: OpenRoom): Promise<void> {
  let first = "";
  while (!again.timeline.isAtBeginning.value) {
    const rows = shown(again);
    expect(rows[0]?.key).not.toBe(first);
    first = rows[0]?.key ?? "";
    again.timeline.visible(first, rows[5]?.key ?? "");
    await until(() => shown(again)[0]?.key !== first || again.timeline.isAtBeginning.value);
  }
}

it("16: older is loaded once, and nothing is asked for at the beginning", async () => {
  const page = await screen().loggedIn();
  const room = await openedAtEnd(page);
  await toBeginning(room);
  expect(texts(room).length).toBe(160);
  expect(texts(room)[0]).toBe("m 1");
  expect(room.timeline.rows.value[0]?.is).toBe("beginning");
  const rows = room.timeline.rows.value;
  const key = shown(room)[0]?.key ?? "";
  room.timeline.visible(key, key);
  await screen().browser.time.advance(100);
  expect(room.timeline.rows.value).toBe(rows);
});

it("14: elsewhere nothing moves, and what is new is counted", async () => {
  const page = await screen().loggedIn();
  const again = await openedAtEnd(page);
  await toBeginning(again);
  const before = shown(again).map(({ key }) => key);
  screen().relay.publish(text(301, "new"));
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
  const page = await screen().loggedIn();
  const room = await screen().opened(page);
  screen().relay.publish(text(1, "a"));
  screen().relay.publish(text(3, "c"));
  await until(() => texts(room).length === 2);
  const gaps = () => room.timeline.rows.value.filter(({ is }) => is === "gap");
  await screen().browser.time.advance(9_000);
  expect(gaps()).toEqual([]);
  await screen().browser.time.advance(2_000);
  await until(() => gaps().length === 1);
  expect(gaps()[0]).toMatchObject({ who: "bob", count: 1 });
  screen().relay.publish(text(2, "b"));
  await until(() => texts(room).join() === "a,b,c");
  expect(gaps()).toEqual([]);
});

for (const hours of [-24, 24]) {
  it(`18: a clock that is set by ${hours} h shows a gap neither late nor early`, async () => {
    const page = await screen().loggedIn();
    const room = await screen().opened(page);
    screen().relay.publish(text(1, "a"));
    screen().relay.publish(text(3, "c"));
    await until(() => texts(room).length === 2);
    const gaps = () => room.timeline.rows.value.filter(({ is }) => is === "gap").length;
    screen().browser.time.ahead += hours * 3_600_000;
    await screen().browser.time.advance(5_000);
    screen().relay.publish(text(4, "d"));
    await until(() => texts(room).length === 3);
    expect(gaps()).toBe(0);
    await screen().browser.time.advance(6_000);
    await until(() => gaps() === 1);
  });
}

it("20: a deletion takes the text from the row, the quote and the list", async () => {
  const page = await screen().loggedIn();
  const room = await screen().opened(page, 1);
  const his = shown(room)[0]?.target ?? { message: "", from: "" };
  screen().relay.publish(text(2, "see above", { reply_to: his.message }));
  await until(() => texts(room).length === 2);
  expect(shown(room)[1]?.reply).toMatchObject({ isHere: true, author: "bob", text: "m 1" });
  screen().relay.publish(text(3, { target: his }, { kind: "delete" }));
  await until(() => texts(room)[0] === "deleted");
  expect(JSON.stringify(room.timeline.rows.value)).not.toContain("m 1");
  expect(JSON.stringify(page.app.rooms.list.value)).not.toContain("m 1");
});
