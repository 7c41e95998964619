/**
 * Which engine has the connection. A device has one socket, so of all tabs one leads: the holder
 * of a lock. A visible tab takes the lead from a hidden one, and from one that does not answer.
 */
import type { Id } from "../core/id.ts";
import type { Bus, EngineState, Signal } from "../db/changes.ts";
import type { Locks, Timers } from "./deps.ts";

/** Each user has a lock of their own: a leader of another user has another connection. */
const LOCK = "ferry-engine";
/** How often a leader says that it lives. */
export const BEAT = 2_000;
/** A visible follower that hears nothing for this time takes the lead. */
export const SILENT = 6_000;

export interface LeaderEvents {
  lead(): void;
  /** Lets go of everything at once: another engine may lead already. */
  follow(): void;
  state(): EngineState;
  /** What the leader of another tab says of itself. */
  heard(state: EngineState): void;
}

export class Leader {
  readonly #locks: Locks;
  readonly #lock: string;
  readonly #bus: Bus;
  readonly #timers: Timers;
  readonly #events: LeaderEvents;
  #isVisible: boolean;
  #release: (() => void) | undefined;
  #waiting: AbortController | undefined;
  #timer: unknown;
  #heardAt: number;
  #isStopped = false;
  #unlisten: () => void = () => undefined;

  constructor(locks: Locks, user: Id, bus: Bus, timers: Timers, isVisible: boolean, events: LeaderEvents) {
    this.#locks = locks;
    this.#lock = `${LOCK}-${user}`;
    this.#bus = bus;
    this.#timers = timers;
    this.#events = events;
    this.#isVisible = isVisible;
    this.#heardAt = timers.steady();
  }

  get leads(): boolean {
    return this.#release !== undefined;
  }

  start(): void {
    this.#unlisten = this.#bus.listen((signal) => this.#take(signal));
    this.#request(false);
    this.#bus.post({ is: "ask" });
    this.#tick();
  }

  /** Gives the lead up for good, for example because the tab closes. */
  stop(): void {
    this.#isStopped = true;
    this.#unlisten();
    this.#timers.clear(this.#timer);
    this.#waiting?.abort();
    this.#yield();
  }

  visibility(isVisible: boolean): void {
    this.#isVisible = isVisible;
    // A tab that was hidden has not listened closely: the leader has its time from now on.
    this.#heardAt = this.#timers.steady();
    if (isVisible && !this.leads) {
      this.#bus.post({ is: "want" });
    }
    this.#beat();
  }

  #take(signal: Signal): void {
    if (signal.is === "beat" && !this.leads) {
      this.#heardAt = this.#timers.steady();
      this.#events.heard(signal.state);
      if (this.#isVisible && !signal.isVisible) {
        this.#bus.post({ is: "want" });
      }
    } else if (signal.is === "ask") {
      this.#beat();
    } else if (signal.is === "want" && this.leads && !this.#isVisible) {
      this.#yield();
      this.#request(false);
    }
  }

  #tick(): void {
    this.#timer = this.#timers.set(() => {
      this.#beat();
      if (!this.leads && this.#isVisible && this.#timers.steady() - this.#heardAt > SILENT) {
        this.#heardAt = this.#timers.steady();
        this.#request(true);
      }
      this.#tick();
    }, BEAT);
  }

  #beat(): void {
    if (this.leads) {
      this.#bus.post({ is: "beat", isVisible: this.#isVisible, state: this.#events.state() });
    }
  }

  #request(steal: boolean): void {
    this.#waiting?.abort();
    const waiting = new AbortController();
    this.#waiting = waiting;
    // A request that steals takes no signal.
    const options = steal ? { steal } : { signal: waiting.signal };
    let release: (() => void) | undefined;
    const work = () =>
      new Promise<void>((resolve) => {
        if (waiting.signal.aborted || this.#isStopped) {
          resolve();
          return;
        }
        release = resolve;
        this.#release = resolve;
        this.#events.lead();
        this.#bus.post({ is: "lead" });
        this.#beat();
      });
    this.#locks.request(this.#lock, options, work).catch(() => {
      // The request was given up, or another tab has stolen the lock.
      if (release !== undefined && this.#release === release) {
        this.#release = undefined;
        this.#events.follow();
        this.#heardAt = this.#timers.steady();
        if (!this.#isStopped) {
          this.#request(false);
        }
      }
    });
  }

  #yield(): void {
    const release = this.#release;
    if (release !== undefined) {
      this.#release = undefined;
      this.#events.follow();
      release();
    }
  }
}
