/**
 * Remembers which deliveries the client has, which it has acked, and which acks still have to go
 * out.
 */
import { type Id, NO_DEVICE } from "./id.ts";
import type { Message } from "./message.ts";

/**
 * The acked deliveries that are remembered. One more, and the oldest is forgotten; a copy of it is
 * shown again.
 */
export const SEEN_MAX = 10_000;
/** The delivery ids in one `ack`. */
export const ACKS_MAX = 256;

/** The identity of a delivery. The id of a message is unique only together with its device. */
export interface Identity {
  device: Id;
  id: Id;
}

export function identityOf(message: Message): Identity {
  return { device: message.from.device, id: message.id };
}

/** Notices and receipts come from no device; their ids are unique alone. */
export function identityOfReport({ id }: { id: Id }): Identity {
  return { device: NO_DEVICE, id };
}

export function identityKey({ device, id }: Identity): string {
  return `${device}/${id}`;
}

export class Seen {
  readonly #limit: number;
  /** A delivery id is valid in one connection only. */
  #connection = 0;
  /** What came and is not acked, with its deliveries in one connection. */
  readonly #pending = new Map<string, { connection: number; deliveries: string[] }>();
  /** The oldest first. */
  readonly #acked = new Map<string, Identity>();
  #toAck: string[] = [];

  /**
   * The identities in `acked`, the oldest first, count as acked. With a limit of 0 every copy is
   * shown.
   */
  constructor(limit: number = SEEN_MAX, acked: Iterable<Identity> = []) {
    this.#limit = limit;
    for (const identity of acked) {
      this.#remember(identity);
    }
  }

  /** Begins a new connection. Drops the acks for the old one: its deliveries come again. */
  connected(): void {
    this.#connection += 1;
    this.#toAck = [];
  }

  /** Notes that a delivery came. Returns true if it should be shown. */
  arrive(identity: Identity, delivery: string): boolean {
    const key = identityKey(identity);
    if (this.#acked.has(key)) {
      this.#toAck.push(delivery);
      return false;
    }
    const pending = this.#pending.get(key);
    if (pending?.connection === this.#connection) {
      pending.deliveries.push(delivery);
    } else {
      this.#pending.set(key, { connection: this.#connection, deliveries: [delivery] });
    }
    return pending === undefined || this.#limit === 0;
  }

  /** Notes that it is stored. Returns true if the relay should be told now. */
  ack(identity: Identity): boolean {
    const key = identityKey(identity);
    const pending = this.#pending.get(key);
    if (pending === undefined) {
      return false;
    }
    this.#pending.delete(key);
    this.#remember(identity);
    if (pending.connection !== this.#connection) {
      return false;
    }
    this.#toAck.push(...pending.deliveries);
    return true;
  }

  /** Notes that it was not stored. It is shown when it comes again. */
  release(identity: Identity): void {
    this.#pending.delete(identityKey(identity));
  }

  /** Takes delivery ids to tell the relay. */
  takeAcks(max: number = ACKS_MAX): string[] {
    return this.#toAck.splice(0, max);
  }

  /** Returns what is acked, the oldest first. */
  acked(): Identity[] {
    return [...this.#acked.values()];
  }

  #remember(identity: Identity): void {
    const key = identityKey(identity);
    if (!this.#acked.has(key)) {
      this.#acked.set(key, identity);
    }
    while (this.#acked.size > this.#limit) {
      const [oldest] = this.#acked.keys();
      this.#acked.delete(oldest ?? "");
    }
  }
}
