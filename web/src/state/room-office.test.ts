import "fake-indexeddb/auto";
import { expect, it } from "vitest";
import { BOB, idOf, ME, ROOM } from "../../test/fakes/ids.ts";
import { useScreen } from "../../test/fakes/screen.ts";
import { until } from "../../test/fakes/tab.ts";

const screen = useScreen();
const EVE = idOf(3);
const nothing = { ok: true, value: undefined };

async function opened() {
  screen().relay.addUser(EVE, "eve");
  const page = await screen().loggedIn();
  const room = await screen().opened(page);
  await room.loadMembers();
  return { page, room };
}

it("a description is set, changed and removed", async () => {
  const { room } = await opened();
  expect(room.row.value?.description).toBeUndefined();
  expect(await room.change({ description: "In January,\nif it snows" })).toEqual(nothing);
  expect(room.row.value?.description).toBe("In January,\nif it snows");
  expect(await room.change({ name: "winter", description: "" })).toEqual(nothing);
  expect(room.row.value).toMatchObject({ name: "winter" });
  expect(room.row.value?.description).toBeUndefined();
});

it("a ban is listed with who, why and until when, and is lifted", async () => {
  const { room } = await opened();
  expect(await room.ban(BOB, { reason: "spam" })).toEqual(nothing);
  expect(room.members.value.map(({ username }) => username)).toEqual(["me"]);
  expect(await room.ban(EVE, { until: 5_000_000_000_000 })).toEqual(nothing);
  expect(await room.loadBans()).toMatchObject({
    ok: true,
    value: [
      { user: { id: BOB, name: "bob" }, by: "me", reason: "spam" },
      { user: { id: EVE, name: "eve" }, until: 5_000_000_000_000 },
    ],
  });
  expect(await room.liftBan(BOB)).toEqual(nothing);
  expect(await room.loadBans()).toMatchObject({ ok: true, value: [{ user: { id: EVE } }] });
});

it("an invitation is listed by name, and withdrawn", async () => {
  const { room } = await opened();
  expect(await room.invite(EVE)).toEqual(nothing);
  expect(await room.loadInvitations()).toMatchObject({
    ok: true,
    value: [{ user: { id: EVE, name: "eve" }, by: "me" }],
  });
  expect(await room.withdrawInvitation(EVE)).toEqual(nothing);
  expect(await room.loadInvitations()).toEqual({ ok: true, value: [] });
});

it("a hidden room leaves the list, comes among the hidden ones, and returns", async () => {
  const { page, room } = await opened();
  const { rooms } = page.app;
  expect(await room.setHidden(true)).toEqual(nothing);
  expect(rooms.list.value).toEqual([]);
  expect(rooms.hidden.value.map(({ id }) => id)).toEqual([ROOM]);
  expect(room.row.value?.isHidden).toBe(true);
  expect(await room.setHidden(false)).toEqual(nothing);
  expect(rooms.list.value.map(({ id }) => id)).toEqual([ROOM]);
});

it("to write to somebody whose room is hidden shows it again", async () => {
  const { page } = await opened();
  const direct = await page.app.rooms.direct(EVE);
  const id = direct.ok ? direct.value : "";
  const room = page.app.openRoom(id);
  await room.setHidden(true);
  screen().relay.calls.length = 0;
  await page.app.rooms.direct(EVE);
  expect(screen().relay.calls).toContain("POST /v1/rooms");
});

it("a room is handed over, and the roles follow", async () => {
  const { room } = await opened();
  const bob = () => room.members.value.find(({ user }) => user === BOB);
  expect(bob()?.may.handOver).toBe(true);
  expect(room.may.value).toMatchObject({ change: true, manage: true, delete: true });
  expect(await room.handOver(BOB)).toEqual(nothing);
  expect(bob()).toMatchObject({ role: "owner", may: { handOver: false } });
  expect(room.may.value).toMatchObject({ change: true, manage: true, delete: false });
});

it("a room that is deleted or left keeps its history here, and takes no more", async () => {
  const { room } = await opened();
  expect(await room.delete()).toEqual(nothing);
  expect(room.mayWrite.value).toEqual({ ok: false, why: "not_member" });
  expect(room.may.value).toMatchObject({ leave: false, change: false });
  expect(screen().relay.rooms.has(ROOM)).toBe(false);
});

it("a member is offered nothing that takes a role", async () => {
  screen().relay.rooms.get(ROOM)?.peers.set(ME, "member").set(BOB, "owner");
  const { room } = await opened();
  expect(room.may.value).toEqual({
    change: false,
    add: false,
    invite: false,
    manage: false,
    leave: true,
    delete: false,
  });
  expect(await room.loadBans()).toMatchObject({ ok: false, problem: { key: "problem.forbidden" } });
});

it("a user is looked up by the id, and known from then on", async () => {
  const { page } = await opened();
  expect(await page.app.people.look(EVE)).toMatchObject({ ok: true, value: { id: EVE, username: "eve" } });
  await until(() => page.app.people.known.value.some(({ id }) => id === EVE));
  expect(await page.app.people.look(idOf(99))).toMatchObject({
    ok: false,
    problem: { key: "problem.not_found" },
  });
});

it("4: with a store that fails, an intent answers with a problem", async () => {
  const { page, room } = await opened();
  page.app.stop();
  expect(await room.setHidden(true)).toMatchObject({ ok: false });
  expect(await room.change({ name: "x" })).toMatchObject({ ok: false });
  expect(await page.app.people.find("b")).toMatchObject({ ok: false });
});
