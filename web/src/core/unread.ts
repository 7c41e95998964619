/** What a user has not read in a room, and how far they have read it. */
import type { Id } from "./id.ts";
import { callsUpon, compareIds } from "./message.ts";
import type { Slot } from "./slot.ts";

/** How far a room is read. Everything up to `sent_at` is. */
export interface Cursor {
  up_to: Id;
  sent_at: number;
}

/** What a device knows of a room's reading. */
export interface Reading {
  cursor?: Cursor;
  /** The user has marked everything from this time on as unread, on this device. */
  unread_from?: number;
}

/** How much of a room is unread. Mentions are among the unread ones. */
export interface Unread {
  messages: number;
  mentions: number;
}

/**
 * Returns the cursor that counts: a cursor never goes back, and of equal ones the greater id
 * counts.
 */
export function laterCursor(one: Cursor | undefined, other: Cursor): Cursor {
  if (one === undefined) {
    return other;
  }
  const order = one.sent_at - other.sent_at || compareIds(one.up_to, other.up_to);
  return order < 0 ? other : one;
}

/** Notes that the user has read. It lifts a mark of being unread that lies below. */
export function read(reading: Reading, cursor: Cursor): Reading {
  const later = laterCursor(reading.cursor, cursor);
  const { unread_from } = reading;
  return unread_from === undefined || unread_from <= cursor.sent_at
    ? { cursor: later }
    : { cursor: later, unread_from };
}

/** Returns whether a message comes below the cursor. It counts as unread until it is seen. */
export function isLate(sentAt: number, { cursor }: Reading): boolean {
  return cursor !== undefined && sentAt <= cursor.sent_at;
}

/**
 * Returns what one message adds to a room. `late` says that it came below the cursor and was not
 * seen.
 */
export function unreadOf(slot: Slot, me: Id, { cursor, unread_from }: Reading, late: boolean): Unread {
  const { message } = slot;
  if (message === undefined || slot.deleted !== undefined || message.from.user === me) {
    return NOTHING;
  }
  const isAfter = cursor === undefined || message.sent_at > cursor.sent_at;
  const isMarked = unread_from !== undefined && message.sent_at >= unread_from;
  if (!isAfter && !isMarked && !late) {
    return NOTHING;
  }
  return { messages: 1, mentions: callsUpon(message, me) ? 1 : 0 };
}

export const NOTHING: Unread = { messages: 0, mentions: 0 };

/** Returns a room's counters after a message was another one before. */
export function changed(room: Unread, before: Unread, after: Unread): Unread {
  const step = (name: keyof Unread) => Math.max(0, room[name] + after[name] - before[name]);
  return { messages: step("messages"), mentions: step("mentions") };
}

/** Returns the counters of all rooms together. A muted room adds its mentions only. */
export function total(rooms: Iterable<Unread & { muted: boolean }>): Unread {
  const all = { ...NOTHING };
  for (const { messages, mentions, muted } of rooms) {
    all.messages += muted ? mentions : messages;
    all.mentions += mentions;
  }
  return all;
}
