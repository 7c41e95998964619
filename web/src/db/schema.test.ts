import "fake-indexeddb/auto";
import { afterEach, expect, it, vi } from "vitest";
import { BOB, ME } from "../../test/fakes/ids.ts";
import { getMeta, nextGeneration, noteExpiry, setMeta } from "./meta.ts";
import { putRooms } from "./rooms.ts";
import {
  type Db,
  eraseDb,
  Fenced,
  fenced,
  isQuota,
  nameOf,
  Outdated,
  openDb,
  VERSION,
  write,
} from "./schema.ts";

const open: Db[] = [];
async function opened(user: string, onOutdated = () => {}, version = VERSION) {
  const db = await openDb(user, { onOutdated }, version);
  open.push(db);
  return db;
}

afterEach(async () => {
  vi.restoreAllMocks();
  for (const db of open.splice(0)) {
    db.close();
  }
  await eraseDb(ME);
  await eraseDb(BOB);
});

it("F13: an old page lets a newer one change the store, and is told to reload", async () => {
  const outdated = vi.fn();
  await opened(ME, outdated);
  await opened(ME, () => {}, VERSION + 1);
  expect(outdated).toHaveBeenCalledOnce();
  await expect(openDb(ME, { onOutdated: outdated })).rejects.toBeInstanceOf(Outdated);
});

it("47: another user has another store, and one is kept while the other is erased", async () => {
  const [mine, bobs] = [await opened(ME), await opened(BOB)];
  await setMeta(mine, "exportedAt", 1);
  expect(await getMeta(bobs, "exportedAt")).toBeUndefined();
  bobs.close();
  await eraseDb(BOB);
  expect(await getMeta(mine, "exportedAt")).toBe(1);
});

it("F13: a store of the first version is brought up to this one, with what is in it", async () => {
  await new Promise<void>((resolve, reject) => {
    const request = indexedDB.open(nameOf(ME), 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("later", { autoIncrement: true }).put({ text: "kept" });
    };
    request.onsuccess = () => {
      request.result.close();
      resolve();
    };
    request.onerror = () => reject(request.error);
  });
  const db = await opened(ME);
  expect((await db.getAll("later")).map(({ text }) => text)).toEqual(["kept"]);
  expect(await db.countFromIndex("later", "of")).toBe(0);
});

it("stores all of a transaction or nothing", async () => {
  const db = await opened(ME);
  await expect(
    write(db, ["meta"], async (tx) => {
      await tx.objectStore("meta").put(1, "drainedAt");
      throw new Error("no");
    }),
  ).rejects.toThrow("no");
  expect(await getMeta(db, "drainedAt")).toBeUndefined();
});

it("tells a full disk from other faults", async () => {
  const db = await opened(ME);
  vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(() => {
    throw new DOMException("full", "QuotaExceededError");
  });
  const error = await setMeta(db, "drainedAt", 1).catch((error: unknown) => error);
  expect(isQuota(error)).toBe(true);
  expect(isQuota(new Error("other"))).toBe(false);
});

it("lets only the engine of the newest generation write", async () => {
  const db = await opened(ME);
  const [first, second] = [await nextGeneration(db), await nextGeneration(db)];
  expect(second).toBeGreaterThan(first);
  await expect(setMeta(fenced(db, first), "drainedAt", 1)).rejects.toBeInstanceOf(Fenced);
  await expect(putRooms(fenced(db, first), [], 1)).rejects.toBeInstanceOf(Fenced);
  expect(await getMeta(db, "drainedAt")).toBeUndefined();
  await setMeta(fenced(db, second), "drainedAt", 2);
  expect(await getMeta(db, "drainedAt")).toBe(2);
});

it("keeps the later expiry of two", async () => {
  const db = await opened(ME);
  await noteExpiry(db, 20);
  await noteExpiry(db, 10);
  expect(await getMeta(db, "accessExpiresAt")).toBe(20);
});
