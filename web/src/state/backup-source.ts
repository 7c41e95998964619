/**
 * What is stored, as the records of a backup, in the order of its files. A backup reads it twice,
 * and something may come meanwhile: what has a later batch is left out.
 */
import { wholeTimes } from "../core/coverage.ts";
import type { Id } from "../core/id.ts";
import { type Item, itemOf } from "../core/item.ts";
import type { Span } from "../core/spans.ts";
import { getMeta } from "../db/meta.ts";
import type { MessageRow, PersonRow, RecordRow, RoomRow } from "../db/rows.ts";
import type { Db } from "../db/schema.ts";
import { missingIn } from "../db/streams.ts";

/** The rows that are read at a time. */
const READ = 500;

/** What was stored when the backup began. The large tables are read in pieces. */
export interface Snapshot {
  batch: number;
  /** About how many messages there are. */
  messages: number;
  rooms: RoomRow[];
  people: PersonRow[];
  /** The lines of the notices, the oldest first. */
  notices: string[];
  /** For how many times something may be missing, here or of a sender. */
  holes: number;
  /** The times for which everything is here. */
  whole(now: number): Span[];
}

export async function snapshot(db: Db): Promise<Snapshot> {
  const [coverage, skew = 0, missing, batch, messages, rooms, people, notices] = await Promise.all([
    getMeta(db, "coverage"),
    getMeta(db, "skew"),
    missingIn(db),
    getMeta(db, "batches"),
    db.count("records"),
    db.getAll("rooms"),
    db.getAll("people"),
    db.getAllFromIndex("notices", "at"),
  ]);
  return {
    batch: batch ?? 0,
    messages,
    rooms,
    people,
    notices: notices.map(({ line }) => line),
    holes: (coverage?.holes.length ?? 0) + missing.length,
    whole: (now) => (coverage === undefined ? [] : wholeTimes(coverage, missing, now - skew)),
  };
}

export async function* backupItems(db: Db, me: Id, at: Snapshot): AsyncGenerator<Item> {
  for (const { id, kind, name, peer, learnedAt } of at.rooms.filter(({ isListed }) => isListed)) {
    yield cell("room", id, learnedAt, { kind, name, peer });
  }
  for (const { id, username, displayName, learnedAt } of at.people) {
    yield cell("person", id, learnedAt, { username, display_name: displayName });
  }
  for (const { id, reading } of at.rooms) {
    if (reading.cursor !== undefined) {
      yield cell("cursor", id, reading.cursor.sent_at, { up_to: reading.cursor.up_to });
    }
  }
  yield* outcomes(db, me, at);
  for (const line of at.notices) {
    yield itemOf("notices", line);
  }
  for await (const row of records(db)) {
    if (isBefore(row, at)) {
      yield itemOf("messages", row.line);
    }
  }
}

function isBefore({ n = 0 }: { n?: number }, { batch }: Snapshot): boolean {
  return n <= batch;
}

/** Reads the records by time. */
async function* records(db: Db): AsyncGenerator<RecordRow> {
  let since = Number.NEGATIVE_INFINITY;
  /** Those of the moment `since` that were given. */
  let given = new Set<string>();
  let limit = READ;
  for (;;) {
    const rows = await db.getAllFromIndex("records", "at", IDBKeyRange.lowerBound(since), limit);
    const fresh = rows.filter((row) => row.at > since || !given.has(keyOf(row)));
    yield* fresh;
    const last = rows.at(-1);
    if (rows.length < limit || last === undefined) {
      return;
    }
    const ofLast = rows.filter(({ at }) => at === last.at).map(keyOf);
    given = new Set(last.at === since ? [...given, ...ofLast] : ofLast);
    since = last.at;
    // More than one page may be of the same moment.
    limit = given.size + READ;
  }
}

function keyOf({ user, device, id }: RecordRow): string {
  return `${user}/${device}/${id}`;
}

async function* outcomes(db: Db, me: Id, snapshot: Snapshot): AsyncGenerator<Item> {
  let lower: [Id, Id, Id] | undefined;
  for (;;) {
    const range = lower === undefined ? undefined : IDBKeyRange.lowerBound(lower, true);
    const rows: MessageRow[] = await db.getAll("messages", range, READ);
    const own = rows.filter((row) => row.user === me && isBefore(row, snapshot));
    for (const { id, ledger, sent_at = 0 } of own) {
      for (const { user, device, what, at } of (ledger?.outcomes ?? []).filter((one) =>
        isBefore(one, snapshot),
      )) {
        yield itemOf("outcomes", JSON.stringify({ message: id, user, device, what, at }));
      }
      for (const user of ledger?.unreachable ?? []) {
        const line = { message: id, user, what: "unreachable", at: sent_at };
        yield itemOf("outcomes", JSON.stringify(line));
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
