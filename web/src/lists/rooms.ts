/** Rooms, members and invitations: asked of the relay, and stored. */
import type { Id } from "../core/id.ts";
import { invitationOf, memberOf, personOfItem, roomOf } from "../db/facts.ts";
import { putPeople } from "../db/people.ts";
import { putInvitations, putMembers, putRoom, putRooms } from "../db/rooms.ts";
import type { Db } from "../db/schema.ts";
import type { Http } from "../wire/http.ts";
import {
  all,
  ask,
  type Invitation,
  invitation,
  type Member,
  member,
  type Result,
  type Room,
  room,
} from "../wire/lists.ts";
import { object } from "../wire/shape.ts";

/** Asks what a room is. */
export async function fetchRoom(db: Db, http: Http, id: Id, now: number): Promise<Result<Room>> {
  const result = await ask(http, { method: "GET", path: `/v1/rooms/${id}` }, object({ room }));
  if (!result.ok) {
    return result;
  }
  await putRoom(db, roomOf(result.value.room), undefined, now);
  return { ok: true, value: result.value.room };
}

/** Asks for all rooms of the user, also those that they have hidden. */
export async function fetchRooms(db: Db, http: Http, now: number): Promise<Result<Room[]>> {
  const [shown, hidden] = await Promise.all([
    all(http, "/v1/rooms", {}, room),
    all(http, "/v1/rooms", { hidden: true }, room),
  ]);
  if (!shown.ok || !hidden.ok) {
    return shown.ok ? hidden : shown;
  }
  const facts = [
    ...shown.value.map((one) => ({ room: roomOf(one), isHidden: false })),
    ...hidden.value.map((one) => ({ room: roomOf(one), isHidden: true })),
  ];
  await putRooms(db, facts, now);
  return { ok: true, value: [...shown.value, ...hidden.value] };
}

export async function fetchMembers(db: Db, http: Http, id: Id, now: number): Promise<Result<Member[]>> {
  const result = await all(http, `/v1/rooms/${id}/members`, {}, member);
  if (result.ok) {
    const rows = result.value.map((one) => memberOf(id, one));
    await putPeople(db, result.value.map(personOfItem), now);
    await putMembers(db, id, rows, now);
  }
  return result;
}

export async function fetchInvitations(db: Db, http: Http): Promise<Result<Invitation[]>> {
  const result = await all(http, "/v1/invitations", {}, invitation);
  if (result.ok) {
    await putInvitations(db, result.value.map(invitationOf));
  }
  return result;
}
