/** When a missing message is shown as one: it has its time to come. */
import type { Missing } from "../db/streams.ts";
import type { Env } from "./env.ts";

/** How long it has, after everything that waited has come. */
const GAP_AFTER = 10_000;

export class GapTimes {
  readonly #env: Env;
  readonly #due = new Map<string, number>();

  constructor(env: Env) {
    this.#env = env;
  }

  /**
   * Returns when a gap is due, by the clock that only goes forward. What is stored has times of the
   * device's clock, which may be set meanwhile, so it is asked once, and for no more than the wait.
   */
  dueOf({ user, since, until, at }: Missing, drainedAt: number): number {
    const key = [user, since, until, at, drainedAt].join();
    const known = this.#due.get(key);
    if (known !== undefined) {
      return known;
    }
    const left = Math.max(at, drainedAt) + GAP_AFTER - this.#env.now();
    const due = this.#env.steady() + Math.min(GAP_AFTER, Math.max(0, left));
    this.#due.set(key, due);
    return due;
  }
}
