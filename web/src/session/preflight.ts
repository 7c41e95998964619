/** Whether the page can work. It is asked before a login, which would leave a device behind. */

import { isQuota } from "../db/schema.ts";

export interface Grounds {
  /** Locks, storage and cookies need a secure context. */
  isSecure(): boolean;
  /** Opens and removes a database. Fails where storage is forbidden. */
  tryStorage(): Promise<void>;
  /** Writes a cookie, and returns whether it is there. */
  tryCookie(): boolean;
}

export type Obstacle = "insecure" | "storage" | "full" | "cookies";

/** Returns what stands in the way, or `undefined` if nothing does. */
export async function preflight(grounds: Grounds): Promise<Obstacle | undefined> {
  if (!grounds.isSecure()) {
    return "insecure";
  }
  try {
    await grounds.tryStorage();
  } catch (error) {
    // On a full disk, what is stored can be read, and a login could not be stored.
    return isQuota(error) ? "full" : "storage";
  }
  return grounds.tryCookie() ? undefined : "cookies";
}
