/** The engine of a tab: it leads, or it waits to lead. All that acts comes from outside. */
import { quietly } from "../core/quietly.ts";
import type { Bus, EngineState, Signal } from "../db/changes.ts";
import { nextGeneration } from "../db/meta.ts";
import { type Db, isQuota } from "../db/schema.ts";
import type { Http } from "../wire/http.ts";
import type { Host, Locks, OpenSocket, Timers } from "./deps.ts";
import type { Self } from "./ingest.ts";
import { Lead } from "./lead.ts";
import { Leader } from "./leader.ts";
import { Space } from "./space.ts";

export interface EngineDeps {
  db: Db;
  self: Self;
  http: Http;
  open: OpenSocket;
  locks: Locks;
  bus: Bus;
  timers: Timers;
  host: Host;
  isVisible: boolean;
  /** Told how this engine is doing, or the one that leads. */
  onState(state: EngineState): void;
}

export class Engine {
  readonly #deps: EngineDeps;
  readonly #leader: Leader;
  #lead: Lead | undefined;
  #state: EngineState = { is: "follower" };
  #isVisible: boolean;
  /** Grows whenever the lead comes or goes. */
  #turn = 0;
  #isStopped = false;
  #unlisten: () => void = () => undefined;
  /** Waits for room on the disk before the engine leads. */
  readonly #space: Space;

  constructor(deps: EngineDeps) {
    this.#deps = deps;
    this.#space = new Space(deps.db, deps.timers, () => quietly(this.#take()));
    this.#isVisible = deps.isVisible;
    this.#leader = new Leader(deps.locks, deps.self.user, deps.bus, deps.timers, deps.isVisible, {
      lead: () => quietly(this.#take()),
      follow: () => this.#let(),
      state: () => this.#state,
      // An end is told by the tab that leads, because it knows whether the user has asked for it.
      heard: (state) =>
        deps.onState(
          ["online", "ended", "outdated", "store_lost"].includes(state.is) ? { is: "follower" } : state,
        ),
    });
  }

  start(): void {
    this.#unlisten = this.#deps.bus.listen((signal) => this.#signal(signal));
    this.#leader.start();
  }

  stop(): void {
    this.#isStopped = true;
    this.#unlisten();
    this.#leader.stop();
    this.#let();
  }

  visibility(isVisible: boolean): void {
    this.#isVisible = isVisible;
    this.#leader.visibility(isVisible);
    this.#lead?.visibility(isVisible);
    if (isVisible) {
      this.tryNow();
    }
  }

  /** The network may be back. */
  tryNow(): void {
    this.#space.tryNow();
    this.#lead?.tryNow();
  }

  get leads(): boolean {
    return this.#lead !== undefined;
  }

  async #take(): Promise<void> {
    this.#turn += 1;
    const turn = this.#turn;
    // The lead may be lost meanwhile, and come back: then a later turn goes on.
    const isOver = () => turn !== this.#turn || this.#isStopped || !this.#leader.leads;
    let generation: number;
    try {
      generation = await nextGeneration(this.#deps.db);
    } catch (error) {
      if (isOver()) {
        return;
      }
      if (isQuota(error)) {
        this.#set({ is: "storage_full" });
        this.#space.wait();
      } else {
        this.#set({ is: "store_lost" });
      }
      return;
    }
    if (isOver()) {
      return;
    }
    this.#lead = new Lead(this.#deps, generation, (state) => this.#set(state));
    this.#lead.visibility(this.#isVisible);
    this.#lead.start();
  }

  #let(): void {
    this.#turn += 1;
    this.#space.stop();
    this.#lead?.stop();
    this.#lead = undefined;
    if (!this.#isStopped) {
      this.#set({ is: "follower" });
    }
  }

  #set(state: EngineState): void {
    this.#state = state;
    this.#deps.onState(state);
    if (this.#lead !== undefined) {
      this.#deps.bus.post({ is: "beat", isVisible: this.#isVisible, state });
    }
  }

  #signal(signal: Signal): void {
    if (signal.is === "try") {
      this.tryNow();
      return;
    }
    const lead = this.#lead;
    if (lead === undefined) {
      return;
    }
    switch (signal.is) {
      case "changed":
        if (signal.topics.includes("outbox")) {
          lead.outboxChanged();
        }
        if (signal.topics.includes("marks")) {
          lead.marksChanged();
        }
        if (signal.topics.includes("rooms")) {
          // An import may have brought messages that no page of the search has.
          lead.pager.busy();
        }
        break;
      case "writing":
        lead.live.writing(signal.room, signal.active);
        break;
      case "watch":
        lead.live.watch(signal.tab, signal.users);
        break;
      default:
        break;
    }
  }
}
