import { describe, expect, it } from "vitest";
import { VERSION_LOCK } from "../updates.ts";
import type { Scope } from "./scope.ts";
import { find, install, PREFIX, pathOf, tidy, type Version } from "./version.ts";

const ORIGIN = "https://ferry.example";
/** The digest of a text, as the build writes it. */
async function digest(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Buffer.from(bytes).toString("hex").slice(0, 32);
}

async function version(name: string, files: Record<string, string>): Promise<Version> {
  const entries = await Promise.all(
    Object.entries(files).map(async ([path, text]) => [path, await digest(text)]),
  );
  return { name, files: Object.fromEntries(entries) };
}

/** The caches of a browser, a relay with files, and the locks of open pages. */
class World {
  readonly stored = new Map<string, Map<string, string>>();
  readonly relay = new Map<string, string>();
  shown: string[] = [];
  readonly asked: string[] = [];

  readonly scope = {
    location: { origin: ORIGIN },
    crypto,
    navigator: {
      locks: { query: async () => ({ held: this.shown.map((name) => ({ name })), pending: [] }) },
    },
    fetch: async (request: Request) => {
      const path = new URL(request.url).pathname;
      this.asked.push(path);
      const text = this.relay.get(path);
      return text === undefined ? new Response("", { status: 404 }) : new Response(text);
    },
    caches: {
      keys: async () => [...this.stored.keys()],
      delete: async (name: string) => this.stored.delete(name),
      open: async (name: string) => {
        const cache = this.stored.get(name) ?? new Map<string, string>();
        this.stored.set(name, cache);
        return { put: async (path: string, answer: Response) => cache.set(path, await answer.text()) };
      },
      match: async (path: string, { cacheName }: { cacheName: string }) => {
        const text = this.stored.get(cacheName)?.get(path);
        return text === undefined ? undefined : new Response(text);
      },
    },
  } as unknown as Scope;

  async text(of: Version, path: string): Promise<string> {
    return (await find(this.scope, of, path, new Request(ORIGIN + path))).text();
  }
}

const FIRST = { "/": "first page", "/assets/a-1.js": "first", "/icons/icon.svg": "icon" };
const SECOND = { "/": "second page", "/assets/a-2.js": "second", "/icons/icon.svg": "icon" };

async function installed(): Promise<{ world: World; first: Version }> {
  const world = new World();
  const first = await version("one", FIRST);
  for (const [path, text] of Object.entries(FIRST)) {
    world.relay.set(path, text);
  }
  await install(world.scope, first);
  return { world, first };
}

describe("a version of the page", () => {
  it("52: is stored as a whole, and needs no network then", async () => {
    const { world, first } = await installed();
    world.relay.clear();
    world.asked.length = 0;
    for (const [path, text] of Object.entries(FIRST)) {
      expect(await world.text(first, path)).toBe(text);
    }
    expect(world.asked).toEqual([]);
  });

  it("is kept by the lock that its page holds", () => {
    expect(PREFIX).toBe(VERSION_LOCK);
  });

  it("is not installed if one of its files is of another version", async () => {
    const { world } = await installed();
    world.relay.set("/assets/a-2.js", SECOND["/assets/a-2.js"]);
    const second = await version("two", SECOND);
    await expect(install(world.scope, second)).rejects.toThrow("/ is not of this version");
    await expect(install(world.scope, await version("three", { "/assets/gone.js": "" }))).rejects.toThrow();
  });

  it("51: leaves an open page its own files, and they go when the page has gone", async () => {
    const { world } = await installed();
    world.shown = ["ferry-page-one", "ferry-engine"];
    world.relay.clear();
    for (const [path, text] of Object.entries(SECOND)) {
      world.relay.set(path, text);
    }
    const second = await version("two", SECOND);
    await install(world.scope, second);
    await tidy(world.scope, second);
    expect(await world.text(second, "/assets/a-1.js")).toBe("first");
    expect(await world.text(second, "/")).toBe("second page");
    world.shown = ["ferry-page-two"];
    await tidy(world.scope, second);
    expect([...world.stored.keys()]).toEqual(["ferry-page-two"]);
    expect(
      (await find(world.scope, second, "/assets/a-1.js", new Request(`${ORIGIN}/assets/a-1.js`))).status,
    ).toBe(404);
  });
});

describe("requests", () => {
  const of = { name: "one", files: { "/": "", "/icons/icon.svg": "" } };
  const request = (path: string, method = "GET") => ({ method, url: new URL(path, ORIGIN).href });

  it("for files of a page are answered", () => {
    expect(pathOf(request("/"), ORIGIN, of)).toBe("/");
    expect(pathOf(request("/#/room/x"), ORIGIN, of)).toBe("/");
    expect(pathOf(request("/icons/icon.svg"), ORIGIN, of)).toBe("/icons/icon.svg");
    expect(pathOf(request("/assets/of-an-earlier-version.js"), ORIGIN, of)).toBe(
      "/assets/of-an-earlier-version.js",
    );
  });

  it("for anything else go past the service worker", () => {
    for (const path of [
      "/v1/me",
      "/v1/socket",
      "/v1/",
      "/sw.js",
      "/docs",
      "/metrics",
      "/toString",
      "https://other.example/",
    ]) {
      expect(pathOf(request(path), ORIGIN, of)).toBeUndefined();
    }
    for (const method of ["POST", "PUT", "DELETE", "HEAD"]) {
      expect(pathOf(request("/", method), ORIGIN, of)).toBeUndefined();
    }
  });
});
