/**
 * How long to wait before the next attempt: exponential backoff with full jitter. The n-th wait is
 * a random time from 0 to `base` · 2ⁿ, at most `max`. Full jitter spreads out clients that lost
 * the same relay at the same moment.
 */
export class Backoff {
  readonly #base: number;
  readonly #max: number;
  #attempts = 0;

  /** Both are milliseconds. */
  constructor(base: number, max: number) {
    this.#base = base;
    this.#max = max;
  }

  /**
   * Returns the next wait in milliseconds. `random` is uniform in 0..1; outside, the nearest bound
   * counts.
   */
  next(random: number): number {
    const ceiling = Math.min(this.#base * 2 ** Math.min(this.#attempts, 31), this.#max);
    this.#attempts += 1;
    return ceiling * Math.min(Math.max(random, 0), 1);
  }

  /** Starts again with the shortest wait. */
  reset(): void {
    this.#attempts = 0;
  }
}
