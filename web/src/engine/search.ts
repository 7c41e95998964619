/** Writes the pages of the search while nothing else is to do. */

import { quietly } from "../core/quietly.ts";
import type { Db } from "../db/schema.ts";
import { pageSome } from "../db/search.ts";
import type { Timers } from "./deps.ts";

/** How long nothing has come before pages are written. */
const IDLE = 2_000;
/** The pause between two pages, so that what comes meanwhile goes first. */
const PAUSE = 20;

export class Pager {
  readonly #db: Db;
  readonly #timers: Timers;
  #timer: unknown;
  #isStopped = false;

  constructor(db: Db, timers: Timers) {
    this.#db = db;
    this.#timers = timers;
  }

  /** Notes that something has come. */
  busy(): void {
    this.#later(IDLE);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timers.clear(this.#timer);
  }

  #later(wait: number): void {
    this.#timers.clear(this.#timer);
    if (!this.#isStopped) {
      this.#timer = this.#timers.set(() => quietly(this.#step()), wait);
    }
  }

  async #step(): Promise<void> {
    try {
      const rooms = await this.#db.getAll("rooms");
      const room = rooms.find(({ unpagedFrom }) => unpagedFrom !== undefined);
      if (room !== undefined && !this.#isStopped) {
        await pageSome(this.#db, room.id);
        this.#later(PAUSE);
      }
    } catch {
      // The disk is full, or another engine leads. What has no page is found without.
    }
  }
}
