/** What the relay's answers are called in the store. */
import type { Id } from "../core/id.ts";
import type { Role, RoomKind } from "../core/message.ts";
import type { PersonFacts } from "./people.ts";
import type { RoomFacts } from "./rooms.ts";
import type { InvitationRow, MemberRow } from "./rows.ts";

export function personOf(user: { id: Id; username: string; display_name?: string }): PersonFacts {
  const { id, username, display_name: displayName } = user;
  return displayName === undefined ? { id, username } : { id, username, displayName };
}

/** Returns the person of a list that calls the id `user`. */
export function personOfItem(item: { user: Id; username: string; display_name?: string }): PersonFacts {
  return personOf({ ...item, id: item.user });
}

export function roomOf(room: {
  id: Id;
  kind: RoomKind;
  name?: string;
  description?: string;
  member_count: number;
  role?: Role;
  peer?: Id;
}): RoomFacts {
  const { member_count: memberCount, ...rest } = room;
  return { ...rest, memberCount };
}

export function memberOf(
  room: Id,
  { user, role, muted_until, joined_at }: { user: Id; role: Role; muted_until: number; joined_at: number },
): MemberRow {
  return { room, user, role, mutedUntil: muted_until, joinedAt: joined_at };
}

export function invitationOf(invitation: {
  room: Id;
  kind: RoomKind;
  name?: string;
  by: Id;
  created_at: number;
}): InvitationRow {
  const { room, kind, name, by, created_at: at } = invitation;
  return name === undefined ? { room, kind, by, at } : { room, kind, name, by, at };
}
