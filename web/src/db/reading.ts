/** How far a room is read, and the counters that follow from it. They are stored, not counted. */
import { CAPACITY } from "../core/conversation.ts";
import type { Id } from "../core/id.ts";
import type { Message, Target } from "../core/message.ts";
import { isSlight } from "../core/slot.ts";
import { changed, NOTHING, type Reading, read, type Unread, unreadOf } from "../core/unread.ts";
import type { MarkRow, MessageRow, RoomRow } from "./rows.ts";
import { type Db, type Rw, write } from "./schema.ts";

/** The rows that are counted at a time. */
const COUNTED = 500;

/** What an import brings was read on another device, unless something of it is unread here. */
export function countAsRead(room: RoomRow, { id, sent_at }: Message): void {
  const { cursor } = room.reading;
  if (room.unread.messages === 0 && (cursor === undefined || sent_at > cursor.sent_at)) {
    room.reading = read(room.reading, { up_to: id, sent_at });
  }
}

/** Notes how far a room is read, and counts again what that changes. The row is not written. */
export async function setReading(tx: Rw, room: RoomRow, next: Reading, me: Id): Promise<void> {
  const before = room.reading;
  room.reading = next;
  const cursor = next.cursor?.sent_at ?? Number.NEGATIVE_INFINITY;
  const isMarked = next.unread_from !== undefined;
  if (!isMarked && cursor >= (room.last?.sent_at ?? Number.NEGATIVE_INFINITY)) {
    room.unread = { ...NOTHING };
    await forgetLate(tx, room.id);
    return;
  }
  const was = before.cursor?.sent_at ?? Number.NEGATIVE_INFINITY;
  if (!isMarked && before.unread_from === undefined) {
    const gone = await count(tx, room.id, was, cursor, (row) =>
      unreadOf(row.slot, me, before, row.late === 1),
    );
    room.unread = changed(room.unread, gone, NOTHING);
    return;
  }
  const from = Math.min(cursor, (next.unread_from ?? cursor + 1) - 1);
  room.unread = await count(tx, room.id, from, Number.POSITIVE_INFINITY, (row) =>
    unreadOf(row.slot, me, next, row.late === 1),
  );
}

/** Counts the rows of a room that were sent after `from`, up to `to`. */
async function count(
  tx: Rw,
  room: Id,
  from: number,
  to: number,
  of: (row: MessageRow) => Unread,
): Promise<Unread> {
  const index = tx.objectStore("messages").index("place");
  const upper = to === Number.POSITIVE_INFINITY ? [room, []] : [room, to, []];
  let lower: IDBValidKey = from === Number.NEGATIVE_INFINITY ? [room] : [room, from, []];
  let sum: Unread = { ...NOTHING };
  for (;;) {
    const range = IDBKeyRange.bound(lower, upper, true, false);
    const rows = await index.getAll(range, COUNTED);
    for (const row of rows) {
      sum = changed(sum, NOTHING, of(row));
    }
    const last = rows.at(-1);
    if (rows.length < COUNTED || last === undefined) {
      return sum;
    }
    const { sent_at = 0, device = "", epoch = 0, seq = 0, id, user } = last;
    lower = [room, sent_at, device, epoch, seq, id, user];
  }
}

async function forgetLate(tx: Rw, room: Id): Promise<void> {
  const store = tx.objectStore("messages");
  const rows = await store.index("late").getAll(IDBKeyRange.bound([room], [room, []]));
  await Promise.all(
    rows.map((row) => {
      delete row.late;
      return store.put(row);
    }),
  );
}

/**
 * Keeps the rows that wait for their message within the limit of `core`: those with reactions only
 * go first, then the one that has waited longest.
 */
export async function forgetWaiting(tx: Rw, room: RoomRow): Promise<void> {
  const excess = room.waiting - CAPACITY.waiting;
  if (excess <= 0) {
    return;
  }
  const store = tx.objectStore("messages");
  const rows = await store.index("waiting").getAll(IDBKeyRange.bound([room.id], [room.id, []]));
  const order = [...rows.filter(({ slot }) => isSlight(slot)), ...rows.filter(({ slot }) => !isSlight(slot))];
  const gone = order.slice(0, excess);
  await Promise.all(gone.map(({ room, id, user }) => store.delete([room, id, user])));
  room.waiting -= gone.length;
}

/**
 * Notes that the user has read a room up to a message, and what the relay has to be told of it.
 * `seen` are late messages below it that were in view.
 */
export async function markRead(
  db: Db,
  room: Id,
  up: { up_to: Id; sent_at: number } | undefined,
  seen: readonly Target[],
  me: Id,
): Promise<boolean> {
  return await write(db, ["rooms", "messages", "marks"], async (tx) => {
    const row = await tx.objectStore("rooms").get(room);
    if (row === undefined) {
      return false;
    }
    const messages = tx.objectStore("messages");
    const rows = await Promise.all(seen.map(({ message, from }) => messages.get([room, message, from])));
    const late = rows.filter((row) => row?.late === 1).filter((row) => row !== undefined);
    for (const one of late) {
      delete one.late;
      room === one.room && (await messages.put(one));
      row.unread = changed(row.unread, unreadOf(one.slot, me, row.reading, true), NOTHING);
    }
    const known = row.reading.cursor?.sent_at ?? Number.NEGATIVE_INFINITY;
    const isNews = up !== undefined && up.sent_at > known;
    const lifts = up !== undefined && row.reading.unread_from !== undefined;
    if (!isNews && !lifts && late.length === 0) {
      return false;
    }
    if (up !== undefined) {
      await setReading(tx, row, read(row.reading, up), me);
    }
    await tx.objectStore("rooms").put(row);
    if (isNews) {
      const authors = rows.map((row) => row?.user).filter((user) => user !== undefined && user !== me);
      const mark = (await tx.objectStore("marks").get(room)) as Extract<MarkRow, { room: Id }> | undefined;
      const all = [...new Set([...(mark?.authors ?? []), ...authors.filter((user) => user !== undefined)])];
      await tx.objectStore("marks").put({ key: room, room, ...up, authors: all });
    }
    return true;
  });
}

/** Marks everything from a time on as unread, on this device. */
export async function markUnread(db: Db, room: Id, from: number, me: Id): Promise<void> {
  await write(db, ["rooms", "messages"], async (tx) => {
    const row = await tx.objectStore("rooms").get(room);
    if (row !== undefined) {
      await setReading(tx, row, { ...row.reading, unread_from: from }, me);
      await tx.objectStore("rooms").put(row);
    }
  });
}
