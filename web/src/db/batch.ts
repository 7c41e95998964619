/**
 * What came, folded into the store by the rules of `core`. One batch is one transaction: all of it
 * is stored, or nothing. The engine uses it for what the relay delivers, and the page for imports.
 */
import { judge } from "../core/conversation.ts";
import type { Id } from "../core/id.ts";
import { confirm, emptyLedger, note, noteCount, type Outcome } from "../core/ledger.ts";
import { type Message, streamOf, type Target, targetOf } from "../core/message.ts";
import { streamKey } from "../core/order.ts";
import type { MessageRecord } from "../core/record.ts";
import { emptySlot, putMessage } from "../core/slot.ts";
import { type Cursor, changed, isLate, laterCursor, read, unreadOf } from "../core/unread.ts";
import { Cache } from "./cache.ts";
import type { News } from "./changes.ts";
import { namesIn } from "./later.ts";
import { isPlacedAfter, lastOf, putPlace, rowKey } from "./messages.ts";
import { nextBatch } from "./meta.ts";
import { countAsRead, forgetWaiting, setReading } from "./reading.ts";
import { Records, rowOf } from "./records.ts";
import { newRoom } from "./rooms.ts";
import type { MessageRow, RoomRow, StreamRow } from "./rows.ts";
import type { Rw } from "./schema.ts";
import { isMissing, noteStamp } from "./streams.ts";

/** Where a message comes from. What comes from a history was read before. */
export type Origin = "relay" | "own" | "history";

export class Batch {
  readonly #tx: Rw;
  readonly #me: Id;
  readonly #now: number;
  #n: Promise<number> | undefined;
  readonly #messages: Cache<[Id, Id, Id], MessageRow>;
  readonly #records: Records;
  readonly #rooms: Cache<Id, RoomRow>;
  readonly #streams: Cache<string, StreamRow>;
  /** Rooms whose rows have changed. */
  readonly touched = new Set<Id>();
  readonly news: News[] = [];
  /** What was deleted, and may still be shown somewhere. */
  readonly deleted: { room: Id; target: Target }[] = [];
  /** The users who wrote something, or did. */
  readonly authors = new Set<Id>();

