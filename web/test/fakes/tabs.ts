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

  constructor(post: (from: FakeChannel, data: unknown) => void, closed: (channel: FakeChannel) => void) {
    this.#post = post;
    this.#closed = closed;
  }

  postMessage(data: unknown): void {
    this.#post(this, data);
  }

  close(): void {
    this.#closed(this);
  }
}

interface Request {
  work: () => Promise<void>;
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
  isLost: boolean;
}

/** Web Locks: one holder of a name, the others in a queue; a thief takes it at once. */
export class FakeLocks implements Locks {
  readonly #held = new Map<string, Request>();
  readonly #queues = new Map<string, Request[]>();

  request(
    name: string,
    { steal = false, signal }: { steal?: boolean; signal?: AbortSignal },
    work: () => Promise<void>,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const request: Request = { work, resolve, reject, isLost: false };
      const queue = this.#queues.get(name) ?? [];
      this.#queues.set(name, queue);
      signal?.addEventListener("abort", () => {
        if (queue.includes(request)) {
          queue.splice(queue.indexOf(request), 1);
          reject(new DOMException("given up", "AbortError"));
        }
      });
      if (steal) {
        const victim = this.#held.get(name);
        this.#held.delete(name);
        if (victim !== undefined) {
          victim.isLost = true;
          victim.reject(new DOMException("stolen", "AbortError"));
        }
        queue.unshift(request);
      } else {
        queue.push(request);
      }
      queueMicrotask(() => this.#next(name));
    });
  }

  #next(name: string): void {
    const request = this.#held.has(name) ? undefined : this.#queues.get(name)?.shift();
    if (request === undefined) {
      return;
    }
    this.#held.set(name, request);
    request.work().then(
      (value) => this.#done(name, request, () => request.resolve(value)),
      (error: Error) => this.#done(name, request, () => request.reject(error)),
    );
  }

  #done(name: string, request: Request, settle: () => void): void {
    if (!request.isLost) {
      this.#held.delete(name);
      settle();
      this.#next(name);
    }
  }
}
