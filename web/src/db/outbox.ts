/** What waits to be sent. A message is here, on the disk, before it is on the network. */
import type { Id } from "../core/id.ts";
import type { DraftRow, OutboxRow } from "./rows.ts";
import { type Db, type Rw, write } from "./schema.ts";

/**
 * Puts a message into the outbox. With `isDraft` the room's draft is emptied with it, or is `next`
 * from then on.
 */
export async function enqueue(db: Db, row: OutboxRow, isDraft: boolean, next?: DraftRow): Promise<void> {
  await write(db, ["outbox", "drafts"], async (tx) => {
    await tx.objectStore("outbox").add(row);
    if (isDraft) {
      const drafts = tx.objectStore("drafts");
      await (next === undefined ? drafts.delete(row.room) : drafts.put(next));
    }
  });
}

/** Returns what waits, in the order in which it was written. */
export async function outbox(db: Db): Promise<OutboxRow[]> {
  return await db.getAll("outbox");
}

export async function outboxOf(tx: Rw, id: Id): Promise<OutboxRow | undefined> {
  return await tx.objectStore("outbox").index("id").get(id);
}

/** Changes a message that waits. Returns false if it is not here any more. */
export async function changeOutbox(db: Db, id: Id, change: (row: OutboxRow) => void): Promise<boolean> {
  return await write(db, ["outbox"], (tx) => changeOutboxIn(tx, id, change));
}

export async function changeOutboxIn(tx: Rw, id: Id, change: (row: OutboxRow) => void): Promise<boolean> {
  const row = await outboxOf(tx, id);
  if (row === undefined) {
    return false;
  }
  change(row);
  await tx.objectStore("outbox").put(row);
  return true;
}

/**
 * Takes a message that failed out of the outbox. With a draft, what the user wrote takes its place
 * in the same moment. Returns `false` if it is under way.
 */
export async function discard(db: Db, id: Id, draft?: DraftRow): Promise<boolean> {
  return await write(db, ["outbox", "drafts"], async (tx) => {
    const row = await outboxOf(tx, id);
    if (row?.failed === undefined || row.n === undefined) {
      return false;
    }
    await tx.objectStore("outbox").delete(row.n);
    if (draft !== undefined) {
      await tx.objectStore("drafts").put(draft);
    }
    return true;
  });
}
