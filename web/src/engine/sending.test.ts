import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { BOB, BOBS_DEVICE, ME, MY_DEVICE, ROOM } from "../../test/fakes/ids.ts";
import { until, World } from "../../test/fakes/tab.ts";
import type { Message } from "../core/message.ts";

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await world.end();
});

const bobs = () => world.relay.devices.get(BOBS_DEVICE)?.queue ?? [];
const bodies = () =>
  bobs().flatMap(({ type, content }) => (type === "message" ? [(content as Message).body] : []));
const online = (tab: { state: { is: string } | undefined }) => tab.state?.is === "online";

it("3: what was written offline is sent once, in order, after a restart", async () => {
  world.relay.isDown = true;
  const first = (await world.tab()).start();
  const ids = [await first.write("one"), await first.write("two"), await first.write("three")];
  await world.time.advance(1_000);
  expect(bodies()).toEqual([]);
  first.end();
  world.relay.isDown = false;
  const second = (await world.tab()).start();
  await until(async () => (await second.db.count("outbox")) === 0);
  expect(bodies()).toEqual(["one", "two", "three"]);
  expect(await second.texts()).toEqual(["one", "two", "three"]);
  const rows = await second.db.getAllFromIndex("messages", "place");
  expect(rows.map(({ id, ledger }) => [id, ledger?.recipients])).toEqual(ids.map((id) => [id, 1]));
});

it("4: a retry keeps its id and its frame", async () => {
  let deaths = 0;
  world.relay.onSend = () => {
    deaths += 1;
    return deaths === 1 ? "die_after" : undefined;
  };
  const tab = (await world.tab()).start();
  await tab.write("once");
  await until(() => deaths === 1);
  await world.time.advance(5_000);
  await until(async () => (await tab.db.count("outbox")) === 0);
  expect(world.relay.sends.length).toBe(2);
  expect(new Set(world.relay.sends).size).toBe(1);
  expect(await tab.texts()).toEqual(["once"]);
  // The others drop the copy by its id and its device.
  const copies = bobs().map(({ content }) => (content as Message).id);
  expect(new Set(copies).size).toBe(1);
});

it("5: a temporary refusal waits as long as the relay says, and tells until when", async () => {
  let refusals = 1;
  world.relay.onSend = () =>
    refusals-- > 0 ? { error: { code: "rate_limited", temporary: true, retry_after_ms: 4_000 } } : undefined;
  const tab = (await world.tab()).start();
  await tab.write("patience");
  await tab.write("after it");
  await until(async () => (await tab.db.getAll("outbox"))[0]?.refused !== undefined);
  const [row] = await tab.db.getAll("outbox");
  expect(row?.refused).toEqual({ code: "rate_limited", until: world.time.now() + 4_000 });
  await world.time.advance(3_900);
  expect(bodies()).not.toContain("patience");
  await world.time.advance(200);
  await until(async () => (await tab.db.count("outbox")) === 0);
  expect(bodies()).toContain("patience");
});

it("5: a permanent refusal stays with its reason, and holds nothing up", async () => {
  world.relay.onSend = ({ body }) =>
    body === "bad" ? { error: { code: "muted", message: "you are muted", temporary: false } } : undefined;
  const tab = (await world.tab()).start();
  await tab.write("bad");
  await tab.write("good");
  await until(() => bodies().includes("good"));
  await until(async () => (await tab.db.getAll("outbox"))[0]?.failed !== undefined);
  const rows = await tab.db.getAll("outbox");
  expect(rows.map(({ failed }) => failed)).toEqual([{ code: "muted", detail: "you are muted" }]);
});

it("a frame over the limit fails here and never reaches the relay", async () => {
  world.relay.frameLimit = 1_024;
  const tab = (await world.tab()).start();
  await tab.write("x".repeat(1_100));
  await tab.write("short");
  await until(() => bodies().includes("short"));
  expect(world.relay.sends.length).toBe(1);
  expect((await tab.db.getAll("outbox"))[0]?.failed?.code).toBe("too_large");
});

it("F1: offline in the middle of a send, reload, online: it is there once", async () => {
  world.relay.onSend = () => "die_before";
  const first = (await world.tab()).start();
  await until(() => online(first));
  await first.write("hello");
  await until(() => world.relay.sends.length === 1);
  world.relay.isDown = true;
  first.end();
  world.relay.onSend = () => undefined;
  const second = (await world.tab()).start();
  await world.time.advance(500);
  world.relay.isDown = false;
  second.engine.tryNow();
  await until(async () => (await second.db.count("outbox")) === 0);
  expect(bodies()).toEqual(["hello"]);
  expect(await second.texts()).toEqual(["hello"]);
});

it("F2: the relay is killed 20 times during 200 sends: each is everywhere once", async () => {
  let count = 0;
  world.relay.onSend = () => {
    count += 1;
    return count % 10 !== 0 || count > 200 ? undefined : count % 20 === 0 ? "die_after" : "die_before";
  };
  const tab = (await world.tab()).start();
  const words = Array.from({ length: 200 }, (_, at) => `word ${at}`);
  for (const word of words) {
    await tab.write(word);
  }
  await until(async () => {
    await world.time.advance(2_000);
    return (await tab.db.count("outbox")) === 0;
  });
  expect([...(await tab.texts())].sort()).toEqual([...words].sort());
  const ids = bobs().flatMap(({ type, content }) => (type === "message" ? [(content as Message).id] : []));
  expect(new Set(ids).size).toBe(200);
});

it("applies own actions, and a receipt that comes before the answer is not lost", async () => {
  const tab = (await world.tab()).start();
  await until(() => online(tab));
  const id = await tab.write("hi");
  world.relay.receipt(ME, {
    kind: "delivered",
    room: ROOM,
    to: [{ user: BOB, device: BOBS_DEVICE, messages: [id] }],
  });
  await until(async () => (await tab.db.count("outbox")) === 0);
  await until(async () => (await tab.db.get("messages", [ROOM, id, ME]))?.ledger?.outcomes.length === 1);
  const row = await tab.db.get("messages", [ROOM, id, ME]);
  expect(row?.ledger).toMatchObject({ recipients: 1, outcomes: [{ user: BOB, device: BOBS_DEVICE }] });
  expect((await tab.db.get("rooms", ROOM))?.confirmed).toBe(id);
  expect(row?.slot.message?.from.device).toBe(MY_DEVICE);
});
