/** Messages of a room: where they are, and what the page shows of them. */
import type { Id } from "../core/id.ts";
import { parseBody } from "../core/kinds.ts";
import { comparePlaces, type Message, type Place, type Target, targetOf } from "../core/message.ts";
import type { MessageRecord } from "../core/record.ts";
import { type Slot, textOf } from "../core/slot.ts";
import type { LastMessage, MessageRow, RecordRow } from "./rows.ts";
import type { Db, Rw } from "./schema.ts";

/** The characters that a list of rooms shows of a message. */
const EXCERPT = 200;

export type PlaceKey = [Id, number, Id, number, number, Id, Id];

export function rowKey(room: Id, { message, from }: Target): [Id, Id, Id] {
  return [room, message, from];
}

/** Notes where a message is. */
export function putPlace(row: MessageRow, message: Message): void {
  row.sent_at = message.sent_at;
  row.device = message.from.device;
  row.epoch = message.epoch;
  row.seq = message.seq;
}

/** Returns where a row is, or `undefined` while its message has not come. */
export function placeKey(row: MessageRow): PlaceKey | undefined {
  const { room, sent_at, device, epoch, seq, id, user } = row;
  return sent_at === undefined || device === undefined || epoch === undefined || seq === undefined
    ? undefined
    : [room, sent_at, device, epoch, seq, id, user];
}

/** Compares two rows of a room that have their messages. */
export function compareRows(one: MessageRow, other: MessageRow): number {
  return comparePlaces(placeOfRow(one), placeOfRow(other));
}

function placeOfRow({ id, user, device = "", epoch = 0, seq = 0, sent_at = 0 }: MessageRow): Place {
  return { id, from: { user, device }, epoch, seq, sent_at };
}

/** Returns the text of a slot that people read and search, or `undefined` if it has none. */
export function wordsOf(slot: Slot): string | undefined {
  if (slot.message === undefined || slot.deleted !== undefined) {
    return undefined;
  }
  const text = textOf(slot);
  if (text !== undefined) {
    return text;
  }
  const known = parseBody(slot.message.kind, slot.message.body);
  return known?.kind === "forward" && typeof known.body === "string" ? known.body : undefined;
}

/** Returns what a list of rooms shows of a message. */
export function lastOf({ slot }: MessageRow): LastMessage | undefined {
  const { message } = slot;
  if (message === undefined) {
    return undefined;
  }
  const text = (wordsOf(slot) ?? "").slice(0, EXCERPT);
  const kind = slot.deleted === undefined ? message.kind : "delete";
  return { target: targetOf(message), sent_at: message.sent_at, text, kind };
}

export function isPlacedAfter(message: Message, last: LastMessage | undefined): boolean {
  return last === undefined || message.sent_at >= last.sent_at;
}

export function recordAt({ line, sentAt }: MessageRecord): Pick<RecordRow, "line" | "at"> {
  // A wrong clock may have made a time that a key cannot say exactly. The line keeps it.
  return { line, at: Number(sentAt) };
}

/** Takes the words of a message out of the pages of the search. */
export async function scrubPages(tx: Rw, row: MessageRow, target: Target): Promise<void> {
  const pages = tx.objectStore("text");
  for (const n of row.pages ?? []) {
    const page = await pages.get([row.room, n]);
    if (page !== undefined) {
      const texts = page.texts.filter(({ id, user }) => id !== target.message || user !== target.from);
      await pages.put({ ...page, texts });
    }
  }
  delete row.pages;
  delete row.unpaged;
}

export async function getRow(db: Db, room: Id, target: Target): Promise<MessageRow | undefined> {
  return await db.get("messages", rowKey(room, target));
}

/** Returns up to `limit` rows before a place, or the last ones. The oldest comes first. */
export async function rowsBefore(
  db: Db,
  room: Id,
  place: PlaceKey | undefined,
  limit: number,
): Promise<MessageRow[]> {
  const range = IDBKeyRange.bound([room], place ?? [room, []], false, place !== undefined);
  const index = db.transaction("messages").store.index("place");
  const rows: MessageRow[] = [];
  let cursor = await index.openCursor(range, "prev");
  while (cursor !== null && rows.length < limit) {
    rows.push(cursor.value);
    cursor = rows.length < limit ? await cursor.continue() : null;
  }
  return rows.reverse();
}

/** Returns up to `limit` rows after a place, or from a time on. The oldest comes first. */
export async function rowsAfter(
  db: Db,
  room: Id,
  from: PlaceKey | { sent_at: number },
  limit: number,
): Promise<MessageRow[]> {
  const lower = Array.isArray(from) ? from : [room, from.sent_at];
  const range = IDBKeyRange.bound(lower, [room, []], Array.isArray(from), false);
  return await db.getAllFromIndex("messages", "place", range, limit);
}

/**
 * Returns up to `limit` rows from one place to another, both included. Without one, to that end.
 */
export async function rowsBetween(
  db: Db,
  room: Id,
  first: PlaceKey | undefined,
  last: PlaceKey | undefined,
  limit: number,
): Promise<MessageRow[]> {
  const range = IDBKeyRange.bound(first ?? [room], last ?? [room, []]);
  return await db.getAllFromIndex("messages", "place", range, limit);
}
