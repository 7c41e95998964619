/** An engine and its store: opens the store, and says what is wrong if that fails. */
import { quietly } from "../core/quietly.ts";
import { type Db, isQuota, Outdated, openDb } from "../db/schema.ts";
import { Engine, type EngineDeps } from "./engine.ts";
import { LOOK } from "./space.ts";

export class EngineRun {
  readonly #deps: Omit<EngineDeps, "db">;
  #engine: Engine | undefined;
  #db: Db | undefined;
  #isVisible: boolean;
  #isStopped = false;
  #timer: unknown;
  #isOpening = false;

  constructor(deps: Omit<EngineDeps, "db">) {
    this.#deps = deps;
    this.#isVisible = deps.isVisible;
  }

  /** Opens the store and starts the engine. On a full disk it tries again until there is room. */
  async start(): Promise<void> {
    if (this.#isOpening || this.#isStopped || this.#engine !== undefined) {
      return;
    }
    this.#isOpening = true;
    const { self, timers, onState } = this.#deps;
    try {
      const db = await openDb(self.user, {
        onOutdated: () => onState({ is: "outdated" }),
        onLost: () => onState({ is: "store_lost" }),
      });
      if (this.#isStopped) {
        db.close();
        return;
      }
      this.#db = db;
      // The tab may have been hidden or shown meanwhile.
      this.#engine = new Engine({ ...this.#deps, db, isVisible: this.#isVisible });
      this.#engine.start();
    } catch (error) {
      if (this.#isStopped) {
        return;
      }
      if (isQuota(error)) {
        onState({ is: "storage_full" });
        this.#timer = timers.set(() => quietly(this.start()), LOOK);
      } else {
        onState({ is: error instanceof Outdated ? "outdated" : "store_lost" });
      }
    } finally {
      this.#isOpening = false;
    }
  }

  visibility(isVisible: boolean): void {
    this.#isVisible = isVisible;
    this.#engine?.visibility(isVisible);
  }

  tryNow(): void {
    this.#engine?.tryNow();
  }

  stop(): void {
    this.#isStopped = true;
    this.#deps.timers.clear(this.#timer);
    this.#engine?.stop();
    this.#deps.bus.close();
    this.#db?.close();
  }
}
