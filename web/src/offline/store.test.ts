import { describe, expect, it } from "vitest";
import {
  FIRST,
  installed,
  NOW,
  ORIGIN,
  SECOND,
  second,
  upgraded,
  version,
  World,
} from "../../test/fakes/page-store.ts";
import { fill, find, install, tidy } from "./store.ts";
import { FILLING } from "./version.ts";

describe("a version of the page", () => {
  it("52: is stored as a whole, and needs no network then", async () => {
    const { world, one } = await installed();
    world.relay = {};
    world.asked.length = 0;
    for (const [path, text] of Object.entries(FIRST)) {
      expect(await world.text(one, path)).toBe(text);
    }
    expect(world.asked).toEqual([]);
  });

  it("is not installed if one of its files is of another version", async () => {
    const { world, one } = await installed();
    world.relay = { ...SECOND, "/": FIRST["/"] };
    await expect(install(world.scope, await second(), NOW)).rejects.toThrow("/ is not of this version");
    const lacking = await version("3-three", { first: { "/": "", "/assets/gone.js": "" } });
    await expect(install(world.scope, lacking, NOW)).rejects.toThrow(
      "/assets/gone.js is not of this version",
    );
    world.relay = {};
    expect(await world.text(one, "/")).toBe(FIRST["/"]);
  });

  it("takes what did not change from the version before, and asks the relay for the rest", async () => {
    const { world } = await upgraded();
    expect(world.asked.filter((path) => path === "/assets/both.js")).toHaveLength(1);
    expect(world.asked.filter((path) => path === "/assets/a-2.js")).toHaveLength(1);
  });

  it("51: leaves an open page its own files, and they go when the page has gone", async () => {
    const { world, two } = await upgraded();
    world.shown = ["1-one"];
    await tidy(world.scope, two);
    expect(await world.text(two, "/assets/a-1.js")).toBe("first");
    expect(await world.text(two, "/")).toBe(SECOND["/"]);
    world.shown = ["2-two"];
    await tidy(world.scope, two);
    expect(world.versions).toEqual(["2-two"]);
    const gone = await find(world.scope, two, "/assets/a-1.js", new Request(`${ORIGIN}/assets/a-1.js`));
    expect(gone.status).toBe(404);
  });

  it("is not forgotten while a page starts that may be of it", async () => {
    const { world, two } = await upgraded();
    world.shown = ["2-two"];
    world.starting = 1;
    await tidy(world.scope, two);
    expect(world.versions).toEqual(["1-one", "2-two"]);
  });

  it("is not forgotten while it is filled", async () => {
    const { world, one } = await installed();
    world.shown = ["1-one"];
    const two = await second();
    const { fetch } = world.scope;
    world.relay = { ...SECOND };
    let tidied: Promise<void> | undefined;
    Object.assign(world.scope, {
      fetch: async (request: Request) => {
        if (new URL(request.url).pathname === "/") {
          // All else is there now.
          tidied = tidy(world.scope, one);
          await tidied;
        }
        return fetch.call(world.scope, request);
      },
    });
    await install(world.scope, two, NOW);
    expect(tidied).toBeDefined();
    expect(Object.keys(SECOND).filter((path) => !world.has(two, path))).toEqual([]);
    expect(world.filling.filter((name) => name.startsWith(FILLING))).toEqual([]);
  });
});

describe("what a start does not need", () => {
  const parts = {
    first: { "/": "a page" },
    later: { "/assets/backup.js": "backups" },
    ru: { "/assets/emoji-ru.js": "смайлики" },
    asked: { "/assets/qr.js": "squares" },
  };
  const all = { ...parts.first, ...parts.later, ...parts.ru, ...parts.asked };

  it("is stored once a page runs, in the languages of the browser", async () => {
    const world = new World();
    const of = await version("1-one", parts);
    world.relay = { ...all };
    await install(world.scope, of, NOW);
    expect(Object.keys(all).filter((path) => world.has(of, path))).toEqual(["/"]);
    await fill(world.scope, of);
    expect(Object.keys(all).filter((path) => world.has(of, path))).toEqual(["/", "/assets/backup.js"]);
    world.languages = ["de", "ru-RU"];
    await fill(world.scope, of);
    expect(world.has(of, "/assets/emoji-ru.js")).toBe(true);
  });

  it("is tried again after the relay was away, and what is there is not asked for again", async () => {
    const world = new World();
    const of = await version("1-one", parts);
    world.relay = { ...parts.first };
    await install(world.scope, of, NOW);
    await fill(world.scope, of);
    expect(world.has(of, "/assets/backup.js")).toBe(false);
    world.relay = { ...all };
    await fill(world.scope, of);
    await fill(world.scope, of);
    expect(world.asked.filter((path) => path === "/assets/backup.js")).toHaveLength(2);
    expect(world.asked.filter((path) => path === "/")).toHaveLength(1);
  });

  it("is stored when it was asked for, and only what is of this version", async () => {
    const world = new World();
    const of = await version("1-one", parts);
    world.relay = { ...all, "/assets/backup.js": "of another relay", "/assets/other.js": "other" };
    for (const path of ["/assets/qr.js", "/assets/backup.js", "/assets/other.js"]) {
      expect(await world.text(of, path)).toBe(world.relay[path]);
    }
    world.relay = {};
    expect(await world.text(of, "/assets/qr.js")).toBe("squares");
    expect(world.has(of, "/assets/backup.js") || world.has(of, "/assets/other.js")).toBe(false);
  });

  it("comes from the relay if the disk is full", async () => {
    const world = new World();
    const of = await version("1-one", parts);
    world.relay = { ...all };
    world.isFull = true;
    expect(await world.text(of, "/assets/qr.js")).toBe("squares");
  });
});
