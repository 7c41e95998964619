/** Work that is done one after the other, whoever asks for it. */
import { quietly } from "../core/quietly.ts";

export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Does something when it is its turn, and returns what came of it. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const its = this.#last.then(work);
    this.#last = its.catch(() => undefined);
    return its;
  }

  /** Does the same for nobody. If it fails, the store is closed, and nothing is to do. */
  soon(work: () => Promise<unknown>): void {
    quietly(this.take(work));
  }
}
