/**
 * The current state of what was said in a room: messages with their edits, deletions and
 * reactions.
 *
 * A relay stores no messages, so it cannot know who wrote an older one. Each receiver makes sure
 * that users edit and delete only what they may. It decides by the stamp of the relay (`from`),
 * and never by what a body claims. The result does not depend on the order in which messages come.
 */
import { parseBody } from "./kinds.ts";
import {
  comparePlaces,
  type Message,
  type Place,
  placeOf,
  ROLES,
  type RoomKind,
  type Target,
  targetKey,
  targetOf,
} from "./message.ts";
import { emptySlot, isSlight, putDeletion, putEdit, putMessage, putReaction, type Slot } from "./slot.ts";

/** The limits of a conversation in memory. */
export interface Capacity {
  /** One message more, and the oldest is forgotten with everything that was done to it. */
  messages: number;
  /**
   * The messages that have not come, while an action on them has. One more, and the one that has
   * waited longest is forgotten; those with reactions only go first.
   */
  waiting: number;
}

export const CAPACITY: Capacity = { messages: 1_000, waiting: 256 };

/** The effect of a message on a conversation. */
export type Change =
  | { change: "added" | "too_old" | "edited" | "deleted" | "reacted"; target: Target }
  | { change: "nothing" }
  | { change: "ignored"; why: "other_room" | "malformed" | "not_author" | "not_allowed" };

/** What a message does: it is shown itself, or it acts on another one. */
export type Deed =
  | { deed: "add" }
  | { deed: "none"; why: "malformed" | "not_author" | "not_allowed" }
  | { deed: "act"; change: "edited" | "deleted" | "reacted"; target: Target; apply: (slot: Slot) => boolean };

/**
 * Returns what a message may do in a room of this kind. The store and `Conversation` both ask
 * this, so that forgeries count nowhere.
 */
export function judge(message: Message, kind: RoomKind): Deed {
  const known = parseBody(message.kind, message.body);
  switch (known?.kind) {
    case "malformed":
      return { deed: "none", why: "malformed" };
    case "edit": {
      const { target, body } = known;
      if (target.from !== message.from.user) {
        return { deed: "none", why: "not_author" };
      }
      return { deed: "act", change: "edited", target, apply: (slot) => putEdit(slot, message, body) };
    }
    case "delete": {
      const { target } = known;
      if (target.from !== message.from.user && !moderates(message, kind)) {
        return { deed: "none", why: "not_allowed" };
      }
      return { deed: "act", change: "deleted", target, apply: (slot) => putDeletion(slot, message) };
    }
    case "reaction": {
      const { target, emoji, remove } = known;
      return {
        deed: "act",
        change: "reacted",
        target,
        apply: (slot) => putReaction(slot, message, emoji, remove),
      };
    }
    default:
      return { deed: "add" };
  }
}

/** In a direct room only the author deletes. */
function moderates(message: Message, kind: RoomKind): boolean {
  return kind !== "direct" && ROLES.indexOf(message.from.role) >= ROLES.indexOf("moderator");
}

/**
 * The messages of one room, in memory. Apply the user's own messages too, with the stamp that
 * `sent` tells.
 */
export class Conversation {
  readonly room: string;
  readonly kind: RoomKind;
  readonly #capacity: Capacity;
  readonly #slots = new Map<string, Slot>();
  /**
   * The places of the messages that have come, the oldest first. They have no content, which a
   * deletion removes.
   */
  readonly #order: Place[] = [];
  /** The other targets, the one that has waited longest first. */
  readonly #waiting = new Set<string>();

  constructor(room: string, kind: RoomKind, capacity: Capacity = CAPACITY) {
    this.room = room;
    this.kind = kind;
    this.#capacity = capacity;
  }

  /** Applies a message, as a relay delivered it. */
  apply(message: Message): Change {
    if (message.room !== this.room) {
      return { change: "ignored", why: "other_room" };
    }
    const deed = judge(message, this.kind);
    switch (deed.deed) {
      case "add":
        return this.#add(message);
      case "act":
        return this.#act(deed);
      case "none":
        return { change: "ignored", why: deed.why };
    }
  }

  /**
   * Applies a message whose content was removed from a store. Apply the deletion too: it says who
   * deleted it.
   */
  applyEmptied(message: Message): Change {
    return message.room === this.room ? this.#add(message) : { change: "ignored", why: "other_room" };
  }

  /** Returns a message with what was done to it, or `undefined` if it has not come. */
  get(target: Target): Slot | undefined {
    const slot = this.#slots.get(targetKey(target));
    return slot?.message === undefined ? undefined : slot;
  }

  /** Returns the messages in their order, deleted ones included. */
  entries(): Slot[] {
    return this.#order.flatMap((place) => this.get(targetOf(place)) ?? []);
  }

  /** The number of messages that have not come, while an action on them has. */
  get waiting(): number {
    return this.#waiting.size;
  }

  get length(): number {
    return this.#order.length;
  }

  #slot(key: string): Slot {
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      slot = emptySlot();
      this.#slots.set(key, slot);
    }
    return slot;
  }

  #act({ target, change, apply }: Extract<Deed, { deed: "act" }>): Change {
    const key = targetKey(target);
    const slot = this.#slot(key);
    if (slot.message === undefined) {
      // A set keeps the place of a key that it has already.
      this.#waiting.add(key);
    }
    const isNews = apply(slot);
    this.#forgetWaiting();
    return isNews ? { change, target } : { change: "nothing" };
  }

  #add(message: Message): Change {
    const target = targetOf(message);
    const key = targetKey(target);
    const slot = this.#slot(key);
    const before = slot.message;
    if (!putMessage(slot, message)) {
      return { change: "nothing" };
    }
    if (before !== undefined) {
      this.#order.splice(this.#indexOf(before), 1);
    }
    this.#waiting.delete(key);
    this.#order.splice(this.#indexOf(message), 0, placeOf(message));
    while (this.#order.length > this.#capacity.messages) {
      const oldest = this.#order.shift();
      if (oldest !== undefined) {
        this.#slots.delete(targetKey(targetOf(oldest)));
      }
    }
    if (!this.#slots.has(key)) {
      return { change: "too_old", target };
    }
    return before === undefined ? { change: "added", target } : { change: "nothing" };
  }

  #indexOf(place: Place): number {
    let [low, high] = [0, this.#order.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const known = this.#order[middle];
      if (known !== undefined && comparePlaces(known, place) < 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  #forgetWaiting(): void {
    while (this.#waiting.size > this.#capacity.waiting) {
      const keys = [...this.#waiting];
      const slight = keys.find((key) => {
        const slot = this.#slots.get(key);
        return slot !== undefined && isSlight(slot);
      });
      const key = slight ?? keys[0];
      if (key === undefined) {
        return;
      }
      this.#waiting.delete(key);
      this.#slots.delete(key);
    }
  }
}
