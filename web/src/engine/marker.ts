/** Tells the relay what the user has read. The store has it until it is written to the socket. */

import { Marks } from "../core/marks.ts";
import { quietly } from "../core/quietly.ts";
import type { MarkRow } from "../db/rows.ts";
import { type Db, write } from "../db/schema.ts";
import { markFrame } from "../wire/outgoing.ts";
import type { Timers } from "./deps.ts";

export class Marker {
  readonly #db: Db;
  readonly #timers: Timers;
  /** Writes a frame. Returns false if there is no connection. */
  readonly #write: (frame: string) => boolean;
  readonly #marks: Marks;
  /** The rows that are in `#marks`, as they were read. */
  readonly #taken = new Map<string, string>();
  #isOpen = false;
  #timer: unknown;

  constructor(db: Db, timers: Timers, write: (frame: string) => boolean) {
    this.#db = db;
    this.#timers = timers;
    this.#write = write;
    this.#marks = new Marks(timers.steady());
  }

  connected(): void {
    this.#isOpen = true;
    quietly(this.load());
  }

  lost(): void {
    this.#isOpen = false;
    this.#timers.clear(this.#timer);
    // What was written may not have arrived. The store still has what was not forgotten.
    this.#taken.clear();
  }

  /** Reads what is to be told. */
  async load(): Promise<void> {
    try {
      for (const row of await this.#db.getAll("marks")) {
        const text = JSON.stringify(row);
        if (this.#taken.get(row.key) !== text) {
          this.#taken.set(row.key, text);
          this.#take(row);
        }
      }
      await this.#pump();
    } catch {
      // The store is closed, or another engine leads: it has the same rows.
    }
  }

  #take(row: MarkRow): void {
    if ("notices" in row) {
      this.#marks.notices(row.notices);
    } else {
      const { room, up_to, sent_at, authors } = row;
      this.#marks.room({ room, up_to, sent_at, authors });
    }
  }

  async #pump(): Promise<void> {
    this.#timers.clear(this.#timer);
    while (this.#isOpen) {
      const frame = this.#marks.next(this.#timers.steady());
      if (frame === undefined) {
        break;
      }
      this.#write(markFrame(frame));
    }
    const due = this.#marks.due();
    if (this.#isOpen && due !== undefined) {
      const wait = Math.max(0, due - this.#timers.steady());
      this.#timer = this.#timers.set(() => quietly(this.#pump()), wait);
    } else if (this.#isOpen && this.#taken.size > 0) {
      await this.#forget();
    }
  }

  /** Takes what was told out of the store, unless it has grown meanwhile. */
  async #forget(): Promise<void> {
    const taken = [...this.#taken];
    await write(this.#db, ["marks"], async (tx) => {
      const store = tx.objectStore("marks");
      for (const [key, text] of taken) {
        if (JSON.stringify(await store.get(key)) === text) {
          await store.delete(key);
        }
      }
    });
    for (const [key, text] of taken) {
      if (this.#taken.get(key) === text) {
        this.#taken.delete(key);
      }
    }
  }
}
