/**
 * Decides what counts as read: a message that is half in view for half a second, in a tab that is
 * visible and has the focus. A room that is open and not looked at counts nothing.
 */
import type { Id } from "../core/id.ts";
import { quietly } from "../core/quietly.ts";
import { compareRows } from "../db/messages.ts";
import { markRead } from "../db/reading.ts";
import type { MessageRow, RoomRow } from "../db/rows.ts";
import type { Env, Home } from "./env.ts";
import type { Mirror } from "./mirror.ts";

export const SEEN_AFTER = 500;

export class RoomReader {
  readonly #env: Env;
  readonly #mirror: Mirror;
  readonly #home: Home;
  readonly #room: Id;
  readonly #stored: (keys: readonly string[]) => MessageRow[];
  /** Since when each is in view. */
  #since = new Map<string, number>();
  #timer: unknown;
  readonly #unlisten: () => void;

  constructor(
    env: Env,
    mirror: Mirror,
    home: Home,
    room: Id,
    stored: (keys: readonly string[]) => MessageRow[],
  ) {
    this.#env = env;
    this.#mirror = mirror;
    this.#home = home;
    this.#room = room;
    this.#stored = stored;
    // What was in view while nobody looked begins to count when the user comes back.
    this.#unlisten = env.onAttention(() => {
      const now = env.steady();
      this.#since = new Map([...this.#since.keys()].map((key) => [key, now]));
      this.#wait();
    });
  }

  inView(keys: readonly string[]): void {
    const now = this.#env.steady();
    this.#since = new Map(keys.map((key) => [key, this.#since.get(key) ?? now]));
    this.#wait();
  }

  close(): void {
    this.#unlisten();
    this.#env.clear(this.#timer);
  }

  #wait(): void {
    this.#env.clear(this.#timer);
    if (this.#since.size > 0 && this.#env.isFocused()) {
      this.#timer = this.#env.set(() => quietly(this.#look()), SEEN_AFTER);
    }
  }

  async #look(): Promise<void> {
    if (!this.#env.isFocused()) {
      return;
    }
    const now = this.#env.steady();
    const seen = [...this.#since].filter(([, since]) => now - since >= SEEN_AFTER).map(([key]) => key);
    if (seen.length < this.#since.size) {
      this.#wait();
    }
    const rows = this.#stored(seen).sort(compareRows);
    const last = rows.at(-1);
    const room = this.#mirror.rooms.peek().get(this.#room);
    if (last?.sent_at === undefined || !this.#isNews(rows, last.sent_at, room)) {
      return;
    }
    const up = { up_to: last.id, sent_at: last.sent_at };
    const targets = rows.map(({ id, user }) => ({ message: id, from: user }));
    if (await markRead(this.#home.db, this.#room, up, targets, this.#home.user)) {
      this.#env.notifications.close(this.#room);
      await this.#mirror.changed("rooms", "marks", `messages/${this.#room}`);
    }
  }

  #isNews(rows: MessageRow[], at: number, room: RoomRow | undefined): boolean {
    const { cursor, unread_from } = room?.reading ?? {};
    const isLater = cursor === undefined || at > cursor.sent_at;
    return isLater || unread_from !== undefined || rows.some(({ late }) => late === 1);
  }
}
