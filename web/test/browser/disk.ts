/**
 * The disk under an engine. No script of a test runs in a worker by itself, so these change what
 * the worker of a page has, from then on.
 */
import type { Page, Worker } from "playwright-core";
import { until } from "./deadline.ts";

/** The worker of a page that has the engine. */
async function engineOf(page: Page): Promise<Worker> {
  return until("the page has an engine", () => page.workers()[0]);
}

/** From now on each write fails as it does where the disk is full. */
export async function fillDisk(page: Page): Promise<void> {
  await (await engineOf(page)).evaluate(() => {
    const { put, add } = IDBObjectStore.prototype;
    const full = () => {
      throw new DOMException("the disk of this test is full", "QuotaExceededError");
    };
    Object.assign(globalThis, { empty: () => Object.assign(IDBObjectStore.prototype, { put, add }) });
    Object.assign(IDBObjectStore.prototype, { put: full, add: full });
  });
}

export async function emptyDisk(page: Page): Promise<void> {
  await (await engineOf(page)).evaluate(() => (globalThis as unknown as { empty(): void }).empty());
}

/** From now on each transaction that writes takes so long at least. */
export async function slowDisk(page: Page, milliseconds: number): Promise<void> {
  await (await engineOf(page)).evaluate((least) => {
    const { transaction } = IDBDatabase.prototype;
    IDBDatabase.prototype.transaction = function (...values: Parameters<typeof transaction>) {
      const tx = transaction.apply(this, values);
      const [name] = tx.objectStoreNames;
      if (tx.mode === "readwrite" && name !== undefined) {
        const end = performance.now() + least;
        // A transaction goes on for as long as something is asked of it.
        const ask = () => {
          if (performance.now() < end) {
            tx.objectStore(name).count().onsuccess = ask;
          }
        };
        ask();
      }
      return tx;
    };
  }, milliseconds);
}
