import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { fetchOf } from "../../test/fakes/calls.ts";
import { BOBS_DEVICE, MY_DEVICE, text } from "../../test/fakes/ids.ts";
import { type Tab, until, World } from "../../test/fakes/tab.ts";
import { settled } from "../../test/fakes/time.ts";
import { getMeta } from "../db/meta.ts";
import { Http } from "../wire/http.ts";
import { callForTokens, refreshTokens } from "./refresh.ts";

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  await world.end();
});

const online = (tab: Tab) => tab.state?.is === "online";
const refreshes = () => world.relay.calls.filter((call) => call === "POST /v1/sessions/refresh").length;

it("32: tokens are renewed in time, and the connection goes on", async () => {
  world.relay.ttl = 20_000;
  world.jar.accessUntil = world.time.truth() + 20_000;
  const tab = (await world.tab()).start();
  await until(() => online(tab));
  const connection = world.relay.devices.get(MY_DEVICE)?.connection;
  for (let second = 0; second < 120; second += 1) {
    await world.time.advance(1_000);
  }
  expect(refreshes()).toBeGreaterThanOrEqual(6);
  expect(refreshes()).toBeLessThanOrEqual(10);
  expect(world.relay.devices.get(MY_DEVICE)?.connection).toBe(connection);
  expect(tab.states.filter(({ is }) => is === "connecting").length).toBe(1);
});

it("F3: an expiry while something is written loses nothing", async () => {
  world.relay.ttl = 20_000;
  world.jar.accessUntil = world.time.truth() + 20_000;
  const tab = (await world.tab()).start();
  await until(() => online(tab));
  // The relay forgets to renew, and closes when the token is over.
  const device = world.relay.devices.get(MY_DEVICE);
  device?.connection?.close(4003);
  world.jar.accessUntil = 0;
  await tab.write("typed meanwhile");
  await world.time.advance(3_000);
  await until(async () => (await tab.db.count("outbox")) === 0);
  const queue = world.relay.devices.get(BOBS_DEVICE)?.queue ?? [];
  expect(queue.filter(({ type }) => type === "message").length).toBe(1);
  expect(tab.states.some(({ is }) => is === "ended")).toBe(false);
});

it("F5: three tabs refresh at once, 100 times: nobody is logged out, and each time one call is made", async () => {
  const tabs = [await world.tab(), await world.tab(), await world.tab()];
  for (let round = 1; round <= 100; round += 1) {
    const asked = (await getMeta((tabs[0] as Tab).db, "accessExpiresAt")) ?? 0;
    await world.time.advance(10_000);
    const answers = await Promise.all(
      tabs.map(({ db, http }) =>
        refreshTokens(
          { http, db, locks: world.locks, now: () => world.time.now(), isOwn: async () => true },
          asked,
        ),
      ),
    );
    expect(answers).toEqual(["renewed", "renewed", "renewed"]);
    expect(refreshes()).toBe(round);
  }
  expect(world.relay.devices.get(MY_DEVICE)?.isRevoked).toBe(false);
});

it("a lost answer is asked for again with the same token, and is no logout", async () => {
  const tab = await world.tab();
  const before = { ...world.jar };
  const deps = { db: tab.db, locks: world.locks, now: () => world.time.now(), isOwn: async () => true };
  const losing = new Http(
    fetchOf(world.relay, world.jar, { path: "/v1/sessions/refresh" }),
    () => new AbortController().signal,
  );
  expect(await refreshTokens({ ...deps, http: losing }, 0)).toBe("unreachable");
  // The browser never got the cookies.
  Object.assign(world.jar, before);
  expect(await refreshTokens({ ...deps, http: tab.http }, 0)).toBe("renewed");
  expect(world.relay.devices.get(MY_DEVICE)?.isRevoked).toBe(false);
});

it("F7: new tokens that cannot be noted on a full disk are new all the same", async () => {
  const tab = await world.tab();
  const put = vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(() => {
    throw new DOMException("full", "QuotaExceededError");
  });
  const deps = { http: tab.http, db: tab.db, locks: world.locks, now: () => world.time.now() };
  expect(await refreshTokens({ ...deps, isOwn: async () => true }, 0)).toBe("renewed");
  put.mockRestore();
});

it("a new password waits for a refresh, and a refresh for it", async () => {
  const [one, two] = [await world.tab(), await world.tab()];
  const deps = { locks: world.locks, now: () => world.time.now(), isOwn: async () => true };
  const order: string[] = [];
  const change = callForTokens({ ...deps, http: one.http, db: one.db }, async () => {
    order.push("change begins");
    await settled();
    order.push("change ends");
    return { kind: "ok", status: 200, value: { expires_in: 900 } };
  });
  const answer = refreshTokens({ ...deps, http: two.http, db: two.db }, 0).then((its) => {
    order.push("refresh ends");
    return its;
  });
  await Promise.all([change, answer]);
  expect(order).toEqual(["change begins", "change ends", "refresh ends"]);
  // The tokens of the change are the newest, so nobody asks for others.
  expect(await answer).toBe("renewed");
  expect(refreshes()).toBe(0);
});

it("a wrong clock of the device does not make it refresh for ever", async () => {
  world.time.ahead = 24 * 60 * 60 * 1_000;
  const tab = (await world.tab()).start();
  world.relay.publish(text(1, "a"));
  await until(() => online(tab));
  expect(await getMeta(tab.db, "skew")).toBe(world.time.ahead);
  await world.time.advance(800_000);
  expect(refreshes()).toBe(1);
  expect(online(tab)).toBe(true);
});
