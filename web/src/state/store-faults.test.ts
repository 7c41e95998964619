import "fake-indexeddb/auto";
import { effect } from "@preact/signals";
import { forceCloseDatabase } from "fake-indexeddb";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { BOB, BOBS_DEVICE, ME, ROOM, text } from "../../test/fakes/ids.ts";
import { Browser, type Page } from "../../test/fakes/page.ts";
import { FakeRelay } from "../../test/fakes/relay.ts";
import { until } from "../../test/fakes/tab.ts";
import { ManualTime } from "../../test/fakes/time.ts";

let relay: FakeRelay;
let browser: Browser;
/** The connections to stores that were opened. */
let opened: IDBDatabase[];
/** Says whether opening a store fails now. */
let fails: (name: string, count: number) => boolean;

beforeEach(() => {
  relay = new FakeRelay(new ManualTime());
  relay.addUser(ME, "me");
  relay.addUser(BOB, "bob");
  relay.addDevice(BOBS_DEVICE, BOB);
  relay.addRoom(ROOM, "group", { [ME]: "owner", [BOB]: "member" }, "trip");
  browser = new Browser(relay);
  opened = [];
  fails = () => false;
  let count = 0;
  const open = indexedDB.open.bind(indexedDB);
  vi.spyOn(indexedDB, "open").mockImplementation((name, version) => {
    count += 1;
    if (fails(name, count)) {
      throw new DOMException("full", "QuotaExceededError");
    }
    const request = open(name, version);
    request.addEventListener("success", () => opened.push(request.result));
    return request;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await browser.end();
});

const phase = (page: Page) => page.app.session.phase.value;
const online = (page: Page) => page.app.connection.state.value.is === "online";
const logIn = (page: Page) =>
  page.app.session.login({ username: "me", password: "correct horse", isShared: false });

async function withOneMessage(): Promise<Page> {
  const page = await browser.page();
  await logIn(page);
  await until(() => online(page));
  relay.publish(text(1, "kept"));
  await until(() => page.app.rooms.list.value.some(({ last }) => last?.text === "kept"));
  return page;
}

/** The browser closes all stores by itself, as some do to delete them. */
function closeAll(isDeleted: boolean): void {
  for (const db of opened.splice(0)) {
    forceCloseDatabase(db as never);
  }
  for (const name of isDeleted ? ["ferry", `ferry-${ME}`] : []) {
    indexedDB.deleteDatabase(name);
  }
}

it("F8: a store that the browser closes is opened again, and the page goes on", async () => {
  const page = await withOneMessage();
  closeAll(false);
  relay.publish(text(2, "after it"));
  await until(() => page.app.rooms.list.value.some(({ last }) => last?.text === "after it"));
  expect(phase(page)).toEqual({ is: "signed_in", isEmptyDevice: false });
});

it("F8: a store that the browser deletes while the page is open is said to be gone", async () => {
  const page = await withOneMessage();
  // Without its rows, a page that shows the rooms would welcome a newcomer.
  let isWelcomed = false;
  const end = effect(() => {
    const now = phase(page);
    const hasRooms = page.app.rooms.list.value.length > 0;
    isWelcomed ||= now.is === "signed_in" && now.isErased !== true && !hasRooms;
  });
  closeAll(true);
  await until(() => page.app.rooms.list.value.every(({ last }) => last === undefined));
  await until(() => phase(page).is === "signed_in" && online(page));
  expect(phase(page)).toEqual({ is: "signed_in", isEmptyDevice: true, isErased: true });
  await until(() => online(page));
  expect(relay.devicesOf(ME).length).toBe(1);
  end();
  expect(isWelcomed).toBe(false);
  relay.publish(text(2, "new"));
  await until(() => page.app.rooms.list.value.some(({ last }) => last?.text === "new"));
});

it("F8: a store that is closed again and again is given up, and not opened for ever", async () => {
  const page = await withOneMessage();
  for (let round = 0; round < 10 && phase(page).is !== "blocked"; round += 1) {
    closeAll(false);
    await browser.time.advance(10);
  }
  await until(() => phase(page).is === "blocked");
  expect(phase(page)).toEqual({ is: "blocked", why: "storage" });
});

it("F7: with a full disk at the start the page says that, and what is stored can be read", async () => {
  const before = await withOneMessage();
  before.app.stop();
  await browser.time.advance(0);
  let isFull = true;
  const put = IDBObjectStore.prototype.put;
  vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(function (this: IDBObjectStore, value, key) {
    if (isFull) {
      throw new DOMException("full", "QuotaExceededError");
    }
    return put.call(this, value, key);
  });
  browser.broken.add("full");
  const page = await browser.page();
  await until(() => page.app.connection.state.value.is === "storage_full");
  expect(phase(page)).toEqual({ is: "signed_in", isEmptyDevice: false });
  expect(page.app.rooms.list.value.map(({ last }) => last?.text)).toEqual(["kept"]);
  relay.publish(text(2, "waits"));
  isFull = false;
  await browser.time.advance(16_000);
  await until(() => online(page));
  await until(() => page.app.rooms.list.value.some(({ last }) => last?.text === "waits"));
});

it("F7: an engine that finds no room to open the store says so, and tries again", async () => {
  const before = await withOneMessage();
  before.app.stop();
  await browser.time.advance(0);
  let times = 0;
  fails = (name) => {
    times += name === `ferry-${ME}` ? 1 : 0;
    // The page opens it first, and then its engine.
    return name === `ferry-${ME}` && times === 2;
  };
  const page = await browser.page();
  await until(() => page.app.connection.state.value.is === "storage_full");
  expect(phase(page).is).toBe("signed_in");
  await browser.time.advance(16_000);
  await until(() => online(page));
});

it("F7: a page that cannot open its store on a full disk says that the disk is full", async () => {
  const page = await browser.page();
  fails = (name) => name === `ferry-${ME}`;
  await logIn(page);
  expect(phase(page)).toEqual({ is: "blocked", why: "full" });
});

it("F7: a login that cannot be noted leaves no device behind", async () => {
  const page = await browser.page();
  const put = IDBObjectStore.prototype.put;
  vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(function (this: IDBObjectStore, value, key) {
    if (this.name === "account") {
      throw new DOMException("full", "QuotaExceededError");
    }
    return put.call(this, value, key);
  });
  expect(await logIn(page)).toMatchObject({ ok: false, problem: { key: "problem.storage_full" } });
  expect(relay.devicesOf(ME)).toEqual([]);
  expect(phase(page).is).toBe("signed_out");
});

it("46: a logout that deletes the history shows no empty list while it deletes", async () => {
  const page = await withOneMessage();
  let isWelcomed = false;
  const end = effect(() => {
    isWelcomed ||= phase(page).is === "signed_in" && page.app.rooms.list.value.length === 0;
  });
  await page.app.session.logout("delete");
  end();
  expect(isWelcomed).toBe(false);
  expect(phase(page).is).toBe("signed_out");
});
