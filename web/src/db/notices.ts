/** What the relay has reported: logins, rooms, friends. */
import type { Id } from "../core/id.ts";
import { metaIn } from "./meta.ts";
import type { NoticeRow } from "./rows.ts";
import { type Db, type Rw, write } from "./schema.ts";

/** The notices that are kept. One more, and the oldest goes. */
export const NOTICES_KEPT = 1_000;
/** The reports that are remembered, so that a copy is not taken for another one. */
export const SEEN_MAX = 10_000;
/** The ids of notices in one mark. */
const MARKED_MAX = 5_000;

/** Notes that a report came. Returns false if it has come before. */
export async function isNewReport(tx: Rw, id: Id): Promise<boolean> {
  const store = tx.objectStore("seen");
  if ((await store.index("id").getKey(id)) !== undefined) {
    return false;
  }
  const key = await store.add({ id });
  // Keys only grow, so this one says which is too old.
  if (key > SEEN_MAX) {
    await store.delete(IDBKeyRange.upperBound(key - SEEN_MAX));
  }
  return true;
}

/** Stores a notice. Returns false if it is here. */
export async function putNotice(tx: Rw, row: NoticeRow): Promise<boolean> {
  const store = tx.objectStore("notices");
  if ((await store.getKey(row.id)) !== undefined) {
    return false;
  }
  await store.put(row);
  if (!row.isRead) {
    await addUnread(tx, 1);
  }
  return true;
}

/** Returns the notices, the newest first. */
export async function notices(db: Db): Promise<NoticeRow[]> {
  return (await db.getAllFromIndex("notices", "at")).reverse();
}

/** Forgets the oldest notices, if there are too many. */
export async function trimNotices(db: Db): Promise<void> {
  await write(db, ["notices", "meta"], async (tx) => {
    const store = tx.objectStore("notices");
    const excess = (await store.count()) - NOTICES_KEPT;
    if (excess > 0) {
      const rows = await store.index("at").getAll(undefined, excess);
      await Promise.all(rows.map(({ id }) => store.delete(id)));
      // Nobody can read them any more, so they would count as unread for ever.
      await addUnread(tx, -rows.filter(({ isRead }) => !isRead).length);
    }
  });
}

/** Notes that these notices were read on another device. */
export async function noticesRead(tx: Rw, ids: readonly Id[]): Promise<void> {
  const store = tx.objectStore("notices");
  const rows = await Promise.all(ids.map((id) => store.get(id)));
  const fresh = rows.filter((row) => row?.isRead === false);
  await Promise.all(
    fresh.map((row) => (row === undefined ? undefined : store.put({ ...row, isRead: true }))),
  );
  await addUnread(tx, -fresh.length);
}

/** Notes that the user has read all notices, and what the relay has to be told of it. */
export async function readNotices(db: Db): Promise<void> {
  await write(db, ["notices", "marks", "meta"], async (tx) => {
    const all = await tx.objectStore("notices").getAll();
    const ids = all.filter(({ isRead }) => !isRead).map(({ id }) => id);
    if (ids.length === 0) {
      return;
    }
    await noticesRead(tx, ids);
    const mark = await tx.objectStore("marks").get("notices");
    const known = mark !== undefined && "notices" in mark ? mark.notices : [];
    await tx.objectStore("marks").put({ key: "notices", notices: [...known, ...ids].slice(-MARKED_MAX) });
  });
}

async function addUnread(tx: Rw, count: number): Promise<void> {
  const known = (await metaIn(tx, "unreadNotices")) ?? 0;
  await tx.objectStore("meta").put(Math.max(0, known + count), "unreadNotices");
}