  constructor(tx: Rw, me: Id, now: number) {
    this.#tx = tx;
    this.#me = me;
    this.#now = now;
    const store = tx.objectStore("messages");
    this.#messages = new Cache(
      (key) => store.get(key),
      (row) => store.put(row),
    );
    this.#records = new Records(tx);
    this.#rooms = new Cache(
      (key) => tx.objectStore("rooms").get(key),
      (row) => tx.objectStore("rooms").put(row),
    );
    this.#streams = new Cache(
      (key) => tx.objectStore("streams").get(key),
      (row) => tx.objectStore("streams").put(row),
    );
  }

  /** Reads what these messages need, all at once. */
  async prepare(messages: readonly Message[]): Promise<void> {
    await Promise.all([
      this.#rooms.prepare(messages.map(({ room }) => room)),
      this.#records.prepare(messages),
      this.#messages.prepare(messages.map((message) => rowKey(message.room, targetOf(message)))),
      this.#streams.prepare(
        messages.map((message) => streamKey(message.from.device, streamOf(message), message.room)),
      ),
    ]);
  }

  /** Takes in a message. Returns false if this device has this copy or an earlier one. */
  async message(message: Message, record: MessageRecord, origin: Origin): Promise<boolean> {
    const room = await this.room(message.room);
    this.authors.add(message.from.user);
    await (origin === "own" ? undefined : this.#note(message, origin));
    const copy = await this.#records.compare(record);
    if (copy === "known") {
      return false;
    }
    await this.#fold(message, record, room, origin);
    if (copy === "new") {
      const target = this.#records.targetOf(message, record, room);
      const row = await this.#messages.get(rowKey(message.room, rowOf(message, target)));
      this.#records.keep(message, record, target, row, await this.#number());
    }
    return copy === "new";
  }

  /**
   * Notes what became of an own message. Of actions nothing is noted, nor of messages that this
   * device does not have. `isWaiting` says that the outbox has it.
   */
  async outcome(
    room: Id,
    message: Id,
    outcome: Outcome | { counted: number },
    isWaiting: () => Promise<boolean>,
  ): Promise<void> {
    if ((await this.#messages.get([room, message, this.#me])) === undefined && !(await isWaiting())) {
      return;
    }
    const row = await this.#row(room, { message, from: this.#me });
    row.ledger ??= emptyLedger();
    if ("counted" in outcome) {
      noteCount(row.ledger, outcome.counted);
    } else {
      note(row.ledger, { ...outcome, n: await this.#number() });
    }
    this.#putRow(row);
  }

  /** Notes the relay's answer to an own message. */
  async confirmed(room: Id, message: Id, recipients: number, unreachable: Id[]): Promise<void> {
    const row = await this.#row(room, { message, from: this.#me });
    row.ledger ??= emptyLedger();
    confirm(row.ledger, recipients, unreachable);
    this.#putRow(row);
  }

  /** Returns whether a message is shown itself. If not, it acts on another one. */
  async isShown(message: Message): Promise<boolean> {
    return (await this.#messages.get(rowKey(message.room, targetOf(message))))?.slot.message !== undefined;
  }

  /** Returns whether a frame that this version cannot read is of a deleted message. */
  async isDeleted(frame: string): Promise<boolean> {
    const { room, targets } = namesIn(frame);
    const rows = await Promise.all(targets.map((target) => this.#messages.get(rowKey(room, target))));
    return rows.some((row) => row?.slot.deleted !== undefined);
  }

  /** Notes how far a user has read a room. */
  async read(id: Id, user: Id, cursor: Cursor, at: number): Promise<void> {
    const room = await this.room(id);
    if (user === this.#me) {
      // The counting reads the rows of this batch too.
      await this.#messages.flush();
      await setReading(this.#tx, room, read(room.reading, cursor), this.#me);
      this.#messages.forget();
    } else {
      const known = room.cursors[user];
      room.cursors[user] = laterCursor(known, cursor) === known ? known : { ...cursor, at };
    }
    this.touch(room);
  }

  async room(id: Id): Promise<RoomRow> {
    let room = await this.#rooms.get(id);
    if (room === undefined) {
      room = newRoom(id);
      this.touch(room);
    }
    return room;
  }

  /** Notes that a room has changed. */
  touch(room: RoomRow): void {
    this.touched.add(room.id);
    this.#rooms.put(room.id, room);
  }

  /** Writes what has changed. Call it once, at the end. */
  async flush(): Promise<void> {
    await Promise.all([this.#messages.flush(), this.#records.flush(), this.#streams.flush()]);
    for (const id of this.touched) {
      const room = await this.#rooms.get(id);
      if (room !== undefined) {
        await forgetWaiting(this.#tx, room);
      }
    }
    await this.#rooms.flush();
  }

  /** Returns the number of this batch. A backup has what came with those before it began. */
  #number(): Promise<number> {
    this.#n ??= nextBatch(this.#tx);
    return this.#n;
  }

  async #fold(message: Message, record: MessageRecord, room: RoomRow, origin: Origin): Promise<void> {
    if (record.deleted !== undefined) {
      // What an emptied action did is gone with it. An emptied message keeps its place.
      if (record.deleted.target === undefined) {
        await this.#add(message, room, origin);
      }
      return;
    }
    const deed = judge(message, room.kind);
    if (deed.deed === "add") {
      await this.#add(message, room, origin);
    } else if (deed.deed === "act") {
      await this.#act(deed.target, room, deed.apply);
    }
  }

  async #add(message: Message, room: RoomRow, origin: Origin): Promise<void> {
    const row = await this.#row(room.id, targetOf(message));
    const before = unreadOf(row.slot, this.#me, room.reading, row.late === 1);
    const isFirst = row.slot.message === undefined;
    const other = row.slot.message?.from.device;
    if (!putMessage(row.slot, message)) {
      row.devices = [...new Set([...(row.devices ?? []), message.from.device])];
      this.#putRow(row);
      return;
    }
    if (other !== undefined && other !== message.from.device) {
      row.devices = [...new Set([...(row.devices ?? []), other])];
    }
    putPlace(row, message);
    if (isFirst) {
      room.messages += 1;
      if (row.waits !== undefined) {
        delete row.waits;
        room.waiting -= 1;
      }
    }
    const isNews = isFirst && origin === "relay" && message.from.user !== this.#me;
    if (isNews && isLate(message.sent_at, room.reading)) {
      row.late = 1;
    }
    if (origin === "history" && isFirst) {
      countAsRead(room, message);
    }
    const after = unreadOf(row.slot, this.#me, room.reading, row.late === 1);
    room.unread = changed(room.unread, before, after);
    if (isNews && after.messages > 0) {
      this.news.push({ room: room.id, target: targetOf(message), isMention: after.mentions > 0 });
    }
    if (isPlacedAfter(message, room.last)) {
      room.last = lastOf(row) ?? room.last;
    }
    if (row.slot.deleted === undefined) {
      room.unpagedFrom = Math.min(room.unpagedFrom ?? message.sent_at, message.sent_at);
    }
    this.#putRow(row);
    this.touch(room);
  }

  async #act(target: Target, room: RoomRow, apply: (slot: MessageRow["slot"]) => boolean): Promise<void> {
    const row = await this.#row(room.id, target);
    const before = unreadOf(row.slot, this.#me, room.reading, row.late === 1);
    const wasDeleted = row.slot.deleted !== undefined;
    const edits = row.slot.edits.length;
    const isNews = apply(row.slot);
    if (row.slot.deleted !== undefined && !wasDeleted) {
      room.unread = changed(room.unread, before, { messages: 0, mentions: 0 });
      await this.#records.scrub(row, target);
      this.deleted.push({ room: room.id, target });
    } else if (isNews && row.slot.message !== undefined && (row.slot.edits.length > 0 || edits > 0)) {
      // The search reads the new text. What it has of the old one is found and does not fit.
      const at = row.slot.message.sent_at;
      room.unpagedFrom = Math.min(room.unpagedFrom ?? at, at);
      row.unpaged = 1;
    }
    const { last } = room;
    if (last !== undefined && last.target.message === target.message && last.target.from === target.from) {
      room.last = lastOf(row) ?? last;
    }
    this.#putRow(row);
    this.touch(room);
  }

  async #note(message: Message, origin: Origin): Promise<void> {
    const key = streamKey(message.from.device, streamOf(message), message.room);
    const known = await this.#streams.get(key);
    if (origin === "relay" || isMissing(known, message)) {
      this.#streams.put(key, noteStamp(known, key, message, this.#now));
    }
  }

  async #row(room: Id, target: Target): Promise<MessageRow> {
    const known = await this.#messages.get(rowKey(room, target));
    if (known !== undefined) {
      return known;
    }
    const row: MessageRow = {
      room,
      id: target.message,
      user: target.from,
      slot: emptySlot(),
      waits: this.#now,
      n: await this.#number(),
    };
    const its = await this.room(room);
    its.waiting += 1;
    this.#putRow(row);
    this.touch(its);
    return row;
  }

  #putRow(row: MessageRow): void {
    this.#messages.put([row.room, row.id, row.user], row);
  }
}
