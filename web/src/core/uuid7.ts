/**
 * UUIDv7 (RFC 9562 §5.7): ids that sort by the time of creation. The relay takes no other id for a
 * message.
 */
import type { Id } from "./id.ts";

/** The bytes of chance that an id takes. */
export const RANDOM_BYTES = 10;

const COUNTER_MAX = 0xfff;
const TIME_MAX = 2 ** 48 - 1;

/**
 * Makes ids, each greater than the one before, also if the clock goes back. The twelve bits after
 * the time are a counter, which begins at random in each millisecond.
 */
export class Uuid7 {
  #time = 0;
  #counter = 0;

  /**
   * Makes an id. `now` is in milliseconds since the Unix epoch; `random` has ten bytes of chance.
   */
  next(now: number, random: Uint8Array): Id {
    if (random.length < RANDOM_BYTES) {
      throw new RangeError("an id takes ten random bytes");
    }
    const time = Math.min(Math.max(Math.floor(now), 0), TIME_MAX);
    if (time > this.#time) {
      this.#time = time;
      // The highest bit is 0, so that 2,048 more fit at least.
      this.#counter = ((at(random, 0) & 0x07) << 8) | at(random, 1);
    } else if (this.#counter < COUNTER_MAX) {
      this.#counter += 1;
    } else {
      this.#time += 1;
      this.#counter = 0;
    }
    const tail = [(at(random, 2) & 0x3f) | 0x80, ...random.subarray(3, RANDOM_BYTES)];
    const digits = [
      this.#time.toString(16).padStart(12, "0"),
      (0x7000 | this.#counter).toString(16),
      ...tail.map((byte) => byte.toString(16).padStart(2, "0")),
    ].join("");
    const cuts = [0, 8, 12, 16, 20, 32];
    return cuts
      .slice(1)
      .map((end, part) => digits.slice(cuts[part], end))
      .join("-");
  }
}

/** Returns true for a UUIDv7 of the RFC's variant. */
export function isUuid7(id: Id): boolean {
  return /^.{14}7.{4}[89ab]/.test(id);
}

/**
 * Returns when an id was made, in milliseconds since the Unix epoch. It is a claim of who made it.
 */
export function timeOf(id: Id): number | undefined {
  return isUuid7(id) ? Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) : undefined;
}

function at(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}
