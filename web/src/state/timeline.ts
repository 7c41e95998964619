/** The part of a room that is on the page, read from the store and read again when it changes. */
import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Id } from "../core/id.ts";
import { type Target, targetKey } from "../core/message.ts";
import {
  openWindow,
  ROWS_MAX,
  SLIDE,
  slideNewer,
  slideOlder,
  type TimelineWindow,
  wanted,
} from "../core/timeline-window.ts";
import { getRow, placeKey, rowsAfter, rowsBefore, rowsBetween } from "../db/messages.ts";
import type { RoomRow, MessageRow as Stored } from "../db/rows.ts";
import { type Missing, missingIn } from "../db/streams.ts";
import type { Env, Home } from "./env.ts";
import { GapTimes } from "./gap-times.ts";
import type { Mirror } from "./mirror.ts";
import { laidOver, type Overlay } from "./overlay.ts";
import type { Row, Timeline } from "./room-model.ts";
import { toRows } from "./rows.ts";

/** The rows that are read when a room opens. */
const FIRST = 80;
/** The rows that are read at most when something has changed. */
const REREAD = ROWS_MAX + 2 * SLIDE;

export class RoomTimeline implements Timeline {
  readonly rows: ReadonlySignal<Row[]>;
  readonly isAtBeginning: ReadonlySignal<boolean>;
  readonly isAtEnd: ReadonlySignal<boolean>;
  readonly beyond: ReadonlySignal<number>;
  readonly anchor = signal<{ key: string; highlight: boolean } | "end" | undefined>(undefined);
  readonly #room: Id;
  readonly #env: Env;
  readonly #mirror: Mirror;
  readonly #home: Home;
  readonly #row: ReadonlySignal<RoomRow | undefined>;
  readonly #overlay: ReadonlySignal<Overlay>;
  readonly #window: Signal<TimelineWindow<Stored>> = signal(openWindow<Stored>([], false, false));
  readonly #missing = signal<readonly Missing[]>([]);
  readonly #quoted = signal<ReadonlyMap<Id, Stored | undefined>>(new Map());
  readonly #divider = signal<{ after: number; count: number } | undefined>(undefined);
  /** How many messages the room had when the page left its end. */
  readonly #counted = signal(0);
  #steps: Promise<void> = Promise.resolve();
  #isStale = false;
  #gapTimer: unknown;
  readonly #gapTimes: GapTimes;

