import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, it } from "vitest";
import { MY_DEVICE, text } from "../../test/fakes/ids.ts";
import { type Tab, until, World } from "../../test/fakes/tab.ts";
import { nextGeneration } from "../db/meta.ts";
import { Fenced, fenced } from "../db/schema.ts";
import { Sender } from "./sender.ts";

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  await world.end();
});

const online = (tab: Tab) => tab.state?.is === "online";

it("of three tabs one has the connection, and a message of another goes over it", async () => {
  const [one, two, three] = [await world.tab(), await world.tab(), await world.tab()];
  for (const tab of [one, two, three]) {
    tab.start();
  }
  await until(() => online(one));
  expect([two.engine.leads, three.engine.leads]).toEqual([false, false]);
  await three.write("from the third");
  await until(async () => (await three.texts()).length === 1);
  one.engine.stop();
  await until(() => two.engine.leads || three.engine.leads);
  await until(() => online(two) || online(three));
});

it("a hidden leader yields to a visible tab", async () => {
  const hidden = (await world.tab(false)).start();
  await until(() => online(hidden));
  const shown = (await world.tab(true)).start();
  await world.time.advance(2_500);
  await until(() => online(shown));
  expect(hidden.engine.leads).toBe(false);
  hidden.engine.visibility(true);
  await world.time.advance(2_500);
  // Both are visible: nobody takes anything from the other.
  expect(shown.engine.leads).toBe(true);
});

it("F6: a frozen leader loses the lead, and what it writes when it wakes up is rejected", async () => {
  const frozen = (await world.tab()).start();
  await until(() => online(frozen));
  const before = (await frozen.db.get("meta", "generation")) as number;
  const awake = (await world.tab()).start();
  // Nothing of the frozen one arrives, and it hears nothing.
  world.channels.isDeaf = true;
  await world.time.advance(8_500);
  await until(() => online(awake));
  expect(frozen.engine.leads).toBe(false);
  expect((await frozen.db.get("meta", "generation")) as number).toBeGreaterThan(before);
  const failures: unknown[] = [];
  const stale = new Sender(fenced(frozen.db, before), world.time, {
    write: () => true,
    changed: () => undefined,
    failed: (error) => failures.push(error),
  });
  world.relay.isDown = true;
  await frozen.write("late");
  stale.connected(65_536);
  await stale.load();
  const [row] = await frozen.db.getAll("outbox");
  stale.refused({ type: "error", code: "muted", message: "", temporary: false, id: row?.id ?? "" } as never);
  await until(() => failures.length === 1);
  expect(failures[0]).toBeInstanceOf(Fenced);
  expect((await frozen.db.getAll("outbox"))[0]?.failed).toBeUndefined();
});

it("a login that is used twice says so and does not fight", async () => {
  const tab = (await world.tab()).start();
  await until(() => online(tab));
  world.relay.devices.get(MY_DEVICE)?.connection?.close(4502);
  await until(() => tab.state?.is === "ended");
  expect(tab.state).toEqual({ is: "ended", why: "used_twice" });
  await world.time.advance(60_000);
  expect(tab.state).toEqual({ is: "ended", why: "used_twice" });
});

it("F6: a frozen engine that hears first of the newer connection is not used twice", async () => {
  const frozen = (await world.tab()).start();
  await until(() => online(frozen));
  // Another tab has taken over. Its lock is lost, but that is not told yet.
  await nextGeneration(frozen.db);
  world.relay.devices.get(MY_DEVICE)?.connection?.close(4502);
  await world.time.advance(1_000);
  expect(frozen.states.map(({ is }) => is)).not.toContain("ended");
});

it("F10: logged out elsewhere and a deleted account end it, and the history stays", async () => {
  world.relay.publish(text(1, "kept"));
  const tab = (await world.tab()).start();
  await until(() => world.relay.acked.length === 1);
  world.relay.logOut(MY_DEVICE);
  await until(() => tab.state?.is === "ended");
  expect(tab.state).toEqual({ is: "ended", why: "elsewhere" });
  expect(await tab.texts()).toEqual(["kept"]);
});

it("F10: a login that ended while the device was away is found by asking, not by guessing", async () => {
  world.relay.logOut(MY_DEVICE);
  const tab = (await world.tab()).start();
  await until(() => tab.state?.is === "ended");
  expect(tab.state).toEqual({ is: "ended", why: "expired" });
  expect(world.relay.calls.slice(0, 2)).toEqual(["GET /v1/me", "POST /v1/sessions/refresh"]);
});

it("F10: without a network the login is not over", async () => {
  world.relay.isDown = true;
  const tab = (await world.tab()).start();
  await world.time.advance(300_000);
  expect(tab.state?.is).toBe("offline");
  expect(tab.refreshes).toBe(0);
  world.relay.isDown = false;
  tab.engine.tryNow();
  await until(() => online(tab));
});

it("31: the network is back: it connects at once, and not after its wait", async () => {
  const tab = (await world.tab()).start();
  await until(() => online(tab));
  world.relay.isDown = true;
  world.relay.dropAll(1006);
  await world.time.advance(120_000);
  const { state } = tab;
  expect(state?.is).toBe("offline");
  expect(state?.is === "offline" && state.retryAt !== undefined && state.retryAt > world.time.now()).toBe(
    true,
  );
  world.relay.isDown = false;
  tab.bus.post({ is: "try" });
  tab.engine.tryNow();
  await until(() => online(tab));
});

it("31: a connection that died without a sign is found", async () => {
  const tab = (await world.tab()).start();
  await until(() => online(tab));
  world.relay.isDown = true;
  await world.time.advance(36_000);
  expect(online(tab)).toBe(false);
});

it("F6: a leader whose lock is stolen follows, also if it hears of the newer connection first", async () => {
  const frozen = (await world.tab()).start();
  await until(() => online(frozen));
  const shown = frozen.states.length;
  const awake = (await world.tab()).start();
  world.channels.isDeaf = true;
  // The news of the stolen lock is late, and the close of the connection is not.
  world.locks.isSlow = true;
  await world.time.advance(8_500);
  await until(() => online(awake));
  await until(() => world.relay.devices.get(MY_DEVICE)?.connection !== undefined);
  expect(frozen.states.slice(shown).map(({ is }) => is)).not.toContain("ended");
  world.locks.isSlow = false;
  await until(() => frozen.state?.is === "follower");
  expect(frozen.engine.leads).toBe(false);
  expect(online(awake)).toBe(true);
});

it("31: after too much at once nothing connects before the wait is over, whoever asks for it", async () => {
  const tab = (await world.tab()).start();
  await until(() => online(tab));
  world.relay.devices.get(MY_DEVICE)?.connection?.close(4029);
  await until(() => tab.state?.is === "offline");
  const { state } = tab;
  const retryAt = state?.is === "offline" ? (state.retryAt ?? 0) : 0;
  expect(retryAt - world.time.now()).toBeGreaterThanOrEqual(5_000);
  tab.engine.tryNow();
  tab.engine.visibility(true);
  await world.time.advance(4_900);
  expect(tab.state).toEqual(state);
  await world.time.advance(retryAt - world.time.now());
  await until(() => online(tab));
});

it("31: a relay that says how long to wait is asked for nothing before", async () => {
  world.relay.retryAfter = 30;
  const tab = (await world.tab()).start();
  await until(() => tab.state?.is === "offline");
  world.relay.retryAfter = undefined;
  const asked = world.relay.calls.length;
  tab.engine.tryNow();
  await world.time.advance(29_000);
  expect(world.relay.calls.length).toBe(asked);
  await world.time.advance(2_000);
  await until(() => online(tab));
});
