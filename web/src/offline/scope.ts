/**
 * What the service worker uses of its global scope. TypeScript has either the names of a page or
 * those of a worker, and the rest of the program needs the first.
 */

export interface Work {
  waitUntil(work: Promise<unknown>): void;
}

export interface Asked extends Work {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}

export interface Told extends Work {
  readonly data: unknown;
  readonly ports: readonly MessagePort[];
}

export interface Clicked extends Work {
  readonly notification: Pick<Notification, "close" | "data">;
}

export interface Tab {
  readonly url: string;
  readonly focused: boolean;
  readonly visibilityState: DocumentVisibilityState;
  focus(): Promise<unknown>;
  postMessage(message: unknown): void;
}

export interface Tabs {
  claim(): Promise<void>;
  matchAll(which: { type: "window"; includeUncontrolled: true }): Promise<readonly Tab[]>;
  openWindow(address: string): Promise<unknown>;
}

export interface Scope {
  readonly caches: CacheStorage;
  readonly clients: Tabs;
  readonly location: { readonly origin: string };
  readonly navigator: {
    readonly languages: readonly string[];
    readonly locks?: {
      query(): Promise<LockManagerSnapshot>;
      request(name: string, how: { mode: "shared" }, work: () => Promise<void>): Promise<unknown>;
    };
  };
  readonly crypto: Pick<Crypto, "subtle">;
  fetch(request: Request): Promise<Response>;
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", listener: (event: Work) => void): void;
  addEventListener(type: "fetch", listener: (event: Asked) => void): void;
  addEventListener(type: "message", listener: (event: Told) => void): void;
  addEventListener(type: "notificationclick", listener: (event: Clicked) => void): void;
}