  constructor(
    env: Env,
    mirror: Mirror,
    home: Home,
    room: Id,
    row: ReadonlySignal<RoomRow | undefined>,
    overlay: ReadonlySignal<Overlay>,
  ) {
    this.#env = env;
    this.#gapTimes = new GapTimes(env);
    this.#mirror = mirror;
    this.#home = home;
    this.#room = room;
    this.#row = row;
    this.#overlay = overlay;
    this.isAtBeginning = computed(() => this.#window.value.isAtBeginning);
    this.isAtEnd = computed(() => this.#window.value.isAtEnd);
    this.beyond = computed(() =>
      this.#window.value.isAtEnd ? 0 : Math.max(0, (this.#row.value?.messages ?? 0) - this.#counted.value),
    );
    this.rows = computed(() => this.#toRows());
    void this.#step(() => this.#open());
  }

  visible(first: string, last: string): void {
    const { rows } = this.#window.peek();
    const at = (key: string) => rows.findIndex((row) => keyOf(row) === key);
    // A row that is no stored message is at an edge: a day, a gap, or one that waits.
    const [from, to] = [Math.max(0, at(first)), at(last) < 0 ? rows.length - 1 : at(last)];
    const where = wanted(this.#window.peek(), from, to);
    if (where !== undefined) {
      void this.#step(() => (where === "older" ? this.#older() : this.#newer()));
    }
  }

  async jumpTo(target: Target): Promise<boolean> {
    const row = await getRow(this.#home.db, this.#room, target);
    const place = row === undefined ? undefined : placeKey(row);
    if (row === undefined || place === undefined) {
      return false;
    }
    await this.#step(async () => {
      if (!this.#window.peek().rows.some((held) => keyOf(held) === targetKey(target))) {
        const older = await rowsBefore(this.#home.db, this.#room, place, FIRST);
        const newer = await rowsAfter(this.#home.db, this.#room, place, FIRST);
        const rows = [...older, row, ...newer];
        await this.#show(openWindow(rows.slice(-ROWS_MAX), older.length < FIRST, newer.length < FIRST));
      }
      this.anchor.value = { key: targetKey(target), highlight: true };
    });
    return true;
  }

  async jumpToEnd(): Promise<void> {
    await this.#step(async () => {
      if (!this.#window.peek().isAtEnd) {
        const rows = await rowsBefore(this.#home.db, this.#room, undefined, FIRST);
        await this.#show(openWindow(rows, rows.length < FIRST, true));
      }
      // A new value each time, so that a second jump is one too.
      this.anchor.value = undefined;
      this.anchor.value = "end";
    });
  }

  lastOwn(): Target | undefined {
    const own = this.rows.peek().filter((row) => row.is === "message" && row.may.edit);
    const last = own.at(-1);
    return last?.is === "message" ? last.target : undefined;
  }

  /** Reads the rows of the page again. */
  refresh(): void {
    // What changes while it is read is read once after that.
    if (!this.#isStale) {
      this.#isStale = true;
      void this.#step(() => {
        this.#isStale = false;
        return this.#reread();
      });
    }
  }

  /** Returns the stored rows with these keys. */
  stored(keys: readonly string[]): Stored[] {
    const wanted = new Set(keys);
    return this.#window.peek().rows.filter((row) => wanted.has(keyOf(row)));
  }

  close(): void {
    this.#env.clear(this.#gapTimer);
  }

  /** Returns when everything that was asked for is on the page. */
  async ready(): Promise<void> {
    await this.#steps;
  }

  #step(work: () => Promise<void>): Promise<void> {
    this.#steps = this.#steps.then(work).catch(() => undefined);
    return this.#steps;
  }

  async #open(): Promise<void> {
    const { db } = this.#home;
    const row = await db.get("rooms", this.#room);
    const { reading, unread } = row ?? { reading: {}, unread: { messages: 0 } };
    const cursor = reading.cursor?.sent_at ?? Number.NEGATIVE_INFINITY;
    const after = Math.min(cursor, (reading.unread_from ?? Number.POSITIVE_INFINITY) - 1);
    const last = row?.last?.sent_at ?? Number.NEGATIVE_INFINITY;
    if (unread.messages === 0 || last <= after) {
      const rows = await rowsBefore(db, this.#room, undefined, FIRST);
      await this.#show(openWindow(rows, rows.length < FIRST, true));
      this.anchor.value = "end";
      return;
    }
    const newer = await rowsAfter(db, this.#room, { sent_at: Number.isFinite(after) ? after + 1 : 0 }, FIRST);
    const [first] = newer;
    const older = await rowsBefore(
      db,
      this.#room,
      first === undefined ? undefined : placeKey(first),
      FIRST / 2,
    );
    this.#divider.value = { after, count: unread.messages };
    await this.#show(openWindow([...older, ...newer], older.length < FIRST / 2, newer.length < FIRST));
    this.anchor.value = { key: "unread", highlight: false };
  }

  async #older(): Promise<void> {
    const window = this.#window.peek();
    const [first] = window.rows;
    if (window.isAtBeginning || first === undefined) {
      return;
    }
    const rows = await rowsBefore(this.#home.db, this.#room, placeKey(first), SLIDE);
    await this.#show(slideOlder(window, rows, rows.length < SLIDE));
  }

  async #newer(): Promise<void> {
    const window = this.#window.peek();
    const last = window.rows.at(-1);
    const place = last === undefined ? undefined : placeKey(last);
    if (window.isAtEnd || place === undefined) {
      return;
    }
    const rows = await rowsAfter(this.#home.db, this.#room, place, SLIDE);
    await this.#show(slideNewer(window, rows, rows.length < SLIDE));
  }

  async #reread(): Promise<void> {
    const window = this.#window.peek();
    const { db } = this.#home;
    const [first, last] = [window.rows[0], window.rows.at(-1)];
    const from = window.isAtBeginning || first === undefined ? undefined : placeKey(first);
    const to = window.isAtEnd || last === undefined ? undefined : placeKey(last);
    let rows = await rowsBetween(db, this.#room, from, to, REREAD);
    let cut = rows.length > ROWS_MAX;
    if (rows.length === REREAD && window.isAtEnd) {
      // So much has come that the rows of before are not on the page any more.
      rows = await rowsBefore(db, this.#room, undefined, ROWS_MAX);
      cut = true;
    }
    rows = window.isAtEnd ? rows.slice(-ROWS_MAX) : rows.slice(0, ROWS_MAX);
    await this.#show({ ...window, rows, isAtBeginning: window.isAtBeginning && !cut });
  }

  async #show(window: TimelineWindow<Stored>): Promise<void> {
    const missing = await this.#gaps();
    const quoted = await this.#quotes(window.rows);
    batch(() => {
      // Elsewhere than at the end, what comes is counted from when the page came there.
      if (window.isAtEnd || this.#window.peek().rows.length === 0) {
        this.#counted.value = this.#row.peek()?.messages ?? 0;
      }
      this.#missing.value = missing;
      this.#quoted.value = quoted;
      this.#window.value = window;
    });
  }

  /** Returns what is missing and has had its time to come. */
  async #gaps(): Promise<readonly Missing[]> {
    this.#env.clear(this.#gapTimer);
    const all = await missingIn(this.#home.db, this.#room);
    const { missing, nextAt } = this.#gapTimes.due(all, this.#mirror.meta.peek().drainedAt);
    if (nextAt !== undefined) {
      this.#gapTimer = this.#env.set(() => this.refresh(), nextAt - this.#env.steady());
    }
    return missing;
  }

  /** Reads what the rows reply to. A reply names an id alone, so members of the room are tried. */
  async #quotes(rows: readonly Stored[]): Promise<ReadonlyMap<Id, Stored | undefined>> {
    const ids = new Set(rows.flatMap(({ slot }) => slot.message?.reply_to ?? []));
    const { db } = this.#home;
    const found = await Promise.all(
      [...ids].map(async (id): Promise<[Id, Stored | undefined]> => {
        const range = IDBKeyRange.bound([this.#room, id], [this.#room, id, []]);
        const all = await db.getAll("messages", range);
        return [id, all.find(({ slot }) => slot.message !== undefined)];
      }),
    );
    return new Map(found);
  }

  #toRows(): Row[] {
    const window = this.#window.value;
    const overlay = this.#overlay.value;
    const quoted = this.#quoted.value;
    const pending = window.isAtEnd
      ? overlay.messages.filter(({ row }) => !window.rows.some((held) => keyOf(held) === keyOf(row)))
      : [];
    const stored = window.rows.map((row) => laidOver(row, overlay));
    const scene = {
      me: this.#home.user,
      room: this.#row.value,
      people: this.#mirror.people.value,
      divider: this.#divider.value,
      missing: this.#missing.value,
      isAtBeginning: window.isAtBeginning,
      failures: overlay.failures,
      quoted: (id: Id) => {
        const row = quoted.get(id);
        return row === undefined ? undefined : laidOver(row, overlay);
      },
    };
    return toRows(stored, pending, scene);
  }
}

function keyOf({ id, user }: Stored): string {
  return targetKey({ message: id, from: user });
}
