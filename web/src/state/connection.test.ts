/** What the screens hear of the connection, and of others through it. */
import "fake-indexeddb/auto";
import { expect, it } from "vitest";
import { BOB, idOf, ME, ROOM } from "../../test/fakes/ids.ts";
import type { Page } from "../../test/fakes/page.ts";
import { useScreen } from "../../test/fakes/screen.ts";
import { until } from "../../test/fakes/tab.ts";
import { settled } from "../../test/fakes/time.ts";
import { QUIET } from "./connection.ts";

const screen = useScreen();
const DIRECT = idOf(77);
const state = (page: Page) => page.app.connection.state.value;

/** The open connection of the user's device. */
const line = () =>
  [...screen().relay.devices.values()].find(({ user, connection }) => user === ME && connection !== undefined)
    ?.connection;

it("31: a loss shows nothing for 2 s, then why, and when it is tried again", async () => {
  const page = await screen().loggedIn();
  screen().relay.isDown = true;
  screen().relay.dropAll(1006);
  await settled();
  await screen().browser.time.advance(QUIET - 100);
  expect(state(page).is).toBe("online");
  await screen().browser.time.advance(200);
  await until(() => state(page).is !== "online");
  await until(async () => {
    await screen().browser.time.advance(500);
    return state(page).is === "offline";
  });
  expect(state(page)).toMatchObject({ why: { key: "problem.unreachable" }, retryAt: expect.any(Number) });

  screen().relay.isDown = false;
  page.app.connection.tryNow();
  await until(() => state(page).is === "online");
});

it("33: who writes and who is here is known for as long as the connection is", async () => {
  screen().relay.addRoom(DIRECT, "direct", { [ME]: "member", [BOB]: "member" });
  const page = await screen().loggedIn();
  const room = page.app.openRoom(DIRECT);
  const direct = () => page.app.rooms.list.value.find(({ id }) => id === DIRECT);
  const trip = () => page.app.rooms.list.value.find(({ id }) => id === ROOM);
  expect(direct()?.presence).toBeUndefined();
  const isWatched = async () => {
    await screen().browser.time.advance(1_100);
    return line()?.watched.includes(BOB) === true;
  };
  await until(isWatched);
  line()?.presence(BOB, "online");
  line()?.typing(ROOM, BOB, true);
  await until(() => direct()?.presence === "online" && trip()?.writing.length === 1);
  expect(trip()?.writing).toEqual(["bob"]);
  screen().relay.dropAll(1006);
  await until(() => direct()?.presence === undefined && trip()?.writing.length === 0);

  await until(isWatched);
  // Nobody tells when he was here last, so nobody knows.
  line()?.presence(BOB, "offline");
  await until(() => direct()?.presence !== undefined);
  expect(direct()?.presence).toEqual({});
  line()?.presence(BOB, "offline", 1_000_000);
  await until(() => JSON.stringify(direct()?.presence) === '{"lastSeenAt":1000000}');
  room.close();
});
