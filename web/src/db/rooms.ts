/** Rooms, their members and invitations, as the relay tells of them. */
import type { Id } from "../core/id.ts";
import type { Role, RoomKind } from "../core/message.ts";
import type { InvitationRow, MemberRow, RoomRow } from "./rows.ts";
import { type Db, type Rw, write } from "./schema.ts";

/** A room, as the relay describes it. */
export interface RoomFacts {
  id: Id;
  kind: RoomKind;
  name?: string;
  description?: string;
  peer?: Id;
  role?: Role;
  memberCount: number;
}

/**
 * Returns the row of a room of which nothing is known. It counts as a group: the relay stamps who
 * is a moderator, and in a direct room nobody is.
 */
export function newRoom(id: Id): RoomRow {
  return {
    id,
    kind: "group",
    isListed: false,
    memberCount: 0,
    mutedUntil: 0,
    isMember: true,
    isHidden: false,
    isMuted: false,
    unread: { messages: 0, mentions: 0 },
    reading: {},
    cursors: {},
    messages: 0,
    waiting: 0,
    learnedAt: 0,
  };
}

/** Notes what the relay says of a room. */
export async function putRoom(
  db: Db,
  facts: RoomFacts,
  isHidden: boolean | undefined,
  now: number,
): Promise<void> {
  await write(db, ["rooms"], async (tx) => {
    const store = tx.objectStore("rooms");
    await store.put(learned(await store.get(facts.id), facts, isHidden, now));
  });
}

/**
 * Notes the whole list of the user's rooms. Of the others the user is no member any more, but for
 * those that were learned after the list was asked for.
 */
export async function putRooms(
  db: Db,
  facts: { room: RoomFacts; isHidden: boolean }[],
  asked: number,
): Promise<void> {
  await write(db, ["rooms"], async (tx) => {
    const store = tx.objectStore("rooms");
    const rows = new Map((await store.getAll()).map((row) => [row.id, row]));
    const listed = new Set(facts.map(({ room }) => room.id));
    const gone = [...rows.values()].filter(
      ({ id, isMember, isListed, learnedAt }) =>
        isMember && isListed && learnedAt <= asked && !listed.has(id),
    );
    await Promise.all([
      ...facts.map(({ room, isHidden }) => store.put(learned(rows.get(room.id), room, isHidden, asked))),
      ...gone.map((row) => store.put({ ...row, isMember: false })),
    ]);
  });
}

function learned(
  row: RoomRow | undefined,
  facts: RoomFacts,
  isHidden: boolean | undefined,
  now: number,
): RoomRow {
  const {
    name: _name,
    description: _description,
    peer: _peer,
    role: _role,
    ...rest
  } = row ?? newRoom(facts.id);
  return {
    ...rest,
    ...facts,
    isListed: true,
    isMember: facts.role !== undefined,
    isHidden: isHidden ?? rest.isHidden,
    learnedAt: now,
  };
}

/** Changes a room, if it is here. */
export async function changeRoom(db: Db, id: Id, change: (row: RoomRow) => void): Promise<void> {
  await write(db, ["rooms"], (tx) => changeRoomIn(tx, id, change));
}

export async function changeRoomIn(tx: Rw, id: Id, change: (row: RoomRow) => void): Promise<void> {
  const row = await tx.objectStore("rooms").get(id);
  if (row !== undefined) {
    change(row);
    await tx.objectStore("rooms").put(row);
  }
}

/** Notes all members of a room. */
export async function putMembers(db: Db, room: Id, members: MemberRow[], now: number): Promise<void> {
  await write(db, ["members", "rooms"], async (tx) => {
    const store = tx.objectStore("members");
    await store.delete(ofRoom(room));
    await Promise.all(members.map((member) => store.put(member)));
    await changeRoomIn(tx, room, (row) => {
      row.membersAt = now;
      row.memberCount = members.length;
    });
  });
}

export async function putMember(db: Db, member: MemberRow): Promise<void> {
  await write(db, ["members"], async (tx) => {
    await tx.objectStore("members").put(member);
  });
}

export async function dropMember(db: Db, room: Id, user: Id): Promise<void> {
  await write(db, ["members", "rooms"], async (tx) => {
    const isThere = (await tx.objectStore("members").getKey([room, user])) !== undefined;
    await tx.objectStore("members").delete([room, user]);
    await changeRoomIn(tx, room, (row) => {
      row.memberCount = Math.max(0, row.memberCount - (isThere ? 1 : 0));
    });
  });
}

export async function membersOf(db: Db, room: Id): Promise<MemberRow[]> {
  return await db.getAll("members", ofRoom(room));
}

/** Notes all invitations that the user has. */
export async function putInvitations(db: Db, invitations: InvitationRow[]): Promise<void> {
  await write(db, ["invitations"], async (tx) => {
    const store = tx.objectStore("invitations");
    await store.clear();
    await Promise.all(invitations.map((invitation) => store.put(invitation)));
  });
}

export async function dropInvitation(db: Db, room: Id): Promise<void> {
  await write(db, ["invitations"], async (tx) => {
    await tx.objectStore("invitations").delete(room);
  });
}

function ofRoom(room: Id): IDBKeyRange {
  return IDBKeyRange.bound([room], [room, []]);
}
