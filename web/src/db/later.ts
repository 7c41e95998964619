/**
 * Frames that this version cannot read, kept for one that can. They may have what somebody said,
 * so a deletion removes them like everything else of its message.
 */
import { type Id, isId } from "../core/id.ts";
import type { Target } from "../core/message.ts";
import type { Rw } from "./schema.ts";

/** The frames that are kept. One more, and the oldest goes. */
export const LATER_MAX = 1_000;

/**
 * Returns the room of a frame, and the messages that it is or acts on, as far as its fields are
 * where they always are.
 */
export function namesIn(text: string): { room: Id; targets: Target[] } {
  let message: Fields;
  try {
    message = fields(fields(JSON.parse(text))["message"]);
  } catch {
    message = {};
  }
  const { room } = message;
  const target = fields(fields(message["body"])["target"]);
  const named = [
    { message: message["id"], from: fields(message["from"])["user"] },
    { message: target["message"], from: target["from"] },
  ];
  const targets = named.filter((one): one is Target => isId(one.message) && isId(one.from));
  return isId(room) ? { room, targets } : { room: "", targets: [] };
}

export async function keepForLater(tx: Rw, text: string): Promise<void> {
  const store = tx.objectStore("later");
  const { room, targets } = namesIn(text);
  const key = await store.add({ text, of: targets.map((target) => keyOf(room, target)) });
  if (key > LATER_MAX) {
    await store.delete(IDBKeyRange.upperBound(key - LATER_MAX));
  }
}

/** Removes the frames of a deleted message, and of what was done to it. */
export async function scrubLater(tx: Rw, room: Id, target: Target): Promise<void> {
  const store = tx.objectStore("later");
  const keys = await store.index("of").getAllKeys(keyOf(room, target));
  await Promise.all(keys.map((key) => store.delete(key)));
}

type Fields = Record<string, unknown>;

function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function keyOf(room: Id, { message, from }: Target): string {
  return `${room}/${from}/${message}`;
}
