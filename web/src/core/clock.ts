/**
 * The relay's clock, as far as this device can tell. `wall` is the device's clock, which may be
 * wrong and may be set; `steady` is one that only goes forward (`performance.now`). All are
 * milliseconds. The steady clock counts parts of one; what others read, as ids and backups, is
 * whole.
 */

/** A device whose clock differs by more is told so. */
export const SKEW_MAX = 5 * 60 * 1_000;

export class Clock {
  #heard: { server: number; steady: number } | undefined;
  #latest = Number.NEGATIVE_INFINITY;

  /** Notes the relay's time, as a frame has just told it. */
  hear(server: number, steady: number): void {
    this.#heard = { server, steady };
  }

  /**
   * Returns the relay's time. It never goes back. Until the relay has told it, it is the device's.
   */
  now(wall: number, steady: number): number {
    const now =
      this.#heard === undefined ? wall : Math.floor(this.#heard.server + (steady - this.#heard.steady));
    if (this.#heard === undefined) {
      return now;
    }
    this.#latest = Math.max(this.#latest, now);
    return this.#latest;
  }

  /**
   * Returns how far the device's clock is ahead, or `undefined` until the relay has told its time.
   */
  skew(wall: number, steady: number): number | undefined {
    return this.#heard === undefined
      ? undefined
      : wall - (this.#heard.server + (steady - this.#heard.steady));
  }

  isSkewed(wall: number, steady: number): boolean {
    return Math.abs(this.skew(wall, steady) ?? 0) > SKEW_MAX;
  }
}
