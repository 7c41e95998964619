import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { BOB, idOf, ME, MY_DEVICE, ROOM, text } from "../../test/fakes/ids.ts";
import { type Tab, until, World } from "../../test/fakes/tab.ts";
import type { Signal } from "../db/changes.ts";
import { Bus, tabLock } from "../db/changes.ts";
import { getMeta } from "../db/meta.ts";

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await world.end();
});

const online = (tab: Tab) => tab.state?.is === "online";
const mine = () => world.relay.devices.get(MY_DEVICE);

it("acks only what is stored, each delivery once", async () => {
  for (let at = 1; at <= 300; at += 1) {
    world.relay.publish(text(at, `m ${at}`));
  }
  const tab = (await world.tab()).start();
  await until(() => online(tab));
  await until(() => world.relay.acked.length === 300);
  expect((await tab.texts()).length).toBe(300);
  expect(mine()?.queue).toEqual([]);
  expect((await tab.db.get("rooms", ROOM))?.unread.messages).toBe(300);
});

it("28: a backlog is counted until everything has come, and only then what comes is news", async () => {
  const news: Extract<Signal, { is: "news" }>[] = [];
  for (let at = 1; at <= 200; at += 1) {
    world.relay.publish(text(at, `m ${at}`));
  }
  const tab = await world.tab();
  const other = await world.tab();
  other.bus.listen((signal) => signal.is === "news" && news.push(signal));
  tab.start();
  await until(() => online(tab) && world.relay.acked.length === 200);
  expect(tab.states.map(({ is }) => is)).toContain("catching_up");
  expect(news.filter(({ isBacklog }) => !isBacklog)).toEqual([]);
  expect(news[0]?.isBacklog).toBe(true);
  news.length = 0;
  world.relay.publish(text(201, "now", { mentions: [ME] }));
  await until(() => news.length === 1);
  expect(news[0]).toMatchObject({ isBacklog: false, news: [{ room: ROOM, isMention: true }] });
  expect(await getMeta(tab.db, "drainedAt")).toBe(world.time.now());
});

it("22: what this version cannot show is stored and acked", async () => {
  world.relay.isLater = true;
  world.relay.publish(text(1, { a: 1 }, { kind: "poll.v9" }));
  world.relay.deliver(MY_DEVICE, { type: "group" as "notice", content: { secret: 1 }, redelivered: false });
  world.relay.notice(ME, { kind: "from_the_future" });
  const tab = (await world.tab()).start();
  await until(() => online(tab) && world.relay.frames.filter(({ type }) => type === "ack").length > 0);
  await until(async () => (await tab.db.count("later")) === 1);
  const [row] = await tab.db.getAllFromIndex("messages", "place");
  expect(row?.slot.message).toMatchObject({ kind: "poll.v9", body: { a: 1 } });
  const acks = world.relay.frames.filter(({ type }) => type === "ack");
  expect(acks.flatMap((ack) => ack["deliveries"]).length).toBe(3);
  expect((await tab.db.getAll("notices")).map(({ kind }) => kind)).toEqual(["unknown"]);
});

it("20: a deletion removes a frame that this version cannot read, whichever comes first", async () => {
  world.relay.isLater = true;
  // A message with a role that only a later version knows, and an edit of it.
  const odd = (number: number, body: unknown, more: object) => ({
    ...text(number, body, more),
    from: { user: BOB, device: idOf(12), role: "captain" },
  });
  const target = { message: idOf(10_001), from: BOB };
  world.relay.publish(odd(1, "the quick brown fox", {}) as never);
  world.relay.publish(odd(2, { target, body: "a red fox" }, { kind: "edit" }) as never);
  world.relay.publish(odd(3, "stays", {}) as never);
  const tab = (await world.tab()).start();
  await until(async () => (await tab.db.count("later")) === 3);
  world.relay.publish(text(4, { target }, { kind: "delete" }));
  await until(async () => (await tab.db.count("later")) === 1);
  world.relay.publish(odd(5, { target, body: "a late fox" }, { kind: "edit" }) as never);
  world.relay.publish(text(6, "the end"));
  await until(async () => (await tab.texts()).includes("the end"));
  const all = await Promise.all([...tab.db.objectStoreNames].map((name) => tab.db.getAll(name)));
  expect(JSON.stringify(all)).toContain("stays");
  expect(JSON.stringify(all)).not.toContain("fox");
});

