/**
 * Sends what is in the outbox, in order. A message is on the disk before it is here, and stays
 * there until the relay has answered and the answer is on the disk.
 */

import type { Id } from "../core/id.ts";
import { Outbox } from "../core/outbox.ts";
import { quietly } from "../core/quietly.ts";
import { changeOutboxIn, outbox } from "../db/outbox.ts";
import type { OutboxRow } from "../db/rows.ts";
import { type Db, write } from "../db/schema.ts";
import type { ErrorFrame } from "../wire/frames.ts";
import { excess } from "../wire/outgoing.ts";
import type { Timers } from "./deps.ts";

export interface SenderEvents {
  /** Writes a frame. Returns false if there is no connection. */
  write(frame: string): boolean;
  changed(): void;
  failed(error: unknown): void;
}

export class Sender {
  readonly #db: Db;
  readonly #timers: Timers;
  readonly #events: SenderEvents;
  readonly #outbox = new Outbox();
  /** What is written and not answered. */
  readonly #inFlight = new Set<Id>();
  /** What was answered since the outbox was read last: what was read of it is not true now. */
  readonly #answered = new Set<Id>();
  #frameLimit = Number.POSITIVE_INFINITY;
  #isOpen = false;
  #timer: unknown;
  #loading: Promise<void> = Promise.resolve();

  constructor(db: Db, timers: Timers, events: SenderEvents) {
    this.#db = db;
    this.#timers = timers;
    this.#events = events;
  }

  /** The relay takes sends from now on. */
  connected(frameLimit: number): void {
    this.#isOpen = true;
    this.#frameLimit = frameLimit;
    quietly(this.load());
  }

  /** The connection is lost: everything without an answer goes again, in order. */
  lost(): void {
    this.#isOpen = false;
    this.#inFlight.clear();
    this.#outbox.connectionLost();
    this.#timers.clear(this.#timer);
  }

  stop(): void {
    this.lost();
  }

  /** Returns true if no answer is awaited. */
  isIdle(): boolean {
    return this.#inFlight.size === 0;
  }

  /** Reads what has come into the outbox, and sends it. */
  load(): Promise<void> {
    // One after the other, so that the order is that of the store.
    this.#loading = this.#loading.then(() => this.#load()).catch((error) => this.#events.failed(error));
    return this.#loading;
  }

  /** Notes that the copy of a message is stored with the relay's stamp. */
  sent(id: Id): void {
    this.#end(id);
    this.#pump();
  }

  /** Takes the relay's refusal of a message. Returns false if it is about none. */
  refused(error: ErrorFrame): boolean {
    const { id, code, retry_after_ms: wait } = error;
    if (id === undefined || !this.#outbox.ids().includes(id)) {
      return false;
    }
    const [now, random] = [this.#timers.steady(), this.#timers.random()];
    // Without a login nothing is wrong with the message.
    if (!error.temporary && code !== "unauthorized") {
      const { message: detail, field } = error;
      quietly(this.#fail(id, field === undefined ? { code, detail } : { code, detail, field }));
    } else {
      this.#inFlight.delete(id);
      const isPartial = error.outstanding !== undefined;
      if (isPartial) {
        this.#outbox.outstanding(id, wait, now, random);
      } else {
        this.#outbox.refusedForNow(id, wait, now, random);
      }
      const until = this.#timers.now() + Math.max(0, (this.#outbox.due() ?? now) - now);
      quietly(
        this.#note(id, (row) => {
          row.refused = { code, until };
        }),
      );
    }
    this.#pump();
    return true;
  }

  async #load(): Promise<void> {
    this.#answered.clear();
    const read = await outbox(this.#db);
    const rows = read.filter(({ id }) => !this.#answered.has(id));
    const waiting = new Set(rows.filter(({ failed }) => failed === undefined).map(({ id }) => id));
    for (const id of this.#outbox.ids()) {
      // The user has taken it back, or another answer has come.
      if (!waiting.has(id) && !this.#inFlight.has(id)) {
        this.#outbox.withdraw(id);
      }
    }
    for (const { id, frame, failed } of rows) {
      if (failed === undefined) {
        this.#outbox.push(id, frame);
      }
    }
    this.#pump();
  }

  #pump(): void {
    this.#timers.clear(this.#timer);
    if (!this.#isOpen) {
      return;
    }
    for (;;) {
      const next = this.#outbox.next(this.#timers.steady());
      if (next === undefined) {
        break;
      }
      // A frame over the limit would end the connection, and again after each reconnect.
      if (excess(next.frame, this.#frameLimit) > 0) {
        quietly(this.#fail(next.id, { code: "too_large", detail: "the message is too long" }));
        continue;
      }
      this.#inFlight.add(next.id);
      if (!this.#events.write(next.frame)) {
        return;
      }
    }
    const due = this.#outbox.due();
    if (due !== undefined) {
      this.#timer = this.#timers.set(() => this.#pump(), Math.max(0, due - this.#timers.steady()));
    }
  }

  /** A message ends here: it counts as under way until the disk knows why. */
  async #fail(id: Id, failed: NonNullable<OutboxRow["failed"]>): Promise<void> {
    this.#inFlight.add(id);
    const isStored = await this.#note(id, (row) => {
      delete row.refused;
      row.failed = failed;
    });
    if (isStored) {
      this.#end(id);
      this.#pump();
    }
  }

  #end(id: Id): void {
    this.#inFlight.delete(id);
    this.#answered.add(id);
    this.#outbox.answered(id);
  }

  /** Never fails: what went wrong is told, and the return value says so. */
  async #note(id: Id, change: (row: OutboxRow) => void): Promise<boolean> {
    try {
      await write(this.#db, ["outbox"], async (tx) => {
        await changeOutboxIn(tx, id, change);
      });
      this.#events.changed();
      return true;
    } catch (error) {
      this.#events.failed(error);
      return false;
    }
  }
}
