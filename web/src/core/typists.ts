/**
 * Which users are writing, until they send, stop, or fall silent. Times are milliseconds of the
 * caller's clock.
 */
import type { Id } from "./id.ts";

/** For how long a user counts as writing after a frame. */
export const TYPING_EXPIRES_MS = 6_000;
/** The users that are remembered. At the limit, no other user is reported as writing. */
export const TYPISTS_MAX = 1_024;

export interface Typist {
  room: Id;
  user: Id;
}

export class Typists {
  readonly #until = new Map<string, Typist & { until: number }>();

  /** Notes that a user writes. Returns true if this is new. */
  writes({ room, user }: Typist, expiresInMs: number, now: number): boolean {
    const key = `${room}/${user}`;
    const isKnown = this.#until.has(key);
    if (!isKnown && this.#until.size >= TYPISTS_MAX) {
      return false;
    }
    // A wrong number from a relay must not keep the user writing for ever.
    const until = now + Math.min(expiresInMs, 5 * TYPING_EXPIRES_MS);
    this.#until.set(key, { room, user, until });
    return !isKnown;
  }

  /** Notes that a user stopped, or sent the message. Returns true if this is new. */
  stops({ room, user }: Typist): boolean {
    return this.#until.delete(`${room}/${user}`);
  }

  /** Returns when the next of them expires. */
  due(): number | undefined {
    let due: number | undefined;
    for (const { until } of this.#until.values()) {
      due = Math.min(due ?? until, until);
    }
    return due;
  }

  /** Removes and returns the users who did not repeat it in time. */
  lapsed(now: number): Typist[] {
    const lapsed = [...this.#until.values()].filter(({ until }) => until <= now);
    for (const { room, user } of lapsed) {
      this.stops({ room, user });
    }
    return lapsed.map(({ room, user }) => ({ room, user }));
  }

  /** Removes and returns all users, because the connection is lost. */
  all(): Typist[] {
    const all = [...this.#until.values()].map(({ room, user }) => ({ room, user }));
    this.#until.clear();
    return all;
  }
}
