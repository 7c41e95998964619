/**
 * Refreshes the tokens. Only a window does this, with `keepalive`: the answer of a worker or of a
 * page that closes is lost, and its cookies with it.
 */

import { getMeta, noteExpiry } from "../db/meta.ts";
import type { Db } from "../db/schema.ts";
import type { Http } from "../wire/http.ts";
import { ask, expiry } from "../wire/lists.ts";
import type { Locks, Refreshed } from "./deps.ts";

export const LOCK = "ferry-refresh";
/** Two notes of one expiry differ by less: one is the relay's, and one was calculated here. */
const SAME = 1_000;

export interface RefreshDeps {
  http: Http;
  db: Db;
  locks: Locks;
  /** The clock of the device. */
  now(): number;
}

/**
 * Refreshes the tokens that expire at `expiresAt`, unless another tab has done so meanwhile.
 * `ended` means that the relay has rejected the login. No network is not that.
 */
export async function refreshTokens(deps: RefreshDeps, expiresAt: number): Promise<Refreshed> {
  let refreshed: Refreshed = "unreachable";
  try {
    // With two refreshes at once, one may use a token that the other has replaced.
    await deps.locks.request(LOCK, {}, async () => {
      refreshed = await refresh(deps, expiresAt);
    });
  } catch {
    // The store is closed: the page is about to go.
  }
  return refreshed;
}

async function refresh({ http, db, now }: RefreshDeps, expiresAt: number): Promise<Refreshed> {
  const known = (await getMeta(db, "accessExpiresAt")) ?? 0;
  if (known > expiresAt + SAME) {
    return "renewed";
  }
  const call = { method: "POST", path: "/v1/sessions/refresh", keepalive: true } as const;
  const result = await ask(http, call, expiry);
  if (result.ok) {
    const skew = (await getMeta(db, "skew")) ?? 0;
    await noteExpiry(db, now() - skew + result.value.expires_in * 1_000);
    return "renewed";
  }
  const { refusal } = result;
  return refusal.kind === "problem" && refusal.status === 401 ? "ended" : "unreachable";
}
