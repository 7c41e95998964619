/** Users that this device has heard of. */
import type { Id } from "../core/id.ts";
import type { PersonRow } from "./rows.ts";
import { type Db, write } from "./schema.ts";

/** A user, as the relay describes them. */
export interface PersonFacts {
  id: Id;
  username: string;
  displayName?: string;
}

export type FriendState = "friends" | "incoming" | "outgoing";

/** Notes users. What they are to the user of this device stays. */
export async function putPeople(db: Db, people: PersonFacts[], now: number): Promise<void> {
  await write(db, ["people"], async (tx) => {
    const store = tx.objectStore("people");
    const rows = await Promise.all(people.map(({ id }) => store.get(id)));
    await Promise.all(people.map((facts, at) => store.put(learned(rows[at], facts, now))));
  });
}

/** Notes all friends, requests and blocked users. All others are none of these any more. */
export async function putRelations(
  db: Db,
  friends: { person: PersonFacts; state: FriendState }[],
  blocked: PersonFacts[],
  now: number,
): Promise<void> {
  await write(db, ["people"], async (tx) => {
    const store = tx.objectStore("people");
    const rows = new Map((await store.getAll()).map((row) => [row.id, row]));
    for (const row of rows.values()) {
      delete row.friend;
      delete row.isBlocked;
    }
    for (const { person, state } of friends) {
      rows.set(person.id, { ...learned(rows.get(person.id), person, now), friend: state });
    }
    for (const person of blocked) {
      rows.set(person.id, { ...learned(rows.get(person.id), person, now), isBlocked: true });
    }
    await Promise.all([...rows.values()].map((row) => store.put(row)));
  });
}

/** Notes what a user is to the user of this device. `undefined` is nothing. */
export async function putRelation(
  db: Db,
  facts: PersonFacts,
  change: { friend?: FriendState | undefined; isBlocked?: boolean },
  now: number,
): Promise<void> {
  await write(db, ["people"], async (tx) => {
    const row = learned(await tx.objectStore("people").get(facts.id), facts, now);
    if ("friend" in change) {
      delete row.friend;
      if (change.friend !== undefined) {
        row.friend = change.friend;
      }
    }
    if (change.isBlocked !== undefined) {
      row.isBlocked = change.isBlocked;
    }
    await tx.objectStore("people").put(row);
  });
}

function learned(row: PersonRow | undefined, facts: PersonFacts, now: number): PersonRow {
  const { displayName: _displayName, ...rest } = row ?? {};
  return { ...rest, ...facts, learnedAt: now };
}
