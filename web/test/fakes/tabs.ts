/** What tabs of a browser share: locks and channels. */
import type { Channel } from "../../src/db/changes.ts";
import type { Locks } from "../../src/engine/deps.ts";

/** Channels of one name. A message reaches all but the one that sent it. */
export class Channels {
  readonly #all = new Set<FakeChannel>();
  /** Loses everything while it is true, as a frozen tab would. */
  isDeaf = false;

  open(): Channel {
    const channel = new FakeChannel(
      (from, data) => {
        const copy: unknown = structuredClone(data);
        for (const other of this.#all) {
          if (other !== from && !this.isDeaf) {
            queueMicrotask(() => other.onmessage?.({ data: copy }));
          }
        }
      },
      (channel) => this.#all.delete(channel),
    );
    this.#all.add(channel);
    return channel;
  }
}

class FakeChannel implements Channel {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  readonly #post: (from: FakeChannel, data: unknown) => void;
  readonly #closed: (channel: FakeChannel) => void;
  #isClosed = false;

  constructor(post: (from: FakeChannel, data: unknown) => void, closed: (channel: FakeChannel) => void) {
    this.#post = post;
    this.#closed = closed;
  }

  postMessage(data: unknown): void {
    if (this.#isClosed) {
      throw new DOMException("the channel is closed", "InvalidStateError");
    }
    this.#post(this, data);
  }

  close(): void {
    this.#isClosed = true;
    this.#closed(this);
  }
}

interface Request {
  work: () => Promise<void>;
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
  isShared: boolean;
  isLost: boolean;
}

interface Options {
  steal?: boolean;
  signal?: AbortSignal;
  mode?: "shared";
}

/**
 * Web Locks: one holder of a name, or several that share it. The others wait in a queue; a thief
 * takes it at once.
 */
export class FakeLocks implements Locks {
  readonly #held = new Map<string, Set<Request>>();
  readonly #queues = new Map<string, Request[]>();
  readonly #late: (() => void)[] = [];
  #isSlow = false;

  /** While it is true, nobody hears that a lock was stolen. */
  set isSlow(isSlow: boolean) {
    this.#isSlow = isSlow;
    for (const tell of isSlow ? [] : this.#late.splice(0)) {
      tell();
    }
  }

  request(
    name: string,
    { steal = false, signal, mode }: Options,
    work: () => Promise<void>,
  ): Promise<unknown> {
    if (steal && (signal !== undefined || mode === "shared")) {
      return Promise.reject(new DOMException("who steals cannot wait or share", "NotSupportedError"));
    }
    return new Promise((resolve, reject) => {
      const request: Request = { work, resolve, reject, isShared: mode === "shared", isLost: false };
      const queue = this.#queues.get(name) ?? [];
      this.#queues.set(name, queue);
      signal?.addEventListener("abort", () => {
        if (queue.includes(request)) {
          queue.splice(queue.indexOf(request), 1);
          reject(new DOMException("given up", "AbortError"));
        }
      });
      if (steal) {
        for (const victim of this.#holders(name)) {
          victim.isLost = true;
          const tell = () => victim.reject(new DOMException("stolen", "AbortError"));
          this.#isSlow ? this.#late.push(tell) : tell();
        }
        this.#holders(name).clear();
        queue.unshift(request);
      } else {
        queue.push(request);
      }
      queueMicrotask(() => this.#next(name));
    });
  }

  #holders(name: string): Set<Request> {
    const held = this.#held.get(name) ?? new Set();
    this.#held.set(name, held);
    return held;
  }

  #next(name: string): void {
    const holders = this.#holders(name);
    const [first] = this.#queues.get(name) ?? [];
    const fits =
      holders.size === 0 || (first?.isShared === true && [...holders].every((one) => one.isShared));
    if (first === undefined || !fits) {
      return;
    }
    this.#queues.get(name)?.shift();
    holders.add(first);
    first.work().then(
      (value) => this.#done(name, first, () => first.resolve(value)),
      (error: Error) => this.#done(name, first, () => first.reject(error)),
    );
    this.#next(name);
  }

  #done(name: string, request: Request, settle: () => void): void {
    if (!request.isLost) {
      this.#holders(name).delete(request);
      settle();
      this.#next(name);
    }
  }
}
