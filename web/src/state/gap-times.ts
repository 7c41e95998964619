/** When a missing message is shown as one: it has its time to come. */
import type { Missing } from "../db/streams.ts";
import type { Env } from "./env.ts";

/** How long it has, after everything that waited has come. */
const GAP_AFTER = 10_000;

/** What is missing for good, as far as this device knows, and when that may be another. */
export interface Due {
  missing: readonly Missing[];
  /** When the next gap has had its time, by the steady clock. Left out if there is none. */
  nextAt?: number;
}

export class GapTimes {
  readonly #env: Env;
  readonly #due = new Map<string, number>();

  constructor(env: Env) {
    this.#env = env;
  }

  /** `drainedAt` is when everything that waited had come, if it ever had. */
  due(all: readonly Missing[], drainedAt: number | undefined): Due {
    if (drainedAt === undefined || all.length === 0) {
      return { missing: [] };
    }
    const now = this.#env.steady();
    const times = all.map((gap) => this.#dueOf(gap, drainedAt));
    const later = times.filter((at) => at > now);
    const missing = all.filter((_, n) => (times[n] ?? 0) <= now);
    return later.length === 0 ? { missing } : { missing, nextAt: Math.min(...later) };
  }

  /**
   * Returns when a gap is due, by the clock that only goes forward. What is stored has times of
   * the device's clock, which may be set meanwhile, so it is asked once, and for no more than the
   * wait.
   */
  #dueOf({ user, since, until, at }: Missing, drainedAt: number): number {
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
