/** The caches of a browser, relays with pages, and two versions of a page. */
import type { Scope } from "../../src/offline/scope.ts";
import { find, install } from "../../src/offline/store.ts";
import { type Files, PREFIX, type Version } from "../../src/offline/version.ts";

export const ORIGIN = "https://ferry.example";
export const NOW = 1_796_000_000_000;
/** Digests as the build writes them. */
async function digests(files: Record<string, string>): Promise<Files> {
  const rows = Object.entries(files).map(async ([path, text]) => {
    const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    return [path, Buffer.from(bytes).toString("hex").slice(0, 32)];
  });
  return Object.fromEntries(await Promise.all(rows));
}

interface Parts {
  first: Record<string, string>;
  later?: Record<string, string>;
  ru?: Record<string, string>;
  asked?: Record<string, string>;
}

export async function version(
  name: string,
  { first, later = {}, ru = {}, asked = {} }: Parts,
): Promise<Version> {
  const of = { first: await digests(first), later: await digests(later), asked: await digests(asked) };
  return { name, ...of, spoken: { ru: await digests(ru) } };
}

/** The caches of a browser, relays with files, and who holds which lock. */
export class World {
  readonly stored = new Map<string, Map<string, string>>();
  relay: Record<string, string> = {};
  /** The versions that open pages show. */
  shown: string[] = [];
  /** Pages that have not started yet. */
  starting = 0;
  languages = ["en-GB", "en"];
  readonly filling: string[] = [];
  readonly asked: string[] = [];
  isFull = false;

  readonly scope = {
    location: { origin: ORIGIN },
    crypto,
    navigator: {
      locks: {
        query: async () => ({
          held: [
            ...this.shown.map((name) => ({ name: PREFIX + name })),
            ...this.filling.map((name) => ({ name })),
          ],
          pending: [],
        }),
        request: async (name: string, _: unknown, work: () => Promise<void>) => {
          this.filling.push(name);
          await work().finally(() => this.filling.splice(this.filling.indexOf(name), 1));
        },
      },
    },
    clients: {
      matchAll: async () =>
        [...this.shown, ...Array(this.starting)]
          .map(() => ({ url: `${ORIGIN}/#/x` }))
          .concat({ url: `${ORIGIN}/docs` }),
    },
    fetch: async (request: Request) => {
      const path = new URL(request.url).pathname;
      this.asked.push(path);
      const text = this.relay[path];
      return text === undefined ? new Response("", { status: 404 }) : new Response(text);
    },
    caches: {
      keys: async () => [...this.stored.keys()],
      delete: async (name: string) => this.stored.delete(name),
      open: async (name: string) => {
        const cache = this.stored.get(name) ?? new Map<string, string>();
        this.stored.set(name, cache);
        return {
          put: async (path: string, answer: Response) => {
            if (this.isFull) {
              throw new DOMException("full", "QuotaExceededError");
            }
            cache.set(path, await answer.text());
          },
          match: async (path: string) => (cache.has(path) ? new Response(cache.get(path)) : undefined),
          delete: async (path: string) => cache.delete(path),
        };
      },
      match: async (path: string, { cacheName }: { cacheName: string }) => {
        const text = this.stored.get(cacheName)?.get(path);
        return text === undefined ? undefined : new Response(text);
      },
    },
  } as unknown as Scope;

  constructor() {
    Object.defineProperty(this.scope.navigator, "languages", { get: () => this.languages });
  }

  async text(of: Version, path: string): Promise<string> {
    return (await find(this.scope, of, path, new Request(ORIGIN + path))).text();
  }

  get versions(): string[] {
    return [...this.stored.keys()].map((name) => name.slice(PREFIX.length)).sort();
  }

  has(of: Version, path: string): boolean {
    return this.stored.get(PREFIX + of.name)?.has(path) === true;
  }
}

const page = (name: string) => `<meta name="ferry-version" content="${name}"> a page`;
export const FIRST = {
  "/": page("1-one"),
  "/assets/a-1.js": "first",
  "/assets/both.js": "both",
  "/icons/icon.svg": "icon",
};
export const SECOND = {
  "/": page("2-two"),
  "/assets/a-2.js": "second",
  "/assets/both.js": "both",
  "/icons/icon.svg": "icon",
};
export const first = () => version("1-one", { first: FIRST });
export const second = () => version("2-two", { first: SECOND });

export async function installed(): Promise<{ world: World; one: Version }> {
  const world = new World();
  const one = await first();
  world.relay = { ...FIRST };
  await install(world.scope, one, NOW);
  return { world, one };
}

/** A browser with the newer of two versions. */
export async function upgraded(): Promise<{ world: World; one: Version; two: Version }> {
  const { world, one } = await installed();
  const two = await second();
  world.relay = { ...SECOND };
  await install(world.scope, two, NOW);
  return { world, one, two };
}
