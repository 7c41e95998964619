import "fake-indexeddb/auto";
import { expect, it } from "vitest";
import { GOOD_CODE } from "../../test/fakes/account-calls.ts";
import { ME } from "../../test/fakes/ids.ts";
import { useScreen } from "../../test/fakes/screen.ts";
import { until } from "../../test/fakes/tab.ts";
import { Accounts } from "../db/accounts.ts";

const screen = useScreen();
const password = "correct horse";
const form = { username: "me", password, isShared: false };

it("45: a login whose answer is lost is sent again by the user, and makes no second device", async () => {
  const { browser, relay } = screen();
  const page = await browser.page();
  browser.losses.path = "/v1/sessions";
  expect(await page.app.session.login(form)).toMatchObject({ problem: { key: "problem.unreachable" } });
  expect(await page.app.session.login(form)).toMatchObject({ problem: { key: "problem.unreachable" } });
  browser.losses.path = undefined;
  // What is refused meanwhile says nothing of the submits before.
  const me = relay.users.get(ME);
  Object.assign(me ?? {}, { hasCode: true });
  expect(await page.app.session.login(form)).toMatchObject({ problem: { key: "problem.code_needed" } });
  expect(await page.app.session.login({ ...form, code: GOOD_CODE })).toMatchObject({ ok: true });
  await until(() => page.app.connection.state.value.is === "online");
  expect(relay.devicesOf(ME).length).toBe(1);
});

it("a registration whose answer is lost is sent again by the user, and is no taken name", async () => {
  const { browser, relay } = screen();
  const page = await browser.page();
  const fresh = { username: "fresh", password: "a longer horse" };
  browser.losses.path = "/v1/accounts";
  expect(await page.app.session.register(fresh)).toMatchObject({ problem: { key: "problem.unreachable" } });
  browser.losses.path = undefined;
  expect(await page.app.session.register(fresh)).toMatchObject({ ok: true });
  const answer = await page.app.session.login({ ...fresh, isShared: false });
  expect(answer).toEqual({ ok: true, value: { isEmpty: false } });
  expect([...relay.users.values()].filter(({ username }) => username === "fresh").length).toBe(1);
});

it("a name that somebody else took while the answer was lost is a taken name", async () => {
  const { browser, relay } = screen();
  const page = await browser.page();
  const fresh = { username: "fresh", password: "a longer horse" };
  relay.isDown = true;
  expect(await page.app.session.register(fresh)).toMatchObject({ ok: false });
  relay.isDown = false;
  relay.addUser(relay.id(), "fresh", "another one");
  await page.app.session.register(fresh);
  expect(await page.app.session.login({ ...fresh, isShared: false })).toMatchObject({
    problem: { key: "problem.username_taken", field: "username" },
  });
});

it("a room whose answer is lost is asked for again by the user, and is one room", async () => {
  const { browser, relay } = screen();
  const page = await screen().loggedIn();
  const rooms = relay.rooms.size;
  const room = { kind: "group", name: "one", members: [] } as const;
  browser.losses.path = "/v1/rooms";
  expect(await page.app.rooms.create({ ...room, members: [] })).toMatchObject({ ok: false });
  browser.losses.path = undefined;
  expect(await page.app.rooms.create({ ...room, members: [] })).toMatchObject({ ok: true });
  expect(relay.rooms.size).toBe(rooms + 1);
  // The next one of this name is another room.
  expect(await page.app.rooms.create({ ...room, members: [] })).toMatchObject({ ok: true });
  expect(relay.rooms.size).toBe(rooms + 2);
});

it("46: a logout that does not reach the relay says so, and a later end is no logout", async () => {
  const { relay } = screen();
  const page = await screen().loggedIn();
  relay.isDown = true;
  expect(await page.app.session.logout("keep")).toMatchObject({
    problem: { key: "problem.logout_unreachable" },
  });
  expect(page.app.session.phase.value.is).toBe("signed_in");
  relay.isDown = false;
  relay.logOut(relay.devicesOf(ME)[0]?.id ?? "");
  await until(() => page.app.session.phase.value.is !== "signed_in");
  expect(page.app.session.phase.value).toEqual({ is: "logged_out", username: "me", why: "elsewhere" });
});

it("46: a logout whose answer is lost is looked up, and is one", async () => {
  const { browser, relay } = screen();
  const page = await screen().loggedIn();
  browser.losses.path = "/v1/sessions/current";
  expect(await page.app.session.logout("delete")).toMatchObject({ ok: true });
  expect(page.app.session.phase.value).toEqual({ is: "signed_out" });
  expect(relay.devicesOf(ME)).toEqual([]);
});

it("46: a tab that died while it logged out leaves no mark for a later end", async () => {
  const { browser, relay } = screen();
  (await screen().loggedIn()).app.stop();
  const accounts = new Accounts();
  const row = await accounts.current();
  await accounts.put(row === undefined ? undefined : { ...row, isLeaving: true });
  await accounts.close();
  const next = await browser.page();
  await until(() => next.app.connection.state.value.is === "online");
  relay.logOut(relay.devicesOf(ME)[0]?.id ?? "");
  await until(() => next.app.session.phase.value.is !== "signed_in");
  expect(next.app.session.phase.value).toMatchObject({ is: "logged_out", why: "elsewhere" });
});

it("F10: a new password whose answer is lost counts, and the device goes on as itself", async () => {
  const { browser, relay } = screen();
  const page = await screen().loggedIn();
  const device = relay.devicesOf(ME)[0]?.id;
  browser.losses.path = "/v1/me/password";
  expect(await page.app.session.changePassword({ password }, "a longer horse")).toMatchObject({ ok: true });
  expect(page.app.session.phase.value.is).toBe("signed_in");
  expect(relay.devicesOf(ME).map(({ id }) => id)).toEqual([device]);
  expect(await page.app.session.loadDevices()).toMatchObject({ ok: true });
});

it("F10: a new password that never reached the relay leaves the old one, and says so", async () => {
  const { browser, relay } = screen();
  const page = await screen().loggedIn();
  const fetch = relay.onCall;
  relay.onCall = (call) => call === "PUT /v1/me/password";
  expect(await page.app.session.changePassword({ password }, "a longer horse")).toMatchObject({
    problem: { key: "problem.password_unchanged" },
  });
  relay.onCall = fetch;
  expect(browser.jar.device).toBeDefined();
  expect(await page.app.session.changePassword({ password }, "a longer horse")).toMatchObject({ ok: true });
});

it("F10: with a second factor the user logs in with the new password, and is told so", async () => {
  const { browser, relay } = screen();
  const page = await screen().loggedIn();
  Object.assign(relay.users.get(ME) ?? {}, { hasCode: true });
  browser.losses.path = "/v1/me/password";
  // A code counts once.
  browser.losses.lost = () => Object.assign(relay.users.get(ME) ?? {}, { usedCode: GOOD_CODE });
  expect(
    await page.app.session.changePassword({ password, code: GOOD_CODE }, "a longer horse"),
  ).toMatchObject({
    problem: { key: "problem.password_unsure" },
  });
  await until(() => page.app.session.phase.value.is === "logged_out");
  expect(page.app.session.phase.value).toEqual({ is: "logged_out", username: "me", why: "new_password" });
});
