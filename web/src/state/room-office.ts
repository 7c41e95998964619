/** What those who run a room do with it: bans, invitations, its name, its owner. */
import type { Id } from "../core/id.ts";
import { FOREVER, invite, manages, putMember, removeMember, requireRole } from "../core/roles.ts";
import { personOfItem, roomOf } from "../db/facts.ts";
import { putPeople } from "../db/people.ts";
import { changeRoom, dropMember, putRoom } from "../db/rooms.ts";
import type { RoomRow } from "../db/rows.ts";
import { fetchUser } from "../lists/people.ts";
import { fetchMembers } from "../lists/rooms.ts";
import { all, ask, ban, openInvitation, room as roomReader, tell } from "../wire/lists.ts";
import { object } from "../wire/shape.ts";
import type { Answer } from "./answer.ts";
import type { Env, Home } from "./env.ts";
import { attemptAnswer } from "./failure.ts";
import type { Mirror } from "./mirror.ts";
import { personName, toPerson } from "./names.ts";
import { settled } from "./problems.ts";
import type { Ban, OpenInvitation, OpenRoom, RoomRights } from "./room-model.ts";

type Office = Pick<
  OpenRoom,
  | "loadBans"
  | "ban"
  | "liftBan"
  | "loadInvitations"
  | "withdrawInvitation"
  | "change"
  | "handOver"
  | "delete"
  | "setHidden"
  | "leave"
>;

export function roomOffice(env: Env, mirror: Mirror, { db, http, user: me }: Home, id: Id): Office {
  const path = (rest = "") => `/v1/rooms/${id}${rest}`;
  const nothing = () => undefined;
  const changed = () => mirror.changed("rooms", "members", "people");
  /** The room is gone for the user. Its history stays. */
  const gone = async () => {
    await changeRoom(db, id, (row) => {
      row.isMember = false;
    });
    await mirror.changed("rooms");
  };
  /** Makes a call that gives nothing back, and notes what follows from it. */
  const does = (
    method: "PUT" | "POST" | "DELETE",
    rest: string,
    then: () => Promise<void>,
    body?: object,
  ): Answer =>
    attemptAnswer(async () => {
      const result = await tell(http, { method, path: path(rest), ...(body === undefined ? {} : { body }) });
      if (result.ok) {
        await then();
      }
      return settled(result, env.now(), nothing);
    });
  return {
    loadBans: () =>
      attemptAnswer(async () => {
        const result = await all(http, path("/bans"), {}, ban);
        if (result.ok) {
          await putPeople(db, result.value.map(personOfItem), env.now());
          await mirror.changed("people");
        }
        return settled(result, env.now(), (bans) =>
          bans.map(
            ({ user, by, until, reason }): Ban => ({
              user: toPerson(mirror, user),
              ...(by === undefined ? {} : { by: personName(mirror.people.peek(), by) }),
              ...(until >= FOREVER ? {} : { until }),
              ...(reason === undefined ? {} : { reason }),
            }),
          ),
        );
      }),
    ban: (user, form) =>
      does(
        "PUT",
        `/bans/${user}`,
        async () => {
          await dropMember(db, id, user);
          await changed();
        },
        form,
      ),
    liftBan: (user) => does("DELETE", `/bans/${user}`, async () => undefined),
    loadInvitations: () =>
      attemptAnswer(async () => {
        const result = await all(http, path("/invitations"), {}, openInvitation);
        if (result.ok) {
          // An invitation names nobody but by the id.
          const users = new Set(result.value.flatMap(({ user, by }) => [user, by]));
          const unknown = [...users].filter((one) => !mirror.people.peek().has(one));
          await Promise.all(unknown.map((one) => fetchUser(db, http, one, env.now())));
          await mirror.changed("people");
        }
        return settled(result, env.now(), (open) =>
          open.map(
            ({ user, by, created_at: at }): OpenInvitation => ({
              user: toPerson(mirror, user),
              by: personName(mirror.people.peek(), by),
              at,
            }),
          ),
        );
      }),
    withdrawInvitation: (user) => does("DELETE", `/invitations/${user}`, async () => undefined),
    change: (body) =>
      attemptAnswer(async () => {
        const result = await ask(http, { method: "PATCH", path: path(), body }, object({ room: roomReader }));
        if (result.ok) {
          await putRoom(db, roomOf(result.value.room), undefined, env.now());
          await changed();
        }
        return settled(result, env.now(), nothing);
      }),
    handOver: (user) =>
      attemptAnswer(async () => {
        const call = { method: "POST", path: path("/owner"), body: { user } } as const;
        const result = await ask(http, call, object({ room: roomReader }));
        if (result.ok) {
          await putRoom(db, roomOf(result.value.room), undefined, env.now());
          // Two members have other roles now.
          await fetchMembers(db, http, id, env.now());
          await changed();
        }
        return settled(result, env.now(), nothing);
      }),
    delete: () => does("DELETE", "", gone),
    setHidden: (hidden) =>
      does(hidden ? "PUT" : "DELETE", "/hidden", async () => {
        await changeRoom(db, id, (row) => {
          row.isHidden = hidden;
        });
        await mirror.changed("rooms");
      }),
    leave: () =>
      does("POST", "/leave", async () => {
        await dropMember(db, id, me);
        await gone();
      }),
  };
}

/** Returns what the user may do with a room. The relay decides; the screens ask the same first. */
export function rightsOf(row: RoomRow | undefined): RoomRights {
  if (row === undefined || !row.isMember || row.role === undefined) {
    return { change: false, add: false, invite: false, manage: false, leave: false, delete: false };
  }
  const standing = { kind: row.kind, role: row.role };
  const isRoom = row.kind !== "direct";
  const mine = { role: row.role, muted_until: 0 };
  return {
    change: isRoom && requireRole(standing, "admin") === "ok",
    add: typeof putMember(standing, false, undefined, {}) === "object",
    invite: invite(standing) === "ok",
    manage: manages(standing) === "ok",
    leave: removeMember(standing, true, mine) === "ok",
    delete: isRoom && requireRole(standing, "owner") === "ok",
  };
}
