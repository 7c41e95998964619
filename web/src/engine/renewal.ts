/** Refreshes the tokens in time, so that the connection goes on. */
import { quietly } from "../core/quietly.ts";
import type { Refreshed, Timers } from "./deps.ts";

/** The relay says `renewed` within this time, or a new connection is opened. */
const RENEWED_WITHIN = 2_000;
/** How long before the end the tokens are refreshed, at most. */
const EARLY = 120_000;
/** How often is looked whether nothing is under way, before a connection is opened anew. */
const LOOK = 1_000;
/** After a refresh that reached nobody. */
const AGAIN = 5_000;

export interface RenewalEvents {
  refresh(): Promise<Refreshed>;
  /** Returns true if a new connection interrupts nothing. */
  isIdle(): boolean;
  restart(): void;
  ended(): void;
}

export class Renewal {
  readonly #timers: Timers;
  readonly #events: RenewalEvents;
  #timer: unknown;
  #isStopped = false;
  #expiresAt = 0;

  constructor(timers: Timers, events: RenewalEvents) {
    this.#timers = timers;
    this.#events = events;
  }

  /** Notes when the tokens expire. Both are times of the relay. */
  expires(at: number, now: number): void {
    this.#expiresAt = at;
    const left = Math.max(0, at - now);
    // Short tokens are refreshed when two thirds of their time are over.
    this.#later(() => quietly(this.#refresh()), left - Math.min(EARLY, left / 3));
  }

  stop(): void {
    this.#isStopped = true;
    this.#timers.clear(this.#timer);
  }

  /** The connection is lost. The next one says when its tokens expire. */
  pause(): void {
    this.#timers.clear(this.#timer);
  }

  async #refresh(): Promise<void> {
    const before = this.#expiresAt;
    const answer = await this.#events.refresh();
    if (this.#isStopped || this.#expiresAt !== before) {
      return;
    }
    if (answer === "ended") {
      this.#events.ended();
    } else if (answer === "unreachable") {
      this.#later(() => quietly(this.#refresh()), AGAIN);
    } else {
      this.#later(() => this.#renewed(), RENEWED_WITHIN);
    }
  }

  /** The relay did not say that the connection goes on, so another one is opened. */
  #renewed(): void {
    if (this.#events.isIdle()) {
      this.#events.restart();
    } else {
      this.#later(() => this.#renewed(), LOOK);
    }
  }

  #later(work: () => void, wait: number): void {
    this.#timers.clear(this.#timer);
    if (!this.#isStopped) {
      this.#timer = this.#timers.set(work, wait);
    }
  }
}
