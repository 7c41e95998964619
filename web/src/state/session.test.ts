import "fake-indexeddb/auto";
import { effect } from "@preact/signals";
import { afterEach, beforeEach, expect, it } from "vitest";
import { BOB, BOBS_DEVICE, idOf, ME, ROOM, text } from "../../test/fakes/ids.ts";
import { Browser, type Page } from "../../test/fakes/page.ts";
import { FakeRelay } from "../../test/fakes/relay.ts";
import { until } from "../../test/fakes/tab.ts";
import { ManualTime } from "../../test/fakes/time.ts";

let relay: FakeRelay;
let browser: Browser;
beforeEach(() => {
  relay = new FakeRelay(new ManualTime());
  relay.addUser(ME, "me");
  relay.addUser(BOB, "bob", "another horse");
  relay.addDevice(BOBS_DEVICE, BOB);
  relay.addRoom(ROOM, "group", { [ME]: "owner", [BOB]: "member" }, "trip");
  browser = new Browser(relay);
});
afterEach(async () => {
  await browser.end();
});

const form = { username: "me", password: "correct horse", isShared: false };
const phase = (page: Page) => page.app.session.phase.value;
const online = (page: Page) => page.app.connection.state.value.is === "online";

async function loggedIn(): Promise<Page> {
  const page = await browser.page();
  expect(await page.app.session.login(form)).toMatchObject({ ok: true });
  await until(() => online(page));
  return page;
}

it("48: a login shows what there is, and says that the device is empty", async () => {
  const page = await browser.page();
  expect(phase(page)).toEqual({ is: "signed_out" });
  expect(await page.app.session.login(form)).toEqual({ ok: true, value: { isEmpty: true } });
  expect(phase(page)).toEqual({ is: "signed_in", isEmptyDevice: true });
  await until(() => page.app.rooms.list.value.some(({ name }) => name === "trip"));
  await until(() => page.app.session.me.value?.username === "me");
});

it("48: the first device of a new account is not told that something is missing, also after a reload", async () => {
  const page = await browser.page();
  const fresh = { username: "fresh", password: "correct horse battery" };
  expect(await page.app.session.register(fresh)).toMatchObject({ ok: true });
  expect(await page.app.session.login({ ...fresh, isShared: false })).toMatchObject({
    value: { isEmpty: false },
  });
  expect(phase(page)).toEqual({ is: "signed_in", isEmptyDevice: false });
  page.app.stop();
  expect(phase(await browser.page())).toEqual({ is: "signed_in", isEmptyDevice: false });
});

it("45: a wrong password says so; without a place for a device it says that", async () => {
  const page = await browser.page();
  const wrong = await page.app.session.login({ ...form, password: "no" });
  expect(wrong).toMatchObject({ ok: false, problem: { key: "problem.wrong_password" } });
  relay.devicesMax = 0;
  const full = await page.app.session.login(form);
  expect(full).toMatchObject({ ok: false, problem: { key: "problem.device_limit" } });
  // The login may take the place of a device, with all that waits for it.
  relay.devicesMax = 1;
  const old = relay.addDevice(idOf(50), ME, "old laptop");
  relay.publish(text(1, "waits"));
  await page.app.session.login(form);
  expect(page.app.session.devices.value).toMatchObject([{ id: old.id, name: "old laptop" }]);
  expect(await page.app.session.login({ ...form, replaces: old.id })).toMatchObject({ ok: true });
  await until(() => page.app.rooms.list.value.some(({ last }) => last?.text === "waits"));
});

it("F11: without cookies or storage it is refused before the login, and no device is left", async () => {
  for (const why of ["cookies", "storage"] as const) {
    browser.broken.add(why);
    const page = await browser.page();
    expect(phase(page)).toEqual({ is: "blocked", why });
    await page.app.session.login(form);
    expect(relay.devicesOf(ME)).toEqual([]);
    browser.broken.clear();
  }
  browser.broken.add("secure");
  expect(phase(await browser.page())).toEqual({ is: "blocked", why: "insecure" });
});

it("47: logged out elsewhere: the history is hidden, and there again for the same user", async () => {
  const page = await loggedIn();
  relay.publish(text(1, "kept"));
  await until(() => relay.acked.length === 1);
  relay.logOut(browser.jar.device ?? "");
  await until(() => phase(page).is === "logged_out");
  expect(phase(page)).toEqual({ is: "logged_out", username: "me", why: "elsewhere" });
  expect(page.app.rooms.list.value).toEqual([]);
  // Another user has another store.
  expect(await page.app.session.login({ ...form, username: "bob", password: "another horse" })).toMatchObject(
    {
      ok: true,
      value: { isEmpty: true },
    },
  );
  await page.app.session.logout("keep");
  expect(await page.app.session.login(form)).toEqual({ ok: true, value: { isEmpty: false } });
  await until(() => page.app.rooms.list.value.some(({ last }) => last?.text === "kept"));
});

