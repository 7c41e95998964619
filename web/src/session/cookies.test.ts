import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, it } from "vitest";
import { fetchOf } from "../../test/fakes/calls.ts";
import { ME, MY_DEVICE } from "../../test/fakes/ids.ts";
import { World } from "../../test/fakes/tab.ts";
import { settled } from "../../test/fakes/time.ts";
import { Accounts } from "../db/accounts.ts";
import { type Fetch, Http } from "../wire/http.ts";
import { RenewingHttp } from "./calls.ts";
import { logInHere, logout } from "./login.ts";
import { correctRow, recoverRow, sureRow } from "./recover.ts";
import { COOKIE_LOCK, callForTokens, refreshTokens } from "./refresh.ts";

let world: World;
let accounts: Accounts;
/** The calls that change the cookies, and whether the lock was held. */
let changes: string[];
beforeEach(() => {
  world = new World();
  accounts = new Accounts();
  changes = [];
});
afterEach(async () => {
  await accounts.put(undefined);
  await accounts.close();
  await world.end();
});

const CHANGING = /^(POST|DELETE) \/v1\/sessions|^PUT \/v1\/me\/password|^DELETE \/v1\/me$/;

/** Calls the relay, and notes what changes cookies without the lock that all tabs share. */
const watched: Fetch = async (address, request) => {
  const call = `${request.method} ${address.split("?")[0]}`;
  if (CHANGING.test(call)) {
    let isFree = false;
    const asked = world.locks.request(COOKIE_LOCK, {}, async () => {
      isFree = true;
    });
    await settled();
    changes.push(`${call} ${isFree ? "free" : "held"}`);
    // Whoever holds it goes on before this gets it.
    asked.catch(() => undefined);
  }
  return await fetchOf(world.relay, world.jar)(address, request);
};

const timeout = () => new AbortController().signal;

it("everything that changes the cookies does it under one lock", async () => {
  const { db } = await world.tab();
  const { locks, jar, time, relay } = world;
  const http = new Http(watched, timeout);
  const deps = { http, locks, accounts };
  const tokens = { http, db, locks, now: () => time.now(), isOwn: async () => true };
  const renewing = new RenewingHttp(watched, timeout, MY_DEVICE, {
    isOwn: async () => true,
    refresh: () => refreshTokens(tokens, 0),
    forTokens: (call) => callForTokens(tokens, call),
  });
  const row = { user: ME, username: "me", device: MY_DEVICE, isShared: false };

  jar.accessUntil = 0;
  expect(await recoverRow(deps)).toMatchObject(row);
  jar.accessUntil = 0;
  await accounts.put({ ...row, isUnsure: true });
  expect(await sureRow(deps)).toMatchObject(row);
  jar.accessUntil = 0;
  expect(await correctRow(deps, row)).toMatchObject(row);
  const body = { old_password: "correct horse", new_password: "a longer horse" };
  await renewing.call({ method: "PUT", path: "/v1/me/password", body });
  await renewing.call({ method: "DELETE", path: `/v1/sessions/${MY_DEVICE}` });
  const form = { username: "me", password: "a longer horse", deviceName: "b", key: "k" };
  expect(await logInHere(deps, form, false)).toMatchObject({ ok: true });
  expect(await logout(renewing)).toMatchObject({ ok: true });
  await logInHere(deps, { ...form, key: "other" }, false);
  await renewing.call({ method: "DELETE", path: "/v1/me", body: { password: "a longer horse" } });

  expect(changes.length).toBeGreaterThanOrEqual(9);
  expect(changes.filter((change) => !change.endsWith(" held"))).toEqual([]);
  relay.addUser(ME, "me");
});

it("two tabs that recover a login at once ask for new cookies once", async () => {
  const { locks, jar, relay } = world;
  const deps = { http: new Http(watched, timeout), locks, accounts };
  jar.accessUntil = 0;
  const rows = await Promise.all([recoverRow(deps), recoverRow(deps)]);
  expect(rows).toMatchObject([{ device: MY_DEVICE }, { device: MY_DEVICE }]);
  expect(relay.calls.filter((call) => call.includes("refresh")).length).toBe(1);
});

it("F8: without the relay nobody says that nobody is logged in", async () => {
  const { locks, relay, jar } = world;
  const deps = { http: new Http(watched, timeout), locks, accounts };
  relay.isDown = true;
  expect(await recoverRow(deps)).toBe("unknown");
  relay.isDown = false;
  jar.device = undefined;
  expect(await recoverRow(deps)).toBeUndefined();
});
