/**
 * Who may do what to whom in a room. The relay decides; the client asks the same before it shows a
 * button. Owners act on everybody; all others act only on members with a lower role, and give only
 * roles below their own.
 */
import { ROLES, type Role, type RoomKind } from "./message.ts";

/** What a user is in a room. Without `role` they are not in it. */
export interface Standing {
  kind: RoomKind;
  role?: Role;
}

export interface Membership {
  role: Role;
  /** 0 if they may send. */
  muted_until: number;
}

export type Ruling = "ok" | "forbidden" | "not_found" | "already_member" | "invalid";

/** The change that an allowed `put` or `join` makes. */
export type MemberChange =
  | { change: "keep" }
  | { change: "add"; role: Role; muted_until?: number }
  | { change: "set"; role: Role; muted_until: number };

/** As a time, for ever. */
export const FOREVER = Number.MAX_SAFE_INTEGER;

/**
 * Returns what a user is told who is not in a room of this kind. Anybody may know that a channel
 * exists.
 */
export function outsider(kind: RoomKind): "forbidden" | "not_found" {
  return kind === "channel" ? "forbidden" : "not_found";
}

/** Checks that the user has at least this role. */
export function requireRole(standing: Standing, least: Role): Ruling {
  if (standing.role === undefined) {
    return outsider(standing.kind);
  }
  return rank(standing.role) >= rank(least) ? "ok" : "forbidden";
}

/** Decides on adding a member, or on changing one. `myself` says that users change themselves. */
export function putMember(
  standing: Standing,
  myself: boolean,
  theirs: Membership | undefined,
  asked: { role?: Role; muted_until?: number },
): Ruling | MemberChange {
  const mine = standing.role;
  if (mine === undefined) {
    return outsider(standing.kind);
  }
  const until = asked.muted_until;
  if (until !== undefined && !(Number.isSafeInteger(until) && until >= 0)) {
    return "invalid";
  }
  if (theirs === undefined) {
    const role = asked.role ?? "member";
    if (standing.kind === "direct" || !mayAdd(mine, role)) {
      return "forbidden";
    }
    return until === undefined ? { change: "add", role } : { change: "add", role, muted_until: until };
  }
  const role = asked.role ?? theirs.role;
  if (role !== theirs.role && !mayChangeRole(mine, myself, theirs.role, role)) {
    return "forbidden";
  }
  if (until !== undefined && !mayMute(mine, myself, theirs.role)) {
    return "forbidden";
  }
  const muted_until = until ?? theirs.muted_until;
  // Everybody may ask for what is so already. It changes nothing.
  const isSo = role === theirs.role && muted_until === theirs.muted_until;
  return isSo ? { change: "keep" } : { change: "set", role, muted_until };
}

/** Decides on joining a room without being added. */
export function join({ kind, role }: Standing): Ruling | MemberChange {
  if (role !== undefined) {
    return "already_member";
  }
  return kind === "channel" ? { change: "add", role: "member" } : outsider(kind);
}

/** Decides on removing a member. `myself` says that the user leaves. */
export function removeMember(standing: Standing, myself: boolean, theirs?: Membership): Ruling {
  if (standing.role === undefined) {
    return outsider(standing.kind);
  }
  if (myself) {
    return standing.kind === "direct" ? "forbidden" : "ok";
  }
  if (theirs === undefined) {
    return "not_found";
  }
  return allow(mayRemove(standing.role, theirs.role));
}

/** Decides on banning a user, whether or not they are a member. */
export function ban(standing: Standing, myself: boolean, theirs?: Membership): Ruling {
  const ruling = manages(standing);
  if (ruling !== "ok") {
    return ruling;
  }
  if (myself) {
    return "invalid";
  }
  return allow(theirs === undefined || mayRemove(standing.role ?? "member", theirs.role));
}

/** Checks that the user may see and lift the bans of a room, and see the invitations to it. */
export function manages(standing: Standing): Ruling {
  const ruling = requireRole(standing, standing.kind === "direct" ? "member" : "admin");
  return ruling === "ok" && standing.kind === "direct" ? "forbidden" : ruling;
}

/** Decides on handing a room to another member. */
export function transfer(standing: Standing, myself: boolean, theirs?: Membership): Ruling {
  const ruling = requireRole(standing, "owner");
  if (ruling !== "ok") {
    return ruling;
  }
  return myself ? "invalid" : theirs === undefined ? "not_found" : "ok";
}

/**
 * Decides on inviting a user. Every member may invite to a channel, because anybody may join it
 * anyway.
 */
export function invite(standing: Standing): Ruling {
  const ruling = requireRole(standing, standing.kind === "group" ? "admin" : "member");
  return ruling === "ok" && standing.kind === "direct" ? "forbidden" : ruling;
}

/**
 * Decides on taking an invitation back. `by` is `me` or another user; `undefined` if there is
 * none.
 */
export function withdrawInvitation(standing: Standing, by: "me" | "other" | undefined): Ruling {
  const ruling = requireRole(standing, by === "me" ? "member" : "admin");
  return ruling === "ok" && by === undefined ? "not_found" : ruling;
}

function rank(role: Role): number {
  return ROLES.indexOf(role);
}

function outranks(mine: Role, theirs: Role): boolean {
  return mine === "owner" || rank(mine) > rank(theirs);
}

function allow(allowed: boolean): Ruling {
  return allowed ? "ok" : "forbidden";
}

function mayAdd(mine: Role, role: Role): boolean {
  return rank(mine) >= rank("admin") && outranks(mine, role);
}

/** Everybody may lower their own role; only others can raise it. */
function mayChangeRole(mine: Role, myself: boolean, from: Role, to: Role): boolean {
  if (myself) {
    return rank(to) < rank(from);
  }
  return rank(mine) >= rank("admin") && outranks(mine, from) && outranks(mine, to);
}

/** Nobody mutes or unmutes themselves. */
function mayMute(mine: Role, myself: boolean, theirs: Role): boolean {
  return !myself && rank(mine) >= rank("moderator") && outranks(mine, theirs);
}

function mayRemove(mine: Role, theirs: Role): boolean {
  return rank(mine) >= rank("admin") && outranks(mine, theirs);
}
