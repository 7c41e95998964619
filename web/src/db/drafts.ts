/** What the user has begun to write, for each room. */
import type { Id } from "../core/id.ts";
import type { DraftRow } from "./rows.ts";
import { type Db, write } from "./schema.ts";

export async function draftOf(db: Db, room: Id): Promise<DraftRow | undefined> {
  return await db.get("drafts", room);
}

/** Stores a draft. An empty one is removed. */
export async function putDraft(db: Db, draft: DraftRow): Promise<void> {
  const isEmpty = draft.text === "" && draft.replyTo === undefined && draft.editing === undefined;
  await write(db, ["drafts"], async (tx) => {
    const store = tx.objectStore("drafts");
    await (isEmpty ? store.delete(draft.room) : store.put(draft));
  });
}
