/** A clock that moves only when a test says so. */
import type { Timers } from "../../src/engine/deps.ts";

interface Timer {
  at: number;
  work: () => void;
}

export class ManualTime implements Timers {
  #steady = 0;
  /** How far the device's clock is ahead. */
  ahead = 0;
  readonly #timers = new Map<number, Timer>();
  #last = 0;
  readonly #start: number;

  constructor(start = 1_700_000_000_000) {
    this.#start = start;
  }

  now(): number {
    return this.#start + this.#steady + this.ahead;
  }

  /** The relay's clock, which is right. */
  truth(): number {
    return this.#start + this.#steady;
  }

  steady(): number {
    return this.#steady;
  }

  random(): number {
    return 0.5;
  }

  set(work: () => void, milliseconds: number): number {
    this.#last += 1;
    this.#timers.set(this.#last, { at: this.#steady + Math.max(0, Math.ceil(milliseconds)), work });
    return this.#last;
  }

  clear(timer: unknown): void {
    this.#timers.delete(timer as number);
  }

  /** Moves the clock, and lets everything that is due happen in its order. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#steady + milliseconds;
    await settled();
    for (;;) {
      const due = [...this.#timers].filter(([, { at }]) => at <= end);
      due.sort(([one, a], [other, b]) => a.at - b.at || one - other);
      const [first] = due;
      if (first === undefined) {
        break;
      }
      const [key, { at, work }] = first;
      this.#steady = Math.max(this.#steady, at);
      this.#timers.delete(key);
      work();
      await settled();
    }
    this.#steady = end;
  }
}

/** Waits until what is under way in memory has happened, the fake store included. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