it("26: what is read on another device is read here", async () => {
  world.relay.publish(text(1, "a"));
  world.relay.publish(text(2, "b", { mentions: [ME] }));
  world.relay.notice(ME, { kind: "friend_requested", user: ME, by: BOB });
  const tab = (await world.tab()).start();
  await until(async () => (await tab.db.get("rooms", ROOM))?.unread.messages === 2);
  const [notice] = await tab.db.getAll("notices");
  expect(await getMeta(tab.db, "unreadNotices")).toBe(1);
  world.relay.receipt(ME, { kind: "read", room: ROOM, user: ME, up_to: idOf(10_002), sent_at: 1_002_000 });
  world.relay.receipt(ME, { kind: "notices_read", notices: [notice?.id] });
  await until(async () => (await getMeta(tab.db, "unreadNotices")) === 0);
  const room = await tab.db.get("rooms", ROOM);
  expect(room?.unread).toEqual({ messages: 0, mentions: 0 });
});

it("34: a new login is a notice with its name and address", async () => {
  world.relay.notice(ME, { kind: "device_added", device: idOf(9), name: "phone", ip: "192.0.2.1" });
  const tab = (await world.tab()).start();
  await until(async () => (await tab.db.count("notices")) === 1);
  const [row] = await tab.db.getAll("notices");
  expect(row).toMatchObject({
    kind: "device_added",
    fields: { name: "phone", ip: "192.0.2.1" },
    isRead: false,
  });
});

it("25: tells the relay what was read, with who wrote it, and forgets it then", async () => {
  const tab = (await world.tab()).start();
  await until(() => online(tab));
  await tab.db.put("marks", { key: ROOM, room: ROOM, up_to: idOf(5), sent_at: 5, authors: [BOB] });
  tab.bus.changed("marks");
  await world.time.advance(300);
  await until(async () => (await tab.db.count("marks")) === 0);
  const reads = world.relay.frames.filter(({ type }) => type === "read");
  expect(reads).toEqual([{ type: "read", room: ROOM, up_to: idOf(5), sent_at: 5, authors: [BOB] }]);
});

it("33: writing lapses in time, and everything live when the connection goes", async () => {
  const heard: Signal[] = [];
  const tab = (await world.tab()).start();
  const other = await world.tab();
  other.bus.listen((signal) => ["typing", "unknown", "presence"].includes(signal.is) && heard.push(signal));
  await until(() => online(tab));
  const here = new AbortController();
  hold(tabLock("other"), here.signal);
  other.bus.post({ is: "watch", tab: "other", users: [BOB] });
  await world.time.advance(1_100);
  await until(() => mine()?.connection?.watched.includes(BOB) === true);
  mine()?.connection?.presence(BOB, "online");
  mine()?.connection?.typing(ROOM, BOB, true);
  await until(() => heard.length === 2);
  await world.time.advance(6_100);
  await until(() => heard.length === 3);
  expect(heard).toEqual([
    { is: "presence", users: [{ user: BOB, status: "online" }] },
    { is: "typing", room: ROOM, user: BOB, active: true },
    { is: "typing", room: ROOM, user: BOB, active: false },
  ]);
  heard.length = 0;
  world.relay.dropAll(1006);
  await until(() => heard.some(({ is }) => is === "unknown"));
  // The new connection watches again.
  await world.time.advance(3_000);
  await until(() => mine()?.connection?.watched.includes(BOB) === true);
});

it("F7: a full disk acks nothing and closes the socket; with room again all arrives", async () => {
  for (let at = 1; at <= 10; at += 1) {
    world.relay.publish(text(at, `m ${at}`));
  }
  let isFull = true;
  const put = IDBObjectStore.prototype.put;
  vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(function (this: IDBObjectStore, value, key) {
    if (isFull && (this.name === "messages" || key === "probe")) {
      throw new DOMException("full", "QuotaExceededError");
    }
    return put.call(this, value, key);
  });
  const tab = (await world.tab()).start();
  await until(() => tab.state?.is === "storage_full");
  expect(mine()?.connection).toBeUndefined();
  expect(world.relay.acked).toEqual([]);
  expect(mine()?.queue.length).toBe(10);
  await world.time.advance(40_000);
  expect(tab.state?.is).toBe("storage_full");
  isFull = false;
  await world.time.advance(16_000);
  await until(() => online(tab) && world.relay.acked.length === 10);
  expect((await tab.texts()).length).toBe(10);
});

