/**
 * Stores what the relay delivers. Up to 64 frames are one transaction, and nothing is acked before
 * the disk has it: there is no other copy. If a transaction fails, nothing of it is acked, and all
 * of it comes again.
 */

import type { Id } from "../core/id.ts";
import type { Target } from "../core/message.ts";
import { quietly } from "../core/quietly.ts";
import { Batch } from "../db/batch.ts";
import type { News, Topic } from "../db/changes.ts";
import { noteDrained } from "../db/connected.ts";
import { keepForLater } from "../db/later.ts";
import { isNewReport, noticesRead, putNotice } from "../db/notices.ts";
import { outboxOf } from "../db/outbox.ts";
import type { NoticeRow } from "../db/rows.ts";
import { type Db, type Rw, type Store, write } from "../db/schema.ts";
import type { Frame, Sent } from "../wire/frames.ts";
import type { Notice, Receipt } from "../wire/reports.ts";
import { type Item, itemOf } from "./item.ts";
import { stamped } from "./own.ts";

/** The frames of one transaction. */
export const BATCH = 64;
const STORES: Store[] = [
  "messages",
  "records",
  "rooms",
  "streams",
  "text",
  "seen",
  "notices",
  "outbox",
  "meta",
  "later",
];

export interface Stored {
  /** What the relay may forget now. */
  acks: string[];
  /** The own messages that are confirmed and stored. */
  sent: Id[];
  news: News[];
  deleted: { room: Id; target: Target }[];
  notices: Notice[];
  authors: Id[];
  topics: Topic[];
  /** It waited at the relay while this device was away. */
  isBacklog: boolean;
  /** With this, everything that waited is stored. */
  isDrained: boolean;
}

export interface IngestEvents {
  stored(stored: Stored): void;
  /** Nothing of what came since the last `stored` is kept. Close the socket: it comes again. */
  failed(error: unknown): void;
}

export interface Self {
  user: Id;
  device: Id;
}

export class Ingest {
  readonly #db: Db;
  readonly #self: Self;
  readonly #now: () => number;
  readonly #events: IngestEvents;
  #queue: Item[] = [];
  #connection = 0;
  /** Whether what is stored next came before `drained`. */
  #isBacklog = true;
  #isBusy = false;

  constructor(db: Db, self: Self, now: () => number, events: IngestEvents) {
    this.#db = db;
    this.#self = self;
    this.#now = now;
    this.#events = events;
  }

  /** Begins a connection. What was delivered and is not stored comes again in it. */
  connected(): void {
    this.#connection += 1;
    this.#isBacklog = true;
    // The relay's answer to an own message does not come again.
    this.#queue = this.#queue.filter(({ is }) => is === "sent");
  }

