import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, it } from "vitest";
import { fetchOf } from "../../test/fakes/calls.ts";
import { BOB, idOf, ME, ROOM, text } from "../../test/fakes/ids.ts";
import { Browser, type Page } from "../../test/fakes/page.ts";
import { FakeRelay } from "../../test/fakes/relay.ts";
import { until } from "../../test/fakes/tab.ts";
import { ManualTime, settled } from "../../test/fakes/time.ts";
import { Accounts } from "../db/accounts.ts";
import { openDb } from "../db/schema.ts";
import { Http } from "../wire/http.ts";

const BOBS_ROOM = idOf(102);
const CAROL = { user: idOf(3), device: idOf(13), role: "owner" } as const;

let relay: FakeRelay;
let browser: Browser;
beforeEach(() => {
  relay = new FakeRelay(new ManualTime());
  relay.addUser(ME, "me");
  relay.addUser(BOB, "bob");
  relay.addUser(CAROL.user, "carol");
  relay.addDevice(CAROL.device, CAROL.user);
  relay.addRoom(ROOM, "group", { [ME]: "owner", [BOB]: "member" }, "trip");
  relay.addRoom(BOBS_ROOM, "group", { [BOB]: "member", [CAROL.user]: "owner" }, "secrets");
  browser = new Browser(relay);
});
afterEach(async () => {
  await browser.end();
});

const phase = (page: Page) => page.app.session.phase.value;
const online = (page: Page) => page.app.connection.state.value.is === "online";
const logIn = (page: Page, username: string) =>
  page.app.session.login({ username, password: "correct horse", isShared: false });

/** Waits until a page has the connection, and has asked for everything. */
async function synced(page: Page): Promise<void> {
  const asked = relay.calls.length;
  await until(
    () => online(page) && relay.calls.slice(asked).filter((call) => call === "GET /v1/blocks").length > 0,
  );
  await settled();
}

/** Two tabs at the login page that do not hear each other. One logs in as me, then one as Bob. */
async function twoUsers(): Promise<[Page, Page]> {
  browser.channels("ferry-logins").isDeaf = true;
  const [mine, bobs] = [await browser.page(), await browser.page()];
  await logIn(mine, "me");
  await synced(mine);
  expect(await logIn(bobs, "bob")).toMatchObject({ ok: true });
  await synced(bobs);
  return [mine, bobs];
}

async function stored(user: string) {
  const db = await openDb(user, { onOutdated: () => undefined });
  const [records, rooms, people] = [
    await db.getAll("records"),
    await db.getAllKeys("rooms"),
    await db.getAllKeys("people"),
  ];
  db.close();
  return { lines: records.map(({ line }) => line), rooms, people };
}

it("47: two users in two tabs each have their own connection", async () => {
  const [, bobs] = await twoUsers();
  relay.publish(text(1, "for bob", { room: BOBS_ROOM, from: CAROL }));
  await until(() => bobs.app.rooms.list.value.some(({ last }) => last?.text === "for bob"));
});

it("47: a connection that is another user's is closed, and nothing of it is stored or acked", async () => {
  const [mine, bobs] = await twoUsers();
  // The connection of the first tab goes. It comes back with the cookies of the other one.
  bobs.app.stop();
  relay.publish(text(1, "for bob", { room: BOBS_ROOM, from: CAROL }));
  relay.devicesOf(ME)[0]?.connection?.close(1006);
  await browser.time.advance(5_000);
  await until(() => phase(mine).is !== "signed_in");
  expect(phase(mine)).toEqual({ is: "logged_out", username: "me", why: "another_user" });
  const { lines, rooms } = await stored(ME);
  expect(lines).toEqual([]);
  expect(rooms).toEqual([ROOM]);
  expect(relay.acked).toEqual([]);
  // A new page is the one that logged in last.
  const next = await browser.page();
  await until(() => next.app.rooms.list.value.some(({ last }) => last?.text === "for bob"));
  expect(next.app.session.me.value?.username).toBe("bob");
});

it("47: a tab whose cookies have gone to another user refreshes nothing, and asks nothing as them", async () => {
  const [mine] = await twoUsers();
  const calls = relay.calls.length;
  expect(await mine.app.people.load()).toMatchObject({ ok: false });
  expect(await mine.app.rooms.create({ kind: "group", name: "not mine", members: [] })).toMatchObject({
    ok: false,
  });
  expect(relay.calls.slice(calls)).toEqual([]);
  await until(() => phase(mine).is === "logged_out");
  expect((await stored(ME)).people).not.toContain(CAROL.user);
});

it("47: the end of one user's login does not mark the login of another", async () => {
  const [mine, bobs] = await twoUsers();
  relay.logOut(relay.devicesOf(ME)[0]?.id ?? "");
  await until(() => phase(mine).is === "logged_out");
  bobs.app.stop();
  const next = await browser.page();
  expect(phase(next)).toMatchObject({ is: "signed_in" });
  expect(next.app.session.me.value?.username).toBe("bob");
});

