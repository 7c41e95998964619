/** How people and rooms are called. */
import type { Id } from "../core/id.ts";
import type { PersonRow, RoomRow } from "../db/rows.ts";
import type { Presence } from "./answer.ts";
import type { Mirror } from "./mirror.ts";
import type { Person } from "./model.ts";

type People = ReadonlyMap<Id, PersonRow>;

/** Returns the name of a user, or the beginning of the id until the relay has told the name. */
export function personName(people: People, id: Id): string {
  const person = people.get(id);
  return person?.displayName ?? person?.username ?? `${id.slice(0, 8)}…`;
}

export function roomName(row: RoomRow, people: People): string {
  if (row.kind === "direct" && row.peer !== undefined) {
    return personName(people, row.peer);
  }
  return row.name ?? `${row.id.slice(0, 8)}…`;
}

export function presenceOf({ presence }: Mirror, user: Id): Presence | undefined {
  const now = presence.value.get(user);
  if (now === undefined) {
    return undefined;
  }
  if (now.status !== "offline") {
    return now.status;
  }
  return now.lastSeen === undefined ? {} : { lastSeenAt: now.lastSeen };
}

export function toPerson(mirror: Mirror, id: Id): Person {
  const person = mirror.people.value.get(id);
  const presence = presenceOf(mirror, id);
  const base = { id, username: person?.username ?? "", name: personName(mirror.people.value, id) };
  return presence === undefined ? base : { ...base, presence };
}
