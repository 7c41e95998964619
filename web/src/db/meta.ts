/** Single values of a store, and the fence between two engines. */
import type { Coverage } from "../core/coverage.ts";
import type { Id } from "../core/id.ts";
import type { Db, Rw } from "./schema.ts";
import { write } from "./schema.ts";

export interface MeRow {
  id: Id;
  username: string;
  displayName?: string;
  about?: string;
  avatar?: string;
  email?: string;
}

export interface SettingsRow {
  direct: "anybody" | "friends";
  add: "anybody" | "friends";
  receipts: boolean;
  presence: boolean;
  findable: boolean;
}

export interface Meta {
  /** Which engine may write: a later one makes it greater. */
  generation: number;
  /** When the access token expires, by the relay's clock. */
  accessExpiresAt: number;
  me: MeRow;
  settings: SettingsRow;
  /** When everything that waited had come last, by the clock of this device. */
  drainedAt: number;
  /** How far this device's clock is ahead of the relay's, in milliseconds. */
  skew: number;
  /** The largest frame that the relay takes. */
  frameLimit: number;
  /** For which times something may be missing. */
  coverage: Coverage;
  /** The number of the last batch that was stored. */
  batches: number;
  unreadNotices: number;
  exportedAt: number;
  /** Since when this store exists. */
  since: number;
}

export async function getMeta<K extends keyof Meta>(db: Db, key: K): Promise<Meta[K] | undefined> {
  return (await db.get("meta", key)) as Meta[K] | undefined;
}

export async function setMeta<K extends keyof Meta>(db: Db, key: K, value: Meta[K]): Promise<void> {
  await write(db, ["meta"], async (tx) => {
    await tx.objectStore("meta").put(value, key);
  });
}

export async function metaIn<K extends keyof Meta>(tx: Rw, key: K): Promise<Meta[K] | undefined> {
  return (await tx.objectStore("meta").get(key)) as Meta[K] | undefined;
}

/** Notes when the access token expires. It only grows, so of two answers the later one counts. */
export async function noteExpiry(db: Db, at: number): Promise<void> {
  await write(db, ["meta"], (tx) => noteExpiryIn(tx, at));
}

export async function noteExpiryIn(tx: Rw, at: number): Promise<void> {
  const known = await metaIn(tx, "accessExpiresAt");
  if (known === undefined || at > known) {
    await tx.objectStore("meta").put(at, "accessExpiresAt");
  }
}

/** The key of what is written to see whether the disk has room. */
export const PROBE = "probe";

/** Returns the number of the next batch. */
export async function nextBatch(tx: Rw): Promise<number> {
  const n = ((await metaIn(tx, "batches")) ?? 0) + 1;
  await tx.objectStore("meta").put(n, "batches");
  return n;
}

/** Begins a generation: all engines before can write no more. */
export async function nextGeneration(db: Db): Promise<number> {
  return await write(db, ["meta"], async (tx) => {
    const generation = ((await metaIn(tx, "generation")) ?? 0) + 1;
    await tx.objectStore("meta").put(generation, "generation");
    // An engine that died while it looked for room has left it.
    await tx.objectStore("meta").delete(PROBE);
    return generation;
  });
}