it("18: a relay that began anew leaves a time for which something may be missing", async () => {
  // This device logged in before the relay's clock began to count.
  world.relay.wholeSince = world.time.truth() - 1_000;
  const first = (await world.tab()).start();
  const before = world.time.truth();
  await until(async () => (await getMeta(first.db, "coverage"))?.drained === before);
  const known = (await getMeta(first.db, "coverage"))?.holes.length ?? 0;
  first.end();
  await world.time.advance(60_000);
  world.relay.wholeSince = world.time.truth() - 5_000;
  const second = (await world.tab()).start();
  await until(async () => (await getMeta(second.db, "coverage"))?.holes.length === known + 1);
  expect((await getMeta(second.db, "coverage"))?.holes.at(-1)).toEqual({
    since: before,
    until: world.relay.wholeSince,
  });
});

it("18: what has come and is not stored does not count as being here", async () => {
  world.relay.publish(text(1, "one"));
  let isBroken = true;
  const put = IDBObjectStore.prototype.put;
  vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(function (this: IDBObjectStore, value, key) {
    if (isBroken && this.name === "messages") {
      throw new DOMException("full", "QuotaExceededError");
    }
    return put.call(this, value, key);
  });
  const tab = (await world.tab()).start();
  await until(() => tab.state?.is === "storage_full");
  expect(await getMeta(tab.db, "drainedAt")).toBeUndefined();
  isBroken = false;
  await world.time.advance(16_000);
  await until(async () => (await getMeta(tab.db, "drainedAt")) !== undefined);
  expect(await tab.texts()).toEqual(["one"]);
});

it("F14: after a slow disk and a close 4001, what was stored is acked and not stored twice", async () => {
  for (let at = 1; at <= 100; at += 1) {
    world.relay.publish(text(at, `m ${at}`));
  }
  const tab = await world.tab();
  tab.start();
  await until(async () => (await tab.db.count("records")) > 0);
  // The acks of the first window are lost with the connection.
  world.relay.dropAll(4001);
  await world.time.advance(2_000);
  await until(() => online(tab) && mine()?.queue.length === 0);
  await until(async () => (await tab.db.get("rooms", ROOM))?.messages === 100);
  expect((await tab.db.get("rooms", ROOM))?.unread.messages).toBe(100);
  expect(world.relay.frames.filter(({ type }) => type === "ack").length).toBeLessThan(20);
});

it("F9: after the clock of the device was set back, a connection asks for everything again", async () => {
  const tab = (await world.tab()).start();
  const asked = () => world.relay.calls.filter((call) => call === "GET /v1/invitations").length;
  await until(() => online(tab) && asked() === 1);
  world.time.ahead = -24 * 60 * 60 * 1_000;
  await world.time.advance(120_000);
  world.relay.dropAll(1012);
  await world.time.advance(2_000);
  await until(() => online(tab) && asked() === 2);
});

it("asks who wrote and what the room is, once", async () => {
  const stranger = idOf(77);
  world.relay.addUser(stranger, "sam");
  world.relay.addRoom(idOf(101), "direct", { [ME]: "member", [stranger]: "member" });
  const from = { user: stranger, device: idOf(78), role: "member" } as const;
  const tab = (await world.tab()).start();
  await until(() => online(tab));
  await until(async () => (await tab.db.get("rooms", idOf(101)))?.peer === stranger);
  world.relay.publish(text(1, "hi", { from }));
  world.relay.publish(text(2, "hi", { from }));
  await until(async () => (await tab.db.get("people", stranger))?.username === "sam");
  expect(world.relay.calls.filter((call) => call === `GET /v1/users/${stranger}`).length).toBe(1);
  expect((await tab.db.get("rooms", ROOM))?.name).toBe("trip");
});

it("33: a tab that is gone watches nobody any more, however it went", async () => {
  const tab = (await world.tab()).start();
  await until(() => tab.state?.is === "online");
  const watched = () => world.relay.devices.get(MY_DEVICE)?.connection?.watched ?? [];
  const [one, two] = [new AbortController(), new AbortController()];
  hold(tabLock("one"), one.signal);
  hold(tabLock("two"), two.signal);
  const others = new Bus(world.channels.open());
  others.post({ is: "watch", tab: "one", users: [BOB] });
  others.post({ is: "watch", tab: "two", users: [ME] });
  await world.time.advance(1_100);
  await until(() => watched().length === 2);
  // The tab dies and says nothing. Its lock goes with it.
  one.abort();
  await world.time.advance(1_100);
  await until(() => watched().length === 1);
  expect(watched()).toEqual([ME]);
  others.close();
});

/** Holds a lock until the signal says that its tab is gone. */
function hold(name: string, signal: AbortSignal): void {
  void world.locks.request(
    name,
    {},
    () =>
      new Promise((resolve) => {
        signal.addEventListener("abort", () => resolve());
      }),
  );
}