  /** Takes a frame. Returns false if it is none that is stored. */
  take(frame: Frame, text: string): boolean {
    const item = itemOf(frame, text);
    if (item === undefined) {
      return false;
    }
    this.#queue.push(item);
    quietly(this.#work());
    return true;
  }

  /** Notes that everything that waited has come. That counts once all of it is stored. */
  drained(at: number): void {
    this.#queue.push({ is: "drained", at });
    quietly(this.#work());
  }

  async #work(): Promise<void> {
    if (this.#isBusy) {
      return;
    }
    this.#isBusy = true;
    try {
      // Frames that came in the same moment belong into one transaction.
      await Promise.resolve();
      while (this.#queue.length > 0) {
        const [items, connection] = [this.#next(), this.#connection];
        const [isBacklog, isDrained] = [this.#isBacklog, items.at(-1)?.is === "drained"];
        const stored = { ...(await this.#store(items)), isBacklog };
        if (connection !== this.#connection) {
          // The ids of deliveries are good in their own connection only.
          this.#events.stored({ ...stored, acks: [], isDrained: false });
          continue;
        }
        this.#isBacklog = isBacklog && !isDrained;
        this.#events.stored({ ...stored, isDrained });
      }
    } catch (error) {
      this.#queue = [];
      this.#events.failed(error);
    } finally {
      this.#isBusy = false;
    }
  }

  /** Takes the items of a transaction. What waited and what is new are not in the same one. */
  #next(): Item[] {
    const drained = this.#queue.findIndex(({ is }) => is === "drained");
    return this.#queue.splice(0, drained === -1 ? BATCH : Math.min(drained + 1, BATCH));
  }

  async #store(items: Item[]): Promise<Omit<Stored, "isBacklog" | "isDrained">> {
    const sent: Id[] = [];
    const notices: Notice[] = [];
    const topics = new Set<Topic>();
    const batch = await write(this.#db, STORES, async (tx) => {
      const batch = new Batch(tx, this.#self.user, this.#now());
      await batch.prepare(items.flatMap((item) => (item.is === "message" ? [item.message] : [])));
      for (const item of items) {
        switch (item.is) {
          case "message":
            await batch.message(item.message, item.record, "relay");
            break;
          case "receipt":
            await this.#receipt(tx, batch, item.receipt, topics);
            break;
          case "notice":
            if (await putReport(tx, item.notice, item.line)) {
              notices.push(item.notice);
              topics.add("notices");
            }
            break;
          case "later":
            if (!(await batch.isDeleted(item.text))) {
              await keepForLater(tx, item.text);
            }
            break;
          case "sent":
            await this.#sent(tx, batch, item.sent);
            sent.push(item.sent.id);
            topics.add("outbox");
            break;
          case "drained":
            await noteDrained(tx, item.at, this.#now());
            topics.add("meta");
            break;
        }
      }
      await batch.flush();
      return batch;
    });
    for (const room of batch.touched) {
      topics.add("rooms").add(`messages/${room}`);
    }
    const acks = items.flatMap((item) => ("delivery" in item ? [item.delivery] : []));
    const { news, deleted, authors } = batch;
    return { acks, sent, notices, news, deleted, authors: [...authors], topics: [...topics] };
  }

  async #receipt(tx: Rw, batch: Batch, receipt: Receipt, topics: Set<Topic>): Promise<void> {
    if (!(await isNewReport(tx, receipt.id))) {
      return;
    }
    const waits = (id: Id) => async () => (await outboxOf(tx, id)) !== undefined;
    const { at } = receipt;
    switch (receipt.kind) {
      case "delivered":
        for (const { user, device, messages } of receipt.to) {
          for (const id of messages) {
            await batch.outcome(receipt.room, id, { user, device, what: "delivered", at }, waits(id));
          }
        }
        break;
      case "delivered_count":
        for (const { message, devices } of receipt.messages) {
          await batch.outcome(receipt.room, message, { counted: devices }, waits(message));
        }
        break;
      case "expired":
        for (const id of receipt.messages) {
          const { user, device } = receipt;
          await batch.outcome(receipt.room, id, { user, device, what: "expired", at }, waits(id));
        }
        break;
      case "read":
        await batch.read(receipt.room, receipt.user, { up_to: receipt.up_to, sent_at: receipt.sent_at }, at);
        break;
      case "notices_read":
        await noticesRead(tx, receipt.notices);
        topics.add("notices");
        break;
      case "unknown":
        break;
    }
    if ("room" in receipt) {
      topics.add(`messages/${receipt.room}`);
    }
  }

  /** Puts the copy of an own message in its place, and takes it out of the outbox with it. */
  async #sent(tx: Rw, batch: Batch, sent: Sent): Promise<void> {
    const row = await outboxOf(tx, sent.id);
    const own = row === undefined ? undefined : stamped(row.frame, sent, this.#self.user, this.#self.device);
    if (row?.n === undefined) {
      return;
    }
    await tx.objectStore("outbox").delete(row.n);
    if (own === undefined) {
      return;
    }
    await batch.message(own.message, own.record, "own");
    if (await batch.isShown(own.message)) {
      await batch.confirmed(row.room, sent.id, sent.recipients, sent.unreachable);
    }
    const room = await batch.room(row.room);
    room.confirmed = sent.id;
    batch.touch(room);
  }
}

async function putReport(tx: Rw, notice: Notice, line: string): Promise<boolean> {
  if (!(await isNewReport(tx, notice.id))) {
    return false;
  }
  const { id, at, kind, ...fields } = notice;
  const row: NoticeRow = { id, at, kind, fields, line, isRead: false };
  return await putNotice(tx, row);
}