it("47: what a login has left is erased on a click", async () => {
  const page = await loggedIn();
  relay.publish(text(1, "gone"));
  await until(() => relay.acked.length === 1);
  relay.logOut(browser.jar.device ?? "");
  await until(() => phase(page).is === "logged_out");
  await page.app.session.erase();
  expect(phase(page)).toEqual({ is: "signed_out" });
  expect(await page.app.session.login(form)).toEqual({ ok: true, value: { isEmpty: true } });
});

it("46: a logout keeps the history or deletes it, in every tab", async () => {
  const page = await loggedIn();
  const other = await browser.page();
  expect(phase(other)).toMatchObject({ is: "signed_in" });
  expect(await page.app.session.logout("delete")).toEqual({ ok: true, value: undefined });
  expect(phase(page)).toEqual({ is: "signed_out" });
  await until(() => phase(other).is === "signed_out");
  expect(relay.devicesOf(ME)).toEqual([]);
  expect((await indexedDB.databases()).map(({ name }) => name)).not.toContain(`ferry-${ME}`);
});

it("46: a logout in one tab is no surprise to the tab that has the connection", async () => {
  const leader = await loggedIn();
  const other = await browser.page();
  const shown: string[] = [];
  const end = effect(() => {
    shown.push(leader.app.session.phase.value.is);
  });
  expect(await other.app.session.logout("keep")).toEqual({ ok: true, value: undefined });
  await until(() => phase(leader).is !== "signed_in");
  end();
  expect(shown.filter((is) => is !== "starting")).toEqual(["signed_in", "signed_out"]);
  expect([phase(leader), phase(other)]).toEqual([
    { is: "signed_out", lastUsername: "me" },
    { is: "signed_out", lastUsername: "me" },
  ]);
});

it("F13: a page that is too old for the store asks for a reload", async () => {
  const page = await loggedIn();
  const request = indexedDB.open(`ferry-${ME}`, 99);
  await until(() => phase(page).is === "reload");
  expect(phase(page)).toEqual({ is: "reload" });
  await until(() => request.readyState === "done");
  request.result.close();
});

it("an expired token is refreshed and the call made again", async () => {
  const page = await loggedIn();
  browser.jar.accessUntil = 0;
  expect(await page.app.session.loadDevices()).toEqual({ ok: true, value: undefined });
  expect(page.app.session.devices.value).toMatchObject([
    { name: "test browser", isCurrent: true, isOnline: true },
  ]);
});

it("F8: where the browser has deleted the store, the login is found again, and the device is empty", async () => {
  const page = await loggedIn();
  relay.publish(text(1, "lost"));
  await until(() => relay.acked.length === 1);
  page.app.stop();
  await browser.time.advance(0);
  for (const name of ["ferry", `ferry-${ME}`]) {
    await new Promise((resolve) => {
      indexedDB.deleteDatabase(name).onsuccess = resolve;
    });
  }
  // The access token is over by now.
  browser.jar.accessUntil = 0;
  const again = await browser.page();
  expect(phase(again)).toEqual({ is: "signed_in", isEmptyDevice: true, isErased: true });
  await until(() => online(again));
  expect(relay.devicesOf(ME).length).toBe(1);
});

/** Closes a page, and deletes what the browser has stored. The cookies stay. */
async function evicted(page: Page): Promise<void> {
  page.app.stop();
  await browser.time.advance(0);
  for (const name of ["ferry", `ferry-${ME}`]) {
    await new Promise((resolve) => {
      indexedDB.deleteDatabase(name).onsuccess = resolve;
    });
  }
}

it("F8: deleted while the relay was away: the login is found later, and is not a second device", async () => {
  await evicted(await loggedIn());
  relay.isDown = true;
  const again = await browser.page();
  expect(phase(again)).toEqual({ is: "signed_out" });
  relay.isDown = false;
  await browser.time.advance(10_000);
  await until(() => phase(again).is === "signed_in");
  expect(phase(again)).toEqual({ is: "signed_in", isEmptyDevice: true, isErased: true });
  expect(relay.devicesOf(ME).length).toBe(1);
});

it("F8: who logs in before the login was found goes on as the same device, with what waits for it", async () => {
  await evicted(await loggedIn());
  relay.publish(text(1, "waits"));
  relay.isDown = true;
  const again = await browser.page();
  relay.isDown = false;
  expect(await again.app.session.login(form)).toMatchObject({ ok: true });
  expect(phase(again)).toEqual({ is: "signed_in", isEmptyDevice: true, isErased: true });
  await until(() => again.app.rooms.list.value.some(({ last }) => last?.text === "waits"));
  expect(relay.devicesOf(ME).length).toBe(1);
});

it("F8: while the store is opened again, nothing is shown of an empty one", async () => {
  const page = await loggedIn();
  const shown: string[] = [];
  const end = effect(() => {
    const { is } = page.app.session.phase.value;
    shown.push(`${is} with ${page.app.session.me.value?.username}`);
  });
  // The engine is the first to see that the browser has closed the store.
  const { engine } = page;
  engine?.onState({ is: "store_lost" });
  await until(() => shown.length > 2 && phase(page).is === "signed_in");
  end();
  expect(shown).not.toContain("signed_in with undefined");
  expect(shown).toContain("starting with undefined");
});
