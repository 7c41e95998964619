/** Stores a backup that was read to its end, in bounded memory whatever it has. */
import type { Key } from "../backup/key.ts";
import type { Manifest } from "../backup/manifest.ts";
import { readBackup } from "../backup/reader.ts";
import type { Id } from "../core/id.ts";
import type { Item } from "../core/item.ts";
import { IMPORTED, importOutcomes, importSome } from "./backup-import.ts";
import type { Env, Home } from "./env.ts";

/**
 * The outcomes, and the own messages, that are held in memory at a time. With more, the file is
 * read again: an outcome names its message without its room, and comes before it.
 */
export const HELD = 20_000;

type Outcome = Extract<Item, { section: "outcomes" }>;

export class Restore {
  readonly #env: Env;
  readonly #home: Home;
  readonly #file: Blob;
  readonly #key: Key;
  readonly #held: number;
  /** The rooms of some own messages: those from the first on that fit. */
  #rooms = new Map<Id, Id>();
  #own = 0;

  constructor(env: Env, home: Home, file: Blob, key: Key, held = HELD) {
    this.#env = env;
    this.#home = home;
    this.#file = file;
    this.#key = key;
    this.#held = held;
  }

  /** Stores everything, and returns how many messages are new. */
  async run({ counts }: Manifest, progress: (done: number) => void, signal: AbortSignal): Promise<number> {
    const total = Object.values(counts).reduce((sum, count) => sum + count, 1);
    const fits = counts.outcomes <= this.#held;
    const outcomes: Outcome[] = [];
    let [done, added] = [0, 0];
    await this.#inParts(
      async (items) => {
        signal.throwIfAborted();
        added += await importSome(this.#home.db, this.#home.user, items, this.#env.now());
        done += items.length;
        progress(Math.min(1, done / total));
      },
      (item) => {
        if (item.section === "outcomes") {
          fits && outcomes.push(item);
          return false;
        }
        this.#note(item, 0);
        return true;
      },
    );
    const own = this.#own;
    for (let from = 0; counts.outcomes > 0 && from < own; from += this.#held) {
      await this.#collect(from);
      await this.#outcomes(fits ? outcomes : undefined, signal);
    }
    progress(1);
    return added;
  }

  /** Notes the rooms of the own messages from one on. The first ones are known already. */
  async #collect(from: number): Promise<void> {
    if (from > 0) {
      this.#rooms = new Map();
      this.#own = 0;
      await readBackup(this.#file, this.#key, { item: (item) => this.#note(item, from) });
    }
  }

  #note(item: Item, from: number): void {
    if (item.section === "messages" && item.record.user === this.#home.user) {
      if (this.#own >= from && this.#own < from + this.#held) {
        this.#rooms.set(item.record.id, (JSON.parse(item.record.line) as { room: Id }).room);
      }
      this.#own += 1;
    }
  }

  /** Stores the outcomes of the messages whose rooms are known. */
  async #outcomes(held: readonly Outcome[] | undefined, signal: AbortSignal): Promise<void> {
    const store = async (items: Item[]) => {
      signal.throwIfAborted();
      await importOutcomes(this.#home.db, this.#home.user, items, this.#rooms, this.#env.now());
    };
    const isWanted = (item: Item) => item.section === "outcomes" && this.#rooms.has(item.message);
    if (held === undefined) {
      await this.#inParts(store, isWanted);
      return;
    }
    const wanted = held.filter(isWanted);
    for (let at = 0; at < wanted.length; at += IMPORTED) {
      await store(wanted.slice(at, at + IMPORTED));
    }
  }

  /** Reads the file, and hands over what is wanted of it in parts. */
  async #inParts(store: (items: Item[]) => Promise<void>, isWanted: (item: Item) => boolean): Promise<void> {
    let some: Item[] = [];
    const flush = async () => {
      const items = some;
      some = [];
      await store(items);
    };
    await readBackup(this.#file, this.#key, {
      item: async (item) => {
        if (isWanted(item) && some.push(item) >= IMPORTED) {
          await flush();
        }
      },
    });
    await flush();
  }
}
