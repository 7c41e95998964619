import { describe, expect, it } from "vitest";
import { VERSION_LOCK } from "../updates.ts";
import { isForNewest, NEWEST, PREFIX, pathOf } from "./version.ts";

const ORIGIN = "https://ferry.example";

describe("requests", () => {
  const of = {
    name: "1-one",
    first: { "/": "", "/icons/icon.svg": "" },
    later: { "/icons/note.png": "" },
    spoken: { ru: { "/icons/ru.svg": "" } },
    asked: {},
  };
  const request = (path: string, method = "GET") => ({ method, url: new URL(path, ORIGIN).href });

  it("for files of a page are answered", () => {
    expect(pathOf(request("/"), ORIGIN, of)).toBe("/");
    expect(pathOf(request("/#/room/x"), ORIGIN, of)).toBe("/");
    for (const path of [
      "/icons/icon.svg",
      "/icons/note.png",
      "/icons/ru.svg",
      "/assets/of-an-earlier-version.js",
    ]) {
      expect(pathOf(request(path), ORIGIN, of)).toBe(path);
    }
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

  it("for the newest page are told from those for the stored one", () => {
    expect(isForNewest(request(NEWEST), ORIGIN)).toBe(true);
    expect(isForNewest(request("/"), ORIGIN)).toBe(false);
    expect(isForNewest(request(NEWEST, "POST"), ORIGIN)).toBe(false);
    expect(isForNewest(request(`https://other.example${NEWEST}`), ORIGIN)).toBe(false);
  });
});

it("the lock of a page and the cache of its version have the same name", () => {
  expect(PREFIX).toBe(VERSION_LOCK);
});
