/**
 * Messages as they came, for backups and to know which ones this device has. The record of a
 * deleted message has no content, and neither have those of what was done to it.
 */
import { judge } from "../core/conversation.ts";
import type { Id } from "../core/id.ts";
import type { Message, Target } from "../core/message.ts";
import { targetOf } from "../core/message.ts";
import { emptiedRecord, type MessageRecord, recordOfLine } from "../core/record.ts";
import { uniteMessages } from "../core/union.ts";
import { Cache } from "./cache.ts";
import { scrubLater } from "./later.ts";
import { recordAt, scrubPages } from "./messages.ts";
import type { MessageRow, RecordRow, RoomRow } from "./rows.ts";
import type { Rw } from "./schema.ts";

type Key = [Id, Id, Id];

export class Records {
  readonly #tx: Rw;
  readonly #cache: Cache<Key, RecordRow>;

  constructor(tx: Rw) {
    this.#tx = tx;
    const store = tx.objectStore("records");
    this.#cache = new Cache(
      (key) => store.get(key),
      (row) => store.put(row),
    );
  }

  async prepare(messages: readonly Message[]): Promise<void> {
    await this.#cache.prepare(messages.map(({ from, id }): Key => [from.user, from.device, id]));
  }

  /**
   * Compares a copy with the one that is here. `earlier` says that it has an earlier stamp, which
   * counts from now on.
   */
  async compare(record: MessageRecord): Promise<"new" | "earlier" | "known"> {
    const key: Key = [record.user, record.device, record.id];
    const held = await this.#cache.get(key);
    if (held === undefined) {
      return "new";
    }
    const before = recordOfLine(held.line);
    const united = uniteMessages(before, record);
    if (united === before) {
      return "known";
    }
    this.#cache.put(key, { ...held, ...recordAt(united) });
    return "earlier";
  }

  /** Returns on what a message acts, if it does. */
  targetOf(message: Message, record: MessageRecord, room: RoomRow): Target | undefined {
    if (record.deleted !== undefined) {
      return record.deleted.target;
    }
    const deed = judge(message, room.kind);
    return deed.deed === "act" ? deed.target : undefined;
  }

  /** Stores a record, without its content if `row`, which it is or acts on, is deleted. */
  keep(
    message: Message,
    record: MessageRecord,
    target: Target | undefined,
    row: MessageRow | undefined,
    n: number,
  ): void {
    const isGone = row?.slot.deleted !== undefined && message.kind !== "delete";
    const kept = isGone && record.deleted === undefined ? emptiedRecord(record, target) : record;
    const { user, device, id } = record;
    const base = { user, device, id, n, room: message.room, ...recordAt(kept) };
    const on: Key | undefined =
      target === undefined ? undefined : [message.room, target.from, target.message];
    this.#cache.put([user, device, id], on === undefined ? base : { ...base, target: on });
  }

  /** Removes what a deleted message said from everywhere: its records and the search. */
  async scrub(row: MessageRow, target: Target): Promise<void> {
    await this.#cache.flush();
    const index = this.#tx.objectStore("records").index("target");
    const actions = await index.getAll([row.room, target.from, target.message]);
    const devices = [row.device, ...(row.devices ?? [])].filter((device) => device !== undefined);
    const own = await Promise.all(
      devices.map((device) => this.#cache.get([target.from, device, target.message])),
    );
    for (const held of [...own, ...actions]) {
      const record = held === undefined ? undefined : recordOfLine(held.line);
      if (held === undefined || record === undefined || record.deleted !== undefined) {
        continue;
      }
      if ((JSON.parse(held.line) as Message).kind !== "delete") {
        const emptied = emptiedRecord(record, held.target === undefined ? undefined : target);
        this.#cache.put([held.user, held.device, held.id], { ...held, ...recordAt(emptied) });
      }
    }
    await scrubPages(this.#tx, row, target);
    await scrubLater(this.#tx, row.room, target);
  }

  async flush(): Promise<void> {
    await this.#cache.flush();
  }
}

/** Returns which row a message is, or acts on. */
export function rowOf(message: Message, target: Target | undefined): Target {
  return target ?? targetOf(message);
}
