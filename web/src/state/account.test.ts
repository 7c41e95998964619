import "fake-indexeddb/auto";
import { expect, it } from "vitest";
import { COMMON_PASSWORD, GOOD_CODE } from "../../test/fakes/account-calls.ts";
import { idOf, ME } from "../../test/fakes/ids.ts";
import { useScreen } from "../../test/fakes/screen.ts";
import { until } from "../../test/fakes/tab.ts";
import { getMeta } from "../db/meta.ts";
import { openDb } from "../db/schema.ts";

const screen = useScreen();
const password = "correct horse";
const problemOf = async (
  answer: Promise<{ ok: true } | { ok: false; problem: { key: string; field?: string } }>,
) => {
  const its = await answer;
  return its.ok ? "ok" : `${its.problem.key} ${its.problem.field ?? ""}`.trim();
};

it("44: a wrong password says so beside its field, and ends no login", async () => {
  const { session } = (await screen().loggedIn()).app;
  const other = screen().relay.addDevice(idOf(60), ME, "old laptop");
  expect(await problemOf(session.changePassword({ password: "no" }, "a longer horse"))).toBe(
    "problem.not_your_password password",
  );
  expect(await problemOf(session.deleteAccount({ password: "no" }))).toBe(
    "problem.not_your_password password",
  );
  expect(await problemOf(session.logOutDevice(other.id, { password: "no" }))).toBe(
    "problem.not_your_password password",
  );
  expect(await problemOf(session.secondFactor.start("no"))).toBe("problem.not_your_password password");
  expect(await problemOf(session.changePassword({ password }, COMMON_PASSWORD))).toBe(
    "problem.weak_password new_password",
  );
  expect(session.phase.value.is).toBe("signed_in");
});

it("44: a password that is too common is named at the registration, beside its field", async () => {
  const { session } = (await screen().browser.page()).app;
  expect(await problemOf(session.register({ username: "eve", password: COMMON_PASSWORD }))).toBe(
    "problem.weak_password password",
  );
  expect(await problemOf(session.register({ username: "bob", password }))).toBe(
    "problem.username_taken username",
  );
});

it("44: with a second factor the code is asked for, and a wrong one is told from none", async () => {
  const { session } = (await screen().loggedIn()).app;
  const other = screen().relay.addDevice(idOf(60), ME, "old laptop");
  const { secondFactor } = session;
  await secondFactor.load();
  expect(secondFactor.status.value).toEqual({ isOn: false });
  expect(await secondFactor.start(password)).toMatchObject({
    ok: true,
    value: { secret: expect.any(String) },
  });
  expect(await problemOf(secondFactor.confirm("000000"))).toBe("problem.code_wrong code");
  expect(await secondFactor.confirm(GOOD_CODE)).toMatchObject({
    ok: true,
    value: [expect.any(String), expect.any(String)],
  });
  expect(secondFactor.status.value).toMatchObject({ isOn: true, codesLeft: 10 });

  const deeds = [
    (code?: string) => session.logOutDevice(other.id, proof(code)),
    (code?: string) => session.changePassword(proof(code), "a longer horse"),
    (code?: string) => session.deleteAccount(proof(code)),
  ];
  for (const deed of deeds) {
    expect(await problemOf(deed())).toBe("problem.code_needed code");
    expect(await problemOf(deed("111111"))).toBe("problem.code_wrong code");
  }
  expect(await problemOf(session.logOutDevice(other.id, proof(GOOD_CODE)))).toBe("ok");
  expect(session.devices.value.map(({ name }) => name)).toEqual(["test browser"]);
  expect(await problemOf(secondFactor.end(proof("111111")))).toBe("problem.code_wrong code");
  expect(await problemOf(secondFactor.end(proof(GOOD_CODE)))).toBe("ok");
  expect(secondFactor.status.value).toEqual({ isOn: false });
});

it("34: another device is logged out without the password for some minutes, and then with it", async () => {
  const page = await screen().loggedIn();
  const [one, two] = [61, 62].map((n) => screen().relay.addDevice(idOf(n), ME, `laptop ${n}`));
  expect(await problemOf(page.app.session.logOutDevice(one?.id ?? ""))).toBe("ok");
  await screen().browser.time.advance(601_000);
  expect(await problemOf(page.app.session.logOutDevice(two?.id ?? ""))).toBe("problem.password_needed");
  expect(await problemOf(page.app.session.logOutDevice(two?.id ?? "", { password }))).toBe("ok");
  expect(page.app.session.devices.value.length).toBe(1);
});

it("F10: a new password logs the other devices out, and this one goes on with new tokens", async () => {
  const page = await screen().loggedIn();
  screen().relay.addDevice(idOf(61), ME, "old laptop");
  await screen().browser.time.advance(100_000);
  expect(await problemOf(page.app.session.changePassword({ password }, "a longer horse"))).toBe("ok");
  expect(page.app.session.devices.value.map(({ isCurrent }) => isCurrent)).toEqual([true]);
  const db = await openDb(ME, { onOutdated: () => undefined });
  expect(await getMeta(db, "accessExpiresAt")).toBe(screen().browser.jar.accessUntil);
  db.close();
});

it("a device has the name that the user gives it", async () => {
  const { session } = (await screen().loggedIn()).app;
  await session.loadDevices();
  expect(await problemOf(session.renameDevice(session.devices.value[0]?.id ?? "", "kitchen"))).toBe("ok");
  expect(session.devices.value).toMatchObject([{ name: "kitchen", isCurrent: true }]);
});

it("F10: an account that is deleted leaves nothing here, and says nothing of a kept history", async () => {
  const page = await screen().loggedIn();
  expect(await problemOf(page.app.session.deleteAccount({ password }))).toBe("ok");
  await until(() => page.app.session.phase.value.is === "signed_out");
  expect((await indexedDB.databases()).map(({ name }) => name)).not.toContain(`ferry-${ME}`);
});

it("46: the user of a shared computer is known as one after a reload", async () => {
  const page = await screen().browser.page();
  await page.app.session.login({ username: "me", password, isShared: true });
  const again = await screen().browser.page();
  expect(again.app.session.me.value?.isShared).toBe(true);
});

function proof(code?: string) {
  return code === undefined ? { password } : { password, code };
}

it("changes what others see of the user, field by field, and takes it away", async () => {
  const page = await screen().loggedIn();
  const { session, people } = page.app;
  expect(await session.changeProfile({ displayName: "Me", about: "I row.\nOn Sundays." })).toMatchObject({
    ok: true,
  });
  await until(() => session.me.value?.about === "I row.\nOn Sundays.");
  // What is not named stays, as another device may have written it.
  await session.changeProfile({ avatar: "https://example.org/me.png", email: "me@example.org" });
  await until(() => session.me.value?.email === "me@example.org");
  expect(session.me.value).toMatchObject({
    about: "I row.\nOn Sundays.",
    avatar: "https://example.org/me.png",
  });
  expect(await people.look(ME)).toMatchObject({
    ok: true,
    value: { about: "I row.\nOn Sundays.", avatar: "https://example.org/me.png" },
  });
  await session.changeProfile({ about: "" });
  await until(() => session.me.value?.about === undefined);
  expect(session.me.value?.displayName).toBe("Me");
});

it("47: the devices of one user are not shown to the next", async () => {
  const page = await screen().loggedIn();
  await page.app.session.loadDevices();
  expect(page.app.session.devices.value.length).toBe(1);
  expect(await page.app.session.logout("keep")).toMatchObject({ ok: true });
  expect(page.app.session.devices.value).toEqual([]);
});
