/** What a browser has stored of its user. Read from the disk, not from the page. */
import type { Page } from "playwright-core";
import type { Slot } from "../../src/core/slot.ts";

/** Returns the id of the user who is logged in here. */
export function userOf(page: Page): Promise<string> {
  return page.evaluate(async () => (await (await fetch("/v1/me")).json()).user.id as string);
}

export interface Stored {
  id: string;
  user: string;
  body: unknown;
  slot: Slot;
}

/** Returns every message of a room, in its order. */
export function storedMessages(page: Page, user: string, room: string): Promise<Stored[]> {
  return page.evaluate(
    async ([me, id]) => {
      const wait = <T>(request: IDBRequest<T>) =>
        new Promise<T>((resolve, reject) => {
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
      const db = await wait(indexedDB.open(`ferry-${me}`));
      const place = db.transaction("messages").objectStore("messages").index("place");
      const rows = await wait(place.getAll(IDBKeyRange.bound([id], [id, []])));
      db.close();
      return rows.map(({ id, user, slot }) => ({
        id,
        user,
        body: slot.message?.body ?? null,
        slot,
      }));
    },
    [user, room] as const,
  );
}

/** The room that a page shows. */
export function roomOf(page: Page): string {
  return /#\/room\/([^/]+)/.exec(page.url())?.[1] ?? "";
}
