/**
 * What two devices compare: for each month, how many records there are and the sum of their ids.
 * An id follows from what a record is and when it was stamped, never from what it says.
 */
import { type Id, idBytes } from "./id.ts";
import type { MessageRecord } from "./record.ts";

/** SHA-256, which the caller brings. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

/** The kinds of cells, by their numbers. */
export const CELL_KINDS: Record<string, bigint> = { cursor: 1n, room: 2n, person: 3n };

/** The latest time that counts as itself: the year 2109. */
const TIME_MAX = 2n ** 42n - 1n;
const SUM_MAX = 2n ** 256n;

export interface Month {
  count: number;
  /** Modulo 2^256. */
  sum: bigint;
}

/** Adds up records. */
export class Digest {
  readonly #sha256: Sha256;
  readonly #months = new Map<string, Month>();

  constructor(sha256: Sha256) {
    this.#sha256 = sha256;
  }

  message({ user, device, id, sentAt, epoch, seq }: MessageRecord): void {
    this.#add(sentAt, "m", [
      idBytes(user),
      idBytes(device),
      idBytes(id),
      number(sentAt),
      number(epoch),
      number(seq),
    ]);
  }

  notice(id: Id, at: bigint): void {
    this.#add(at, "n", [idBytes(id), number(at)]);
  }

  expired(message: Id, user: Id, device: Id, at: bigint): void {
    this.#add(at, "x", [idBytes(message), idBytes(user), idBytes(device)]);
  }

  /** `value` is the JSON as it was written. */
  cell(kind: bigint, key: Id, stamp: bigint, value: string): void {
    this.#add(stamp, "c", [number(kind), idBytes(key), number(stamp), new TextEncoder().encode(value)]);
  }

  /** Returns the months, the earliest first, as a manifest has them. */
  months(): Map<string, { count: number; sum: string }> {
    const names = [...this.#months.keys()].sort();
    return new Map(
      names.map((name) => {
        const { count, sum } = this.#months.get(name) ?? { count: 0, sum: 0n };
        return [name, { count, sum: sum.toString(16).padStart(64, "0") }];
      }),
    );
  }

  /** Returns the digest of all months, as hex. */
  hex(): string {
    const lines = [...this.months()].map(([name, { count, sum }]) => `${name} ${count} ${sum}\n`);
    return hex(this.#sha256(new TextEncoder().encode(lines.join(""))));
  }

  #add(at: bigint, kind: string, parts: Uint8Array[]): void {
    const bytes = new Uint8Array(1 + parts.reduce((length, part) => length + part.length, 0));
    bytes[0] = kind.charCodeAt(0);
    let offset = 1;
    for (const part of parts) {
      bytes.set(part, offset);
      offset += part.length;
    }
    // Read with the least byte first.
    const id = BigInt(`0x${hex(this.#sha256(bytes).toReversed())}`);
    const name = monthOf(at);
    const month = this.#months.get(name) ?? { count: 0, sum: 0n };
    this.#months.set(name, { count: month.count + 1, sum: (month.sum + id) % SUM_MAX });
  }
}

/** Returns the month of a time, in UTC, as `2026-11`. */
export function monthOf(at: bigint): string {
  const within = at < 0n ? 0n : at > TIME_MAX ? TIME_MAX : at;
  return new Date(Number(within)).toISOString().slice(0, 7);
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Returns the 8 bytes of a number, the greatest first. */
function number(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, value);
  return bytes;
}
