/** What a relay without the web client serves as its service worker. */
import { readFileSync } from "node:fs";
import { createContext, runInContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { PREFIX } from "../src/offline/version.ts";

const SOURCE = readFileSync(new URL("../../src/http/farewell.js", import.meta.url), "utf8");
const ORIGIN = "https://ferry.example";

interface Event {
  waitUntil(work: Promise<unknown>): void;
  respondWith(answer: Promise<unknown>): void;
  request?: { url: string; method: string; mode: string };
}

/** A browser in which the service worker has replaced that of the client. */
class World {
  readonly caches = new Map([
    [`${PREFIX}1-one`, "files"],
    ["of-somebody-else", "files"],
  ]);
  locks = [`${PREFIX}1-one`];
  isRegistered = true;
  readonly #listeners = new Map<string, (event: Event) => void>();

  constructor() {
    const scope = {
      URL,
      location: { origin: ORIGIN },
      navigator: { locks: { query: async () => ({ held: this.locks.map((name) => ({ name })) }) } },
      caches: {
        keys: async () => [...this.caches.keys()],
        delete: async (name: string) => this.caches.delete(name),
        match: async (path: string) => (path.includes("known") ? "stored" : undefined),
      },
      fetch: async () => "of the relay",
      registration: {
        unregister: async () => {
          this.isRegistered = false;
        },
      },
      skipWaiting: () => undefined,
      addEventListener: (name: string, listener: (event: Event) => void) =>
        this.#listeners.set(name, listener),
    };
    runInContext(SOURCE, createContext(scope));
  }

  /** Returns what the worker answers, once it has done all its work. */
  async happens(name: string, request?: Event["request"]): Promise<unknown> {
    const work: Promise<unknown>[] = [];
    let answer: Promise<unknown> | undefined;
    const event: Event = {
      waitUntil: (its) => work.push(its),
      respondWith: (its) => {
        answer = its;
      },
    };
    this.#listeners.get(name)?.(request === undefined ? event : { ...event, request });
    await Promise.all(work);
    return answer;
  }

  asks(path: string, mode = "cors", method = "GET"): Promise<unknown> {
    return this.happens("fetch", { url: new URL(path, ORIGIN).href, mode, method });
  }
}

describe("51: without the web client, a service worker", () => {
  it("leaves an open page alone, and its files stay", async () => {
    const world = new World();
    await world.happens("install");
    await world.happens("activate");
    expect([world.isRegistered, world.caches.size]).toEqual([true, 2]);
    expect(await world.asks("/assets/known.js")).toBe("stored");
    expect(await world.asks("/assets/other.js")).toBe("of the relay");
  });

  it("removes the files and itself once no page is open", async () => {
    const world = new World();
    await world.happens("activate");
    world.locks = [];
    expect(await world.asks("/", "navigate")).toBeUndefined();
    expect([world.isRegistered, [...world.caches.keys()]]).toEqual([false, ["of-somebody-else"]]);
  });

  it("removes them at once if no page was open", async () => {
    const world = new World();
    world.locks = ["ferry-engine-x"];
    await world.happens("activate");
    expect([world.isRegistered, world.caches.size]).toEqual([false, 1]);
  });

  it("lets everything else pass", async () => {
    const world = new World();
    for (const [path, method] of [
      ["/v1/me", "GET"],
      ["/assets/known.js", "POST"],
      ["https://other.example/assets/known.js", "GET"],
    ] as const) {
      expect(await world.asks(path, "cors", method)).toBeUndefined();
    }
    expect(SOURCE).not.toMatch(/navigate\(|reload/);
  });
});
