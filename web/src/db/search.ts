/**
 * The search. Folded texts are gathered on pages of one room, because reading a few hundred pages
 * is many times faster than reading every message. Pages are written when nothing else is to do;
 * what no page has yet is read from the messages.
 */
import { fold, hasWords, searchWords } from "../core/fold.ts";
import type { Id } from "../core/id.ts";
import { placeKey, wordsOf } from "./messages.ts";
import type { MessageRow, TextRow } from "./rows.ts";
import { type Db, type Rw, write } from "./schema.ts";

/** The texts of a page. */
export const PAGE = 256;
/** The pages that are read at a time. */
const READ = 4;

/**
 * Writes pages for up to `PAGE` messages of a room. Returns true if there are more.
 */
export async function pageSome(db: Db, room: Id): Promise<boolean> {
  return await write(db, ["rooms", "messages", "text"], async (tx) => {
    const row = await tx.objectStore("rooms").get(room);
    const from = row?.unpagedFrom;
    if (row === undefined || from === undefined) {
      return false;
    }
    const messages = tx.objectStore("messages");
    const rows = await messages.index("place").getAll(IDBKeyRange.bound([room, from], [room, []]), PAGE);
    const fresh = rows.filter(
      (one) => (one.pages === undefined || one.unpaged === 1) && wordsOf(one.slot) !== undefined,
    );
    await append(tx, room, fresh);
    const last = rows.at(-1)?.sent_at;
    if (rows.length < PAGE || last === undefined) {
      delete row.unpagedFrom;
    } else {
      // With so many of one moment, the next step must not begin with the same ones.
      row.unpagedFrom = last > from || fresh.length > 0 ? last : last + 1;
    }
    await tx.objectStore("rooms").put(row);
    return row.unpagedFrom !== undefined;
  });
}

async function append(tx: Rw, room: Id, rows: MessageRow[]): Promise<void> {
  const store = tx.objectStore("text");
  const last = await store.openCursor(IDBKeyRange.bound([room], [room, []]), "prev");
  let page: TextRow = last?.value ?? { room, n: 0, until: 0, texts: [] };
  for (const row of rows) {
    if (page.texts.length >= PAGE) {
      await store.put(page);
      page = { room, n: page.n + 1, until: 0, texts: [] };
    }
    const at = row.sent_at ?? 0;
    page.texts.push({ id: row.id, user: row.user, at, text: fold(wordsOf(row.slot) ?? "") });
    page.until = Math.max(page.until, at);
    row.pages = [...new Set([...(row.pages ?? []), page.n])];
    delete row.unpaged;
  }
  if (rows.length > 0) {
    await store.put(page);
    await Promise.all(rows.map((row) => tx.objectStore("messages").put(row)));
  }
}

export interface Query {
  words: string;
  room?: Id;
  from?: Id;
  after?: number;
  before?: number;
}

/** Searches, the newest first. Each step returns the rows of some pages, or none. */
export async function* search(db: Db, query: Query): AsyncGenerator<MessageRow[]> {
  const words = searchWords(query.words);
  const found = new Set<string>();
  const fresh = (rows: (MessageRow | undefined)[]) =>
    rows.filter((row): row is MessageRow => {
      const key = row === undefined ? "" : `${row.room}/${row.id}/${row.user}`;
      if (row === undefined || found.has(key) || !fits(row, query, words)) {
        return false;
      }
      found.add(key);
      return true;
    });
  if (words.length === 0) {
    return;
  }
  const rooms = (await db.getAll("rooms")).filter(({ id }) => query.room === undefined || id === query.room);
  for (const { id, unpagedFrom } of rooms) {
    for await (const rows of unpaged(db, id, unpagedFrom)) {
      yield fresh(rows);
    }
  }
  const keys = (await db.getAllKeysFromIndex("text", "until")).reverse();
  const wanted = keys.filter(([room]) => query.room === undefined || room === query.room);
  for (let at = 0; at < wanted.length; at += READ) {
    const pages = await Promise.all(wanted.slice(at, at + READ).map((key) => db.get("text", key)));
    const hits = pages.flatMap((page) =>
      (page?.texts ?? [])
        .filter((text) => isBetween(text.at, query) && hasWords(text.text, words))
        .map((text): [Id, Id, Id] => [page?.room ?? "", text.id, text.user]),
    );
    // A page may still have the text from before an edit, so the message itself decides.
    const rows = await Promise.all(hits.map((key) => db.get("messages", key)));
    yield fresh(rows).sort((one, other) => (other.sent_at ?? 0) - (one.sent_at ?? 0));
  }
}

/** Reads the messages that are on no page, the newest first. */
async function* unpaged(db: Db, room: Id, from: number | undefined): AsyncGenerator<MessageRow[]> {
  let upper: IDBValidKey = [room, []];
  while (from !== undefined) {
    const range = IDBKeyRange.bound([room, from], upper, false, true);
    const rows: MessageRow[] = [];
    let cursor = await db.transaction("messages").store.index("place").openCursor(range, "prev");
    while (cursor !== null && rows.length < PAGE) {
      rows.push(cursor.value);
      cursor = rows.length < PAGE ? await cursor.continue() : null;
    }
    yield rows;
    const oldest = rows.at(-1);
    const place = oldest === undefined ? undefined : placeKey(oldest);
    if (rows.length < PAGE || place === undefined) {
      return;
    }
    upper = place;
  }
}

function fits(row: MessageRow, query: Query, words: readonly string[]): boolean {
  const text = wordsOf(row.slot);
  return (
    text !== undefined &&
    (query.from === undefined || row.user === query.from) &&
    isBetween(row.sent_at ?? 0, query) &&
    hasWords(fold(text), words)
  );
}

function isBetween(at: number, { after, before }: Query): boolean {
  return (after === undefined || at >= after) && (before === undefined || at < before);
}
