/** What is stored, as the records of a backup, in the order of its files. */
import type { Id } from "../core/id.ts";
import { type Item, itemOf } from "../core/item.ts";
import type { MessageRow } from "../db/rows.ts";
import type { Db } from "../db/schema.ts";

/** The rows that are read at a time. */
const READ = 500;

/** Returns the records. `records` are the keys of the messages, as they were at the beginning. */
export async function* backupItems(db: Db, me: Id, records: readonly IDBValidKey[]): AsyncGenerator<Item> {
  const rooms = await db.getAll("rooms");
  for (const { id, kind, name, peer, learnedAt } of rooms.filter(({ isListed }) => isListed)) {
    yield cell("room", id, learnedAt, { kind, name, peer });
  }
  for (const { id, username, displayName, learnedAt } of await db.getAll("people")) {
    yield cell("person", id, learnedAt, { username, display_name: displayName });
  }
  for (const { id, reading } of rooms) {
    if (reading.cursor !== undefined) {
      yield cell("cursor", id, reading.cursor.sent_at, { up_to: reading.cursor.up_to });
    }
  }
  yield* outcomes(db, me);
  for (const { line } of await db.getAllFromIndex("notices", "at")) {
    yield itemOf("notices", line);
  }
  for (let at = 0; at < records.length; at += READ) {
    const keys = records.slice(at, at + READ) as [Id, Id, Id][];
    const rows = await Promise.all(keys.map((key) => db.get("records", key)));
    for (const row of rows) {
      if (row !== undefined) {
        yield itemOf("messages", row.line);
      }
    }
  }
}

/** Returns the keys of all records by time. A record that comes later is not in the backup. */
export async function recordKeys(db: Db): Promise<IDBValidKey[]> {
  return await db.getAllKeysFromIndex("records", "at");
}

async function* outcomes(db: Db, me: Id): AsyncGenerator<Item> {
  let lower: [Id, Id, Id] | undefined;
  for (;;) {
    const range = lower === undefined ? undefined : IDBKeyRange.lowerBound(lower, true);
    const rows: MessageRow[] = await db.getAll("messages", range, READ);
    for (const { id, ledger, sent_at = 0 } of rows.filter((row) => row.user === me)) {
      for (const one of ledger?.outcomes ?? []) {
        const { user, device, what, at } = one;
        yield itemOf("outcomes", JSON.stringify({ message: id, user, device, what, at }));
      }
      for (const one of ledger?.unreachable ?? []) {
        yield itemOf(
          "outcomes",
          JSON.stringify({ message: id, user: one, what: "unreachable", at: sent_at }),
        );
      }
    }
    const last = rows.at(-1);
    if (rows.length < READ || last === undefined) {
      return;
    }
    lower = [last.room, last.id, last.user];
  }
}

function cell(kind: string, key: Id, stamp: number, value: object): Item {
  return itemOf(
    "cells",
    `{"kind":"${kind}","key":"${key}","stamp":${stamp},"value":${JSON.stringify(value)}}`,
  );
}