it("47: erasing erases the history of the user who is named, not of the one who is logged in", async () => {
  const [mine, bobs] = await twoUsers();
  relay.publish(text(1, "for bob", { room: BOBS_ROOM, from: CAROL }));
  await until(() => relay.acked.length === 1);
  mine.look(true);
  await until(() => phase(mine).is === "logged_out");
  await mine.app.session.erase();
  expect((await stored(BOB)).lines.length).toBe(1);
  expect(phase(bobs).is).toBe("signed_in");
});

it("47: a tab that died while it logged in leaves no row that is believed", async () => {
  const mine = await browser.page();
  await logIn(mine, "me");
  await synced(mine);
  // Another tab has begun a login, and has got the cookies. Then it died.
  const accounts = new Accounts();
  const row = await accounts.current();
  await accounts.put(row === undefined ? undefined : { ...row, isUnsure: true });
  const http = new Http(fetchOf(relay, browser.jar), () => new AbortController().signal);
  const body = { username: "bob", password: "correct horse", device_name: "dead", cookie: true };
  await http.call({ method: "POST", path: "/v1/sessions", body });
  const calls = relay.calls.length;
  await mine.app.people.load();
  await until(() => phase(mine).is === "logged_out");
  expect(relay.calls.slice(calls)).not.toContain("GET /v1/friends");
  expect(phase(mine)).toEqual({ is: "logged_out", username: "me", why: "another_user" });
  const next = await browser.page();
  expect(next.app.session.me.value?.username).toBe("bob");
  await accounts.close();
});

it("47: a login that fails changes nothing for the others", async () => {
  browser.channels("ferry-logins").isDeaf = true;
  const [mine, other] = [await browser.page(), await browser.page()];
  await logIn(mine, "me");
  await synced(mine);
  expect(await other.app.session.login({ username: "bob", password: "no", isShared: false })).toMatchObject({
    ok: false,
  });
  expect(await mine.app.people.load()).toMatchObject({ ok: true });
  expect(phase(mine).is).toBe("signed_in");
});

it("47: a tab hears at once that another user has logged in, and its user can come back", async () => {
  const [mine, bobs] = [await browser.page(), await browser.page()];
  browser.channels("ferry-logins").isDeaf = true;
  await logIn(mine, "me");
  await until(() => online(mine));
  relay.publish(text(1, "mine"));
  await until(() => mine.app.rooms.list.value.some(({ last }) => last?.text === "mine"));
  browser.channels("ferry-logins").isDeaf = false;
  await logIn(bobs, "bob");
  await until(() => phase(mine).is === "logged_out");
  expect(mine.app.rooms.list.value).toEqual([]);
  expect(await logIn(mine, "me")).toEqual({ ok: true, value: { isEmpty: false } });
  await until(() => phase(bobs).is === "logged_out");
  expect(phase(bobs)).toEqual({ is: "logged_out", username: "bob", why: "another_user" });
});

it("47: a tab at the login page follows a login of another tab", async () => {
  const [one, two] = [await browser.page(), await browser.page()];
  await logIn(one, "me");
  await until(() => phase(two).is === "signed_in");
  await until(() => online(one));
  expect(relay.devicesOf(ME).length).toBe(1);
});

it("47: a second login of the same user is followed by the tab that has the first one", async () => {
  browser.channels("ferry-logins").isDeaf = true;
  const [one, two] = [await browser.page(), await browser.page()];
  await logIn(one, "me");
  await until(() => online(one));
  browser.channels("ferry-logins").isDeaf = false;
  await logIn(two, "me");
  const device = browser.jar.device;
  await until(() => one.app.session.me.value?.device === device);
  await until(() => relay.devices.get(device ?? "")?.connection !== undefined);
  relay.publish(text(1, "to the new device"));
  await until(() => one.app.rooms.list.value.some(({ last }) => last?.text === "to the new device"));
});

it("47: a tab that comes back looks whose login it is before its engine wants the connection", async () => {
  browser.channels("ferry-logins").isDeaf = true;
  const [one, two] = [await browser.page(), await browser.page()];
  await logIn(one, "me");
  await until(() => online(one));
  one.look(false);
  await logIn(two, "me");
  await until(() => online(two));
  const device = browser.jar.device;
  const connection = relay.devices.get(device ?? "")?.connection;
  // The engine of the first login is for another device, and must not take the lead with it.
  one.look(true);
  await until(() => one.app.session.me.value?.device === device);
  await settled();
  expect(phase(one).is).toBe("signed_in");
  expect(phase(two).is).toBe("signed_in");
  expect(relay.devices.get(device ?? "")?.connection).toBe(connection);
});
