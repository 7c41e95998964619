/**
 * Detects whether the messages of a sender arrive in the order in which they were sent, and which
 * are missing. It names gaps, and holds no message back.
 */
import type { Id } from "./id.ts";
import { type Message, type Stream, streamOf } from "./message.ts";

/** The streams that are remembered. One more, and the one that was seen first is forgotten. */
export const STREAMS_MAX = 10_000;
/**
 * The missing messages of a stream that are remembered. One more, and the lowest number is
 * forgotten.
 */
export const MISSING_MAX = 1_000;

/** The meaning of an arrival for the order. */
export type Arrival =
  /** The first message of this stream: there is nothing to compare it with. */
  | { arrival: "first" }
  | { arrival: "in_order" }
  /** The messages with the numbers `from` to `to`, of the same epoch, have not come yet. */
  | { arrival: "gap"; from: number; to: number }
  /** The message was missing. */
  | { arrival: "filled" }
  /** The message is older than one that came before, and was not known to be missing. */
  | { arrival: "late" };

/**
 * A stream: what one device sends to one room in one way. Plain data, so that it can be stored.
 */
export interface StreamState {
  epoch: number;
  highest: number;
  /** The numbers that have not come, the lowest first. */
  missing: number[];
}

/** Notes a number of a stream. `state` is `undefined` for a stream that is not known. */
export function observe(
  state: StreamState | undefined,
  epoch: number,
  seq: number,
): { state: StreamState; arrival: Arrival } {
  if (state === undefined) {
    return { state: { epoch, highest: seq, missing: [] }, arrival: { arrival: "first" } };
  }
  if (epoch < state.epoch) {
    return { state, arrival: { arrival: "late" } };
  }
  // Whether anything more of the epoch before was sent is not known, so its missing numbers go.
  const { highest, missing } = epoch > state.epoch ? { highest: 0, missing: [] } : state;
  if (seq <= highest) {
    const left = missing.filter((number) => number !== seq);
    const arrival = left.length < missing.length ? "filled" : "late";
    return { state: { epoch, highest, missing: left }, arrival: { arrival } };
  }
  const expected = highest + 1;
  if (seq === expected) {
    return { state: { epoch, highest: seq, missing }, arrival: { arrival: "in_order" } };
  }
  // Only the newest numbers are kept, so that a wild `seq` makes no endless list.
  const first = Math.max(expected, seq - MISSING_MAX);
  const fresh = Array.from({ length: seq - first }, (_, at) => first + at);
  const all = [...missing, ...fresh].slice(-MISSING_MAX);
  return {
    state: { epoch, highest: seq, missing: all },
    arrival: { arrival: "gap", from: expected, to: seq - 1 },
  };
}

/** Returns the key of a stream in a store. */
export function streamKey(device: Id, stream: Stream, room: Id): string {
  return `${room}/${device}/${stream}`;
}

/** The state of every stream, in memory. */
export class Order {
  /** A map keeps the order of its keys: the stream that was seen first comes first. */
  readonly #streams = new Map<string, StreamState>();

  /** Notes a message. Note copies too: a retry has another number, which would look like a gap. */
  note(message: Message): Arrival {
    return this.observe(message.from.device, streamOf(message), message.room, message.epoch, message.seq);
  }

  observe(device: Id, stream: Stream, room: Id, epoch: number, seq: number): Arrival {
    const key = streamKey(device, stream, room);
    const known = this.#streams.get(key);
    if (known === undefined && this.#streams.size >= STREAMS_MAX) {
      const [oldest] = this.#streams.keys();
      this.#streams.delete(oldest ?? "");
    }
    const { state, arrival } = observe(known, epoch, seq);
    this.#streams.set(key, state);
    return arrival;
  }

  /**
   * Returns the numbers that have not come, in the newest epoch of what a device sends over its
   * socket.
   */
  missing(device: Id, room: Id): number[] {
    return this.#streams.get(streamKey(device, "socket", room))?.missing ?? [];
  }
}
