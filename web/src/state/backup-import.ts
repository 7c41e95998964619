/**
 * Unites a backup with what is stored. It only adds, removes nothing, and brings back nothing that
 * was deleted. Importing the same again changes nothing.
 */
import type { Id } from "../core/id.ts";
import type { Item } from "../core/item.ts";
import type { RoomKind } from "../core/message.ts";
import { uniteCells } from "../core/union.ts";
import { laterCursor, read } from "../core/unread.ts";
import { Batch } from "../db/batch.ts";
import { putNotice } from "../db/notices.ts";
import { setReading } from "../db/reading.ts";
import { newRoom } from "../db/rooms.ts";
import type { NoticeRow } from "../db/rows.ts";
import { type Db, type Rw, type Store, write } from "../db/schema.ts";
import { readMessage } from "../wire/frames.ts";
import { readNotice } from "../wire/reports.ts";

/** The records of one transaction. */
export const IMPORTED = 256;
const STORES: Store[] = [
  "messages",
  "records",
  "rooms",
  "streams",
  "text",
  "people",
  "notices",
  "meta",
  "outbox",
  "later",
];

/** Stores some records of a backup, in their order. Returns how many messages are new. */
export async function importSome(db: Db, me: Id, items: readonly Item[], now: number): Promise<number> {
  return await write(db, STORES, async (tx) => {
    let added = 0;
    // Cells change rows that a batch would have read before, so they come first.
    for (const item of items) {
      if (item.section === "cells") {
        await putCell(tx, item, me);
      } else if (item.section === "notices") {
        await putOldNotice(tx, item.line);
      }
    }
    const batch = new Batch(tx, me, now);
    const messages = items.flatMap((item) => {
      const message = item.section === "messages" ? readMessage(JSON.parse(item.record.line)) : undefined;
      return item.section === "messages" && message !== undefined ? [{ message, record: item.record }] : [];
    });
    await batch.prepare(messages.map(({ message }) => message));
    for (const { message, record } of messages) {
      added += (await batch.message(message, record, "history")) ? 1 : 0;
    }
    await batch.flush();
    return added;
  });
}

/** Stores what became of own messages. Call it after the messages: an outcome names no room. */
export async function importOutcomes(
  db: Db,
  me: Id,
  items: readonly Item[],
  rooms: ReadonlyMap<Id, Id>,
  now: number,
) {
  await write(db, STORES, async (tx) => {
    const batch = new Batch(tx, me, now);
    for (const item of items) {
      if (item.section !== "outcomes") {
        continue;
      }
      const { message, user, device, what } = item;
      const room = rooms.get(message);
      if (room === undefined) {
        continue;
      }
      if (what === "unreachable") {
        await batch.confirmed(room, message, 0, [user]);
      } else if (device !== undefined && (what === "delivered" || what === "expired")) {
        await batch.outcome(room, message, { user, device, what, at: Number(item.at) }, async () => false);
      }
    }
    await batch.flush();
  });
}

type Cell = Extract<Item, { section: "cells" }>;

async function putCell(tx: Rw, cell: Cell, me: Id): Promise<void> {
  const value = JSON.parse(cell.value) as Record<string, unknown>;
  const stamp = Number(cell.stamp);
  const text = (name: string) => (typeof value[name] === "string" ? (value[name] as string) : undefined);
  const [rooms, people] = [tx.objectStore("rooms"), tx.objectStore("people")];
  switch (cell.kind) {
    case "room": {
      const row = (await rooms.get(cell.key)) ?? { ...newRoom(cell.key), isMember: false };
      const [name, peer] = [text("name"), text("peer")];
      // What the relay has told here is later than every backup of another device.
      if (!row.isListed) {
        const kind = text("kind") as RoomKind;
        const facts = { kind, learnedAt: stamp, ...(name === undefined ? {} : { name }) };
        await rooms.put({ ...row, ...facts, ...(peer === undefined ? {} : { peer }) });
      }
      return;
    }
    case "person": {
      const row = await people.get(cell.key);
      const held = row === undefined ? undefined : personCell(cell, row);
      if (held === undefined || uniteCells(held, cell) === cell) {
        const displayName = text("display_name");
        const name = displayName === undefined ? {} : { displayName };
        await people.put({
          ...row,
          id: cell.key,
          username: text("username") ?? "",
          ...name,
          learnedAt: stamp,
        });
      }
      return;
    }
    case "cursor": {
      const row = (await rooms.get(cell.key)) ?? { ...newRoom(cell.key), isMember: false };
      const cursor = { up_to: text("up_to") ?? "", sent_at: stamp };
      if (laterCursor(row.reading.cursor, cursor) === cursor) {
        await setReading(tx, row, read(row.reading, cursor), me);
        await rooms.put(row);
      }
      return;
    }
    default:
  }
}

function personCell(cell: Cell, row: { username: string; displayName?: string; learnedAt: number }): Cell {
  const value = JSON.stringify({ username: row.username, display_name: row.displayName });
  return { ...cell, stamp: BigInt(row.learnedAt), value };
}

async function putOldNotice(tx: Rw, line: string): Promise<void> {
  const { id, at, kind, ...fields } = readNotice(JSON.parse(line));
  const row: NoticeRow = { id, at, kind, fields, line, isRead: true };
  await putNotice(tx, row);
}
