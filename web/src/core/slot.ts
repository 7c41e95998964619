/**
 * A message and the actions on it, as far as they have come. It is plain data, so that it can be
 * stored as it is.
 */
import type { Id } from "./id.ts";
import { type Latest, lastSaid, putLatest, statement } from "./latest.ts";
import { compareIds, type Message } from "./message.ts";
import { compareText } from "./text.ts";

/**
 * The emojis of one user that are kept for a message, removed ones included. One more, and the
 * least recent goes.
 */
export const EMOJIS_MAX = 16;
/** The reactions to a message in all. One more, and the least recent goes. */
export const REACTIONS_MAX = 4_096;

export interface Slot {
  message?: Message;
  edits: Latest<string>;
  /** The time and the user of the earliest deletion. */
  deleted?: { sent_at: number; user: Id };
  /** Sorted by user, then by emoji. */
  reactions: Reaction[];
}

export interface Reaction {
  user: Id;
  emoji: string;
  /** Whether the emoji is there, as each device of the user said last. */
  there: Latest<boolean>;
}

export function emptySlot(): Slot {
  return { edits: [], reactions: [] };
}

/**
 * Takes in a message. Of several with the same id and author the earliest counts, so a user who
 * uses an id again does not change what they said. Returns true if this one counts.
 */
export function putMessage(slot: Slot, message: Message): boolean {
  if (slot.message !== undefined && comparePrecedence(slot.message, message) <= 0) {
    return false;
  }
  slot.message = slot.deleted === undefined ? message : emptied(message);
  return true;
}

/** Applies an edit. Returns true if another edit counts now. */
export function putEdit(slot: Slot, by: Message, text: string): boolean {
  return slot.deleted === undefined && putLatest(slot.edits, statement(by, text));
}

/**
 * Deletes the message for good: removes its content, and ignores everything that comes later.
 * Returns true if it was not deleted before.
 */
export function putDeletion(slot: Slot, by: Message): boolean {
  const deletion = { sent_at: by.sent_at, user: by.from.user };
  if (slot.deleted !== undefined) {
    const order = deletion.sent_at - slot.deleted.sent_at || compareIds(deletion.user, slot.deleted.user);
    if (order < 0) {
      slot.deleted = deletion;
    }
    return false;
  }
  slot.deleted = deletion;
  slot.edits = [];
  slot.reactions = [];
  if (slot.message !== undefined) {
    slot.message = emptied(slot.message);
  }
  return true;
}

/** Applies a reaction. Returns true if it added or removed the emoji. */
export function putReaction(slot: Slot, by: Message, emoji: string, remove: boolean): boolean {
  if (slot.deleted !== undefined) {
    return false;
  }
  const user = by.from.user;
  const was = hasReaction(slot, user, emoji);
  const at = place(slot.reactions, user, emoji);
  let reaction = slot.reactions[at];
  if (reaction === undefined || reaction.user !== user || reaction.emoji !== emoji) {
    reaction = { user, emoji, there: [] };
    slot.reactions.splice(at, 0, reaction);
  }
  putLatest(reaction.there, statement(by, !remove));
  const own = slot.reactions.filter((other) => other.user === user);
  if (own.length > EMOJIS_MAX) {
    forgetLeast(slot, own);
  } else if (slot.reactions.length > REACTIONS_MAX) {
    forgetLeast(slot, slot.reactions);
  }
  return hasReaction(slot, user, emoji) !== was;
}

/** Returns true if only reactions have come. */
export function isSlight(slot: Slot): boolean {
  return slot.message === undefined && slot.deleted === undefined && slot.edits.length === 0;
}

/**
 * Returns the current text of a `text`, with the latest edit. `undefined` for other kinds, and
 * after a deletion.
 */
export function textOf(slot: Slot): string | undefined {
  if (slot.message?.kind !== "text") {
    return undefined;
  }
  const { body } = slot.message;
  return lastSaid(slot.edits)?.said ?? (typeof body === "string" ? body : undefined);
}

/** Returns when the text was edited last. Only a `text` can be edited. */
export function editedAt(slot: Slot): number | undefined {
  return slot.message?.kind === "text" ? lastSaid(slot.edits)?.sent_at : undefined;
}

/**
 * Returns the emojis that are there, each with its users. Emojis come in the order of their bytes,
 * users of their ids.
 */
export function reactionsOf(slot: Slot): { emoji: string; users: Id[] }[] {
  const users = new Map<string, Id[]>();
  for (const { user, emoji, there } of slot.reactions) {
    if (lastSaid(there)?.said === true) {
      users.set(emoji, [...(users.get(emoji) ?? []), user]);
    }
  }
  const reactions = [...users].map(([emoji, users]) => ({ emoji, users }));
  return reactions.sort((one, other) => compareText(one.emoji, other.emoji));
}

/** Returns a message without its content. */
export function emptied(message: Message): Message {
  const { reply_to: _reply, content_type: _type, mentions: _mentions, ...rest } = message;
  return { ...rest, body: null };
}

/** Compares two copies of a message; the lesser one counts. Equal ones are the same copy. */
function comparePrecedence(one: Message, other: Message): number {
  return (
    one.sent_at - other.sent_at ||
    one.epoch - other.epoch ||
    one.seq - other.seq ||
    compareIds(one.from.device, other.from.device)
  );
}

function hasReaction({ reactions }: Slot, user: Id, emoji: string): boolean {
  const reaction = reactions[place(reactions, user, emoji)];
  return reaction?.user === user && reaction.emoji === emoji && lastSaid(reaction.there)?.said === true;
}

/** Returns where a reaction is, or where it belongs. */
function place(reactions: Reaction[], user: Id, emoji: string): number {
  let [low, high] = [0, reactions.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const known = reactions[middle];
    if (known !== undefined && (compareIds(known.user, user) || compareText(known.emoji, emoji)) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

function forgetLeast(slot: Slot, among: Reaction[]): void {
  const time = ({ there }: Reaction) => lastSaid(there)?.sent_at ?? Number.NEGATIVE_INFINITY;
  let [least] = among;
  for (const reaction of among) {
    // Of equal ones the first in the order goes, and `among` is sorted.
    if (least !== undefined && time(reaction) < time(least)) {
      least = reaction;
    }
  }
  slot.reactions = slot.reactions.filter((reaction) => reaction !== least);
}
