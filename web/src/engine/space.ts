/** Waits until the disk has room again. */
import { quietly } from "../core/quietly.ts";
import { PROBE } from "../db/meta.ts";
import { type Db, write } from "../db/schema.ts";
import type { Timers } from "./deps.ts";

/** How often is looked. */
export const LOOK = 15_000;
/** What has to fit, in characters: a few batches of messages. */
const LENGTH = 1 << 20;

export class Space {
  readonly #db: Db;
  readonly #timers: Timers;
  readonly #free: () => void;
  #isWaiting = false;
  #timer: unknown;

  constructor(db: Db, timers: Timers, free: () => void) {
    this.#db = db;
    this.#timers = timers;
    this.#free = free;
  }

  wait(): void {
    this.#isWaiting = true;
    this.#timers.clear(this.#timer);
    this.#timer = this.#timers.set(() => quietly(this.#look()), LOOK);
  }

  tryNow(): void {
    if (this.#isWaiting) {
      quietly(this.#look());
    }
  }

  stop(): void {
    this.#isWaiting = false;
    this.#timers.clear(this.#timer);
  }

  async #look(): Promise<void> {
    const isFree = await this.#fits();
    if (!this.#isWaiting) {
      return;
    }
    if (isFree) {
      this.stop();
      this.#free();
    } else {
      this.wait();
    }
  }

  async #fits(): Promise<boolean> {
    try {
      await write(this.#db, ["meta"], async (tx) => {
        await tx.objectStore("meta").put("x".repeat(LENGTH), PROBE);
      });
      await write(this.#db, ["meta"], async (tx) => {
        await tx.objectStore("meta").delete(PROBE);
      });
      return true;
    } catch {
      return false;
    }
  }
}
