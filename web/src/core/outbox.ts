/**
 * Messages to send: written in order, kept until the relay answers, and written again after a
 * reconnect. Times are milliseconds of the caller's clock, which must not go back.
 */
import { Backoff } from "./backoff.ts";
import type { Id } from "./id.ts";

/**
 * The sends that may be unanswered at a time. The relay accepts 60 at once; half of that leaves
 * room for a retry after a reconnect.
 */
export const IN_FLIGHT_MAX = 30;

interface Entry {
  id: Id;
  /** The exact text of the frame: a retry must be the same. */
  frame: string;
  written: boolean;
  /**
   * It is outstanding for some recipients only, and goes again at this time. The others do not
   * wait for it.
   */
  notBefore?: number;
}

export class Outbox {
  #entries: Entry[] = [];
  /** Nothing is written before this time, because later messages would overtake a rejected one. */
  #pausedUntil: number | undefined;
  readonly #backoff = new Backoff(250, 10_000);

  /** Adds a message. Returns false if one with this id is here already. */
  push(id: Id, frame: string): boolean {
    if (this.#find(id) !== undefined) {
      return false;
    }
    this.#entries.push({ id, frame, written: false });
    return true;
  }

  /** Returns the next frame to write. It counts as written after that. */
  next(now: number): { id: Id; frame: string } | undefined {
    if (this.#pausedUntil !== undefined && now < this.#pausedUntil) {
      return undefined;
    }
    this.#pausedUntil = undefined;
    if (this.#isFull()) {
      return undefined;
    }
    const entry = this.#entries.find(({ written, notBefore = now }) => !written && now >= notBefore);
    if (entry === undefined) {
      return undefined;
    }
    entry.written = true;
    delete entry.notBefore;
    return { id: entry.id, frame: entry.frame };
  }

  /** Returns when `next` has a frame, if it only has to wait for a time. */
  due(): number | undefined {
    if (this.#isFull()) {
      return undefined;
    }
    // An entry without a time of its own waits for the pause, or for an answer.
    const times = this.#entries.flatMap(({ written, notBefore }) => {
      const waits = [notBefore, this.#pausedUntil].filter((time) => time !== undefined);
      return written || waits.length === 0 ? [] : [Math.max(...waits)];
    });
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Removes a message after its final answer. Returns false if nobody asked for it. */
  answered(id: Id): boolean {
    const entry = this.#find(id);
    if (entry === undefined) {
      return false;
    }
    this.#backoff.reset();
    this.#entries = this.#entries.filter((other) => other !== entry);
    return true;
  }

  /**
   * Notes a temporary error. The message goes again after `retryAfter`, or after a backoff that
   * grows.
   */
  refusedForNow(id: Id, retryAfter: number | undefined, now: number, random: number): void {
    const entry = this.#find(id);
    if (entry === undefined) {
      return;
    }
    entry.written = false;
    const until = now + (retryAfter ?? this.#backoff.next(random));
    this.#pausedUntil = Math.max(this.#pausedUntil ?? until, until);
  }

  /**
   * Notes that some recipients have the message and others do not. Other messages go on meanwhile.
   */
  outstanding(id: Id, retryAfter: number | undefined, now: number, random: number): void {
    const entry = this.#find(id);
    if (entry === undefined) {
      return;
    }
    entry.written = false;
    entry.notBefore = now + (retryAfter ?? this.#backoff.next(random));
  }

  /** Notes that the connection is lost. All unanswered messages go again, in order. */
  connectionLost(): void {
    for (const entry of this.#entries) {
      entry.written = false;
      delete entry.notBefore;
    }
    this.#pausedUntil = undefined;
  }

  /** Removes a message that is not written yet. Returns false if it is on its way, or not here. */
  withdraw(id: Id): boolean {
    const entry = this.#find(id);
    if (entry === undefined || entry.written) {
      return false;
    }
    this.#entries = this.#entries.filter((other) => other !== entry);
    return true;
  }

  /** Returns the ids of the unanswered messages, in order. */
  ids(): Id[] {
    return this.#entries.map(({ id }) => id);
  }

  #find(id: Id): Entry | undefined {
    return this.#entries.find((entry) => entry.id === id);
  }

  #isFull(): boolean {
    return this.#entries.filter(({ written }) => written).length >= IN_FLIGHT_MAX;
  }
}
