/** The rows of a room over a list of what was said, in a bounded window. */
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { type Target, targetKey } from "../../src/core/message.ts";
import {
  openWindow,
  SLIDE,
  slideNewer,
  slideOlder,
  type TimelineWindow,
  wanted,
} from "../../src/core/timeline-window.ts";
import type { Row, Timeline } from "../../src/state/room-model.ts";
import { MINUTE } from "./people.ts";
import type { Said } from "./talk.ts";

const CLOSE = 5 * MINUTE;
const OPENED = 80;

export class FakeTimeline implements Timeline {
  readonly said: Signal<Said[]>;
  readonly unreadFrom: Signal<string | undefined>;
  readonly gapBefore: string | undefined;
  readonly #window: Signal<TimelineWindow<Said>>;
  readonly rows: ReadonlySignal<Row[]>;
  readonly isAtBeginning: ReadonlySignal<boolean>;
  readonly isAtEnd: ReadonlySignal<boolean>;
  readonly beyond: ReadonlySignal<number>;
  readonly anchor = signal<{ key: string; highlight: boolean } | "end" | undefined>(undefined);
  /** How often older rows were asked for. */
  loads = 0;
  shown: { first: string; last: string } | undefined;

  constructor(said: Said[], unreadFrom?: string, gapBefore?: string) {
    this.said = signal(said);
    this.unreadFrom = signal(unreadFrom);
    this.gapBefore = gapBefore;
    const rows = said.slice(-OPENED);
    this.#window = signal(openWindow(rows, rows.length === said.length, true));
    this.rows = computed(() => this.#rowsOf(this.#window.value));
    this.isAtBeginning = computed(() => this.#window.value.isAtBeginning);
    this.isAtEnd = computed(() => this.#window.value.isAtEnd);
    this.beyond = computed(() => this.#window.value.beyond);
  }

  /** Other messages stand here. */
  reset(said: Said[]): void {
    this.said.value = said;
    this.#window.value = openWindow(said, true, true);
  }

  /** A message comes. */
  arrive(one: Said): void {
    this.said.value = [...this.said.value, one];
    const window = this.#window.peek();
    this.#window.value = window.isAtEnd
      ? slideNewer(window, [one], true)
      : { ...window, beyond: window.beyond + 1 };
  }

  /** A message changes where it stands. */
  change(message: string, to: (said: Said) => Said | undefined): void {
    const swap = (list: readonly Said[]) =>
      list.flatMap((one) => (one.target.message === message ? (to(one) ?? []) : [one]));
    this.said.value = swap(this.said.value);
    this.#window.value = { ...this.#window.peek(), rows: swap(this.#window.peek().rows) };
  }

  visible(first: string, last: string): void {
    this.shown = { first, last };
    const window = this.#window.peek();
    const indexOf = (key: string) => window.rows.findIndex((row) => row.key === key);
    const [from, to] = [Math.max(0, indexOf(first)), indexOf(last)];
    const side = wanted(window, from, to < 0 ? window.rows.length - 1 : to);
    const all = this.said.peek();
    if (side === "older") {
      this.loads += 1;
      const at = all.findIndex(({ key }) => key === window.rows[0]?.key);
      const begin = Math.max(0, at - SLIDE);
      this.#window.value = slideOlder(window, all.slice(begin, at), begin === 0);
    } else if (side === "newer") {
      const at = all.findIndex(({ key }) => key === window.rows.at(-1)?.key) + 1;
      this.#window.value = slideNewer(window, all.slice(at, at + SLIDE), at + SLIDE >= all.length);
    }
  }

  async jumpTo(target: Target): Promise<boolean> {
    const key = targetKey(target);
    const all = this.said.peek();
    const at = all.findIndex((one) => targetKey(one.target) === key);
    const found = all[at];
    if (found === undefined) {
      return false;
    }
    if (!this.#window.peek().rows.includes(found)) {
      const [from, to] = [Math.max(0, at - SLIDE), at + SLIDE];
      this.#window.value = openWindow(all.slice(from, to), from === 0, to >= all.length);
    }
    this.anchor.value = { key: found.key, highlight: true };
    return true;
  }

  async jumpToEnd(): Promise<void> {
    const all = this.said.peek();
    this.#window.value = openWindow(all.slice(-OPENED), all.length <= OPENED, true);
    this.anchor.value = "end";
  }

  lastOwn(): Target | undefined {
    return this.said.peek().findLast((one) => one.may.edit && one.content.is === "text")?.target;
  }

  #rowsOf({ rows, isAtBeginning }: TimelineWindow<Said>): Row[] {
    const out: Row[] = isAtBeginning && rows.length > 0 ? [{ is: "beginning", key: "beginning" }] : [];
    let before: Said | undefined;
    for (const one of rows) {
      const isNewDay = before === undefined || new Date(before.at).getDate() !== new Date(one.at).getDate();
      if (isNewDay) {
        out.push({ is: "day", key: `day ${new Date(one.at).toDateString()}`, at: one.at });
      }
      if (one.key === this.gapBefore) {
        out.push({
          is: "gap",
          key: "gap",
          who: one.author.name,
          count: 2,
          since: one.at - MINUTE,
          until: one.at,
        });
      }
      const isUnread = one.key === this.unreadFrom.value;
      if (isUnread) {
        const count = this.said.value.length - this.said.value.indexOf(one);
        out.push({ is: "unread", key: "unread", count });
      }
      const isFirstOfAuthor =
        isNewDay || isUnread || before?.author.id !== one.author.id || one.at - before.at > CLOSE;
      out.push({ ...one, isFirstOfAuthor });
      before = one;
    }
    return out;
  }
}
