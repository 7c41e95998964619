/**
 * What the user has read, on its way to the relay. Marks that come fast are merged, so that a
 * device stays below the relay's limit on them. Times are milliseconds of a clock that does not go
 * back.
 */
import type { Id } from "./id.ts";

/** How long marks are gathered after those before have gone out. */
export const GATHERED = 250;
/**
 * Frames that may go out at once. The relay takes 60 at once, then 10 a second. With half of it,
 * all that waits may go out at the end, whatever went before.
 */
export const BURST = 30;
/** The time between two frames after that. */
export const PACE = 200;
/** The authors in one frame. */
export const READ_AUTHORS = 32;
/** The notices in one frame. */
export const NOTICES_MAX = 500;
/** The notices that wait. One more, and the oldest is not told of, so others show it longer. */
export const NOTICES_WAITING = 5_000;

/** How far a room is read. */
export interface RoomRead {
  room: Id;
  up_to: Id;
  sent_at: number;
  /** Who wrote what was read since the last mark. */
  authors: Id[];
}

export type MarkFrame =
  | { type: "read"; room: Id; up_to: Id; sent_at: number; authors: Id[] }
  | { type: "notices_read"; notices: Id[] };

export class Marks {
  /** In the order in which the rooms came. */
  readonly #rooms = new Map<Id, RoomRead>();
  readonly #notices = new Set<Id>();
  /** No frame goes out before this time. */
  #gatheredAt: number;
  /** The time when `BURST` frames may go out at once. */
  #fullAt: number;

  constructor(now: number) {
    this.#gatheredAt = now;
    this.#fullAt = now;
  }

  /** Notes how far a room is read. The marks of a room are one, so their number is the rooms'. */
  room(read: RoomRead): void {
    const known = this.#rooms.get(read.room);
    if (known === undefined) {
      this.#rooms.set(read.room, { ...read, authors: [...new Set(read.authors)] });
      return;
    }
    if (read.sent_at >= known.sent_at) {
      known.up_to = read.up_to;
      known.sent_at = read.sent_at;
    }
    known.authors = [...new Set([...known.authors, ...read.authors])];
  }

  /** Notes notices that were read. Each waits once, however often it is noted. */
  notices(notices: Id[]): void {
    for (const notice of notices.slice(-NOTICES_WAITING)) {
      this.#notices.add(notice);
    }
    for (const oldest of this.#notices) {
      if (this.#notices.size <= NOTICES_WAITING) {
        break;
      }
      this.#notices.delete(oldest);
    }
  }

  isEmpty(): boolean {
    return this.#rooms.size === 0 && this.#notices.size === 0;
  }

  /** Returns when the next frame is due. */
  due(): number | undefined {
    return this.isEmpty() ? undefined : Math.max(this.#gatheredAt, this.#fullAt - PACE * (BURST - 1));
  }

  /** Takes the next frame that is due. */
  next(now: number): MarkFrame | undefined {
    const due = this.due();
    if (due === undefined || due > now) {
      return undefined;
    }
    this.#fullAt = Math.max(this.#fullAt, now) + PACE;
    const frame = this.pop();
    if (this.isEmpty()) {
      this.#gatheredAt = now + GATHERED;
    }
    return frame;
  }

  /** Takes the next frame at once, because it is the end. */
  pop(): MarkFrame | undefined {
    const [read] = this.#rooms.values();
    if (read !== undefined) {
      const authors = read.authors.slice(0, READ_AUTHORS);
      read.authors = read.authors.slice(READ_AUTHORS);
      if (read.authors.length === 0) {
        this.#rooms.delete(read.room);
      }
      const { room, up_to, sent_at } = read;
      return { type: "read", room, up_to, sent_at, authors };
    }
    const notices = [...this.#notices].slice(0, NOTICES_MAX);
    for (const notice of notices) {
      this.#notices.delete(notice);
    }
    return notices.length === 0 ? undefined : { type: "notices_read", notices };
  }
}
