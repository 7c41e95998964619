/** What is true only now: who writes, and who is here. None of it is stored. */
import type { Id } from "../core/id.ts";
import { quietly } from "../core/quietly.ts";
import { Typists } from "../core/typists.ts";
import { type Bus, tabLock } from "../db/changes.ts";
import type { Presence, Typing } from "../wire/frames.ts";
import { typingFrame, watchFrame } from "../wire/outgoing.ts";
import type { Locks, Timers } from "./deps.ts";

/** Watches of several tabs are gathered for this time. The relay takes one frame a second. */
const GATHERED = 1_000;
/** The tabs whose watches are remembered. */
const TABS_MAX = 64;

export class Live {
  readonly #bus: Bus;
  readonly #timers: Timers;
  readonly #write: (frame: string) => boolean;
  readonly #typists = new Typists();
  readonly #locks: Locks;
  readonly #watches = new Map<string, Id[]>();
  /** Ends the waiting for the lock of each tab that has said something. */
  readonly #tabs = new Map<string, AbortController>();
  #watched = "";
  #watchTimer: unknown;
  #typingTimer: unknown;

  constructor(bus: Bus, timers: Timers, locks: Locks, write: (frame: string) => boolean) {
    this.#locks = locks;
    this.#bus = bus;
    this.#timers = timers;
    this.#write = write;
  }

  connected(): void {
    this.#watched = "";
    this.#sendWatch();
  }

  /** Nobody is known to write or to be here any more. */
  lost(): void {
    this.#timers.clear(this.#watchTimer);
    this.#timers.clear(this.#typingTimer);
    this.#typists.all();
    this.#bus.post({ is: "unknown" });
  }

  typing({ room, user, active, expires_in_ms }: Typing): void {
    const typist = { room, user };
    const isNews = active
      ? this.#typists.writes(typist, expires_in_ms, this.#timers.steady())
      : this.#typists.stops(typist);
    if (isNews) {
      this.#bus.post({ is: "typing", room, user, active });
    }
    this.#lapse();
  }

  /** A user who has sent does not write any more. */
  wrote(room: Id, user: Id): void {
    if (this.#typists.stops({ room, user })) {
      this.#bus.post({ is: "typing", room, user, active: false });
    }
  }

  presence({ user, status, last_seen: lastSeen }: Presence): void {
    const now = lastSeen === undefined ? { user, status } : { user, status, lastSeen };
    this.#bus.post({ is: "presence", users: [now] });
  }

  /** The user of this browser writes. */
  writing(room: Id, active: boolean): void {
    this.#write(typingFrame(room, active));
  }

  /** A tab shows these users. */
  watch(tab: string, users: Id[]): void {
    this.#watches.delete(tab);
    if (users.length > 0) {
      this.#watches.set(tab, users);
    }
    this.#expect(tab);
    const [oldest] = this.#watches.keys();
    if (this.#watches.size > TABS_MAX && oldest !== undefined) {
      this.#forget(oldest);
    }
    this.#gather();
  }

  /** Waits for no tab any more. */
  stop(): void {
    this.#timers.clear(this.#watchTimer);
    this.#timers.clear(this.#typingTimer);
    for (const tab of [...this.#tabs.keys()]) {
      this.#forget(tab);
    }
  }

  /** Forgets a tab when it is gone: it holds its lock for as long as it is there. */
  #expect(tab: string): void {
    if (this.#tabs.has(tab)) {
      return;
    }
    const waiting = new AbortController();
    this.#tabs.set(tab, waiting);
    const gone = async () => {
      if (this.#tabs.get(tab) === waiting) {
        this.#forget(tab);
        this.#gather();
      }
    };
    quietly(this.#locks.request(tabLock(tab), { signal: waiting.signal }, gone));
  }

  #forget(tab: string): void {
    this.#watches.delete(tab);
    this.#tabs.get(tab)?.abort();
    this.#tabs.delete(tab);
  }

  #gather(): void {
    this.#timers.clear(this.#watchTimer);
    this.#watchTimer = this.#timers.set(() => this.#sendWatch(), GATHERED);
  }

  #sendWatch(): void {
    // The tab that spoke last comes first, because only 256 users can be watched.
    const frame = watchFrame([...this.#watches.values()].reverse().flat());
    if (frame !== this.#watched && this.#write(frame)) {
      this.#watched = frame;
    }
  }

  #lapse(): void {
    this.#timers.clear(this.#typingTimer);
    const due = this.#typists.due();
    if (due === undefined) {
      return;
    }
    this.#typingTimer = this.#timers.set(
      () => {
        for (const { room, user } of this.#typists.lapsed(this.#timers.steady())) {
          this.#bus.post({ is: "typing", room, user, active: false });
        }
        this.#lapse();
      },
      Math.max(0, due - this.#timers.steady()),
    );
  }
}
