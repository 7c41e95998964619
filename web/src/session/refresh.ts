/**
 * Refreshes the tokens. Only a window does this, with `keepalive`: the answer of a worker or of a
 * page that closes is lost, and its cookies with it.
 */

import { getMeta, noteExpiry } from "../db/meta.ts";
import type { Db } from "../db/schema.ts";
import type { Answer, Http } from "../wire/http.ts";
import { ask, expiry } from "../wire/lists.ts";
import { attempt } from "../wire/shape.ts";
import type { Locks, Refreshed } from "./deps.ts";

/** Whoever changes the cookies holds it. All users of a browser share it, as their cookies. */
export const COOKIE_LOCK = "ferry-refresh";
/** Two notes of one expiry differ by less: one is the relay's, and one was calculated here. */
const SAME = 1_000;

export interface RefreshDeps {
  http: Http;
  /** The store of the login. What is noted in it is about this user alone. */
  db: Db;
  locks: Locks;
  /** The clock of the device. */
  now(): number;
  /** Returns whether the cookies are still those of the login. */
  isOwn(): Promise<boolean>;
}

/**
 * Refreshes the tokens that expire at `expiresAt`, unless another tab has done so meanwhile.
 * `ended` means that the relay has rejected the login. No network is not that.
 */
export async function refreshTokens(deps: RefreshDeps, expiresAt: number): Promise<Refreshed> {
  // With two refreshes at once, one may use a token that the other has replaced.
  return await exclusively(deps.locks, () => refresh(deps, expiresAt)).catch(() => "unreachable");
}

/**
 * Makes a call whose answer changes the cookies, while nobody else does: a refresh that is under
 * way would bring back cookies that the call has made worthless.
 */
export async function callForTokens(deps: RefreshDeps, call: () => Promise<Answer>): Promise<Answer> {
  return await exclusively(deps.locks, async () => {
    let answer = await call();
    const isExpired = answer.kind === "problem" && answer.problem.code === "unauthorized";
    const known = isExpired ? await expiryIn(deps.db) : 0;
    if (isExpired && (await refresh(deps, known)) === "renewed") {
      answer = await call();
    }
    const { value } = answer.kind === "ok" ? answer : { value: undefined };
    const fresh = attempt(() => expiry(value));
    if (fresh !== undefined) {
      await note(deps, fresh.expires_in);
    }
    return answer;
  });
}

/** Runs `work` while no tab of this browser changes the cookies in another way. */
export async function exclusively<T>(locks: Locks, work: () => Promise<T>): Promise<T> {
  let done: { value: T } | undefined;
  await locks.request(COOKIE_LOCK, {}, async () => {
    done = { value: await work() };
  });
  if (done === undefined) {
    throw new Error("the lock was not granted");
  }
  return done.value;
}

async function refresh(deps: RefreshDeps, expiresAt: number): Promise<Refreshed> {
  // Somebody else's tokens are none of this login's business.
  if (!(await deps.isOwn())) {
    return "unreachable";
  }
  if ((await expiryIn(deps.db)) > expiresAt + SAME) {
    return "renewed";
  }
  const call = { method: "POST", path: "/v1/sessions/refresh", keepalive: true } as const;
  const result = await ask(deps.http, call, expiry);
  if (result.ok) {
    await note(deps, result.value.expires_in);
    return "renewed";
  }
  const { refusal } = result;
  return refusal.kind === "problem" && refusal.status === 401 ? "ended" : "unreachable";
}

async function expiryIn(db: Db): Promise<number> {
  // In a store that cannot be read nothing is noted.
  return (await getMeta(db, "accessExpiresAt").catch(() => undefined)) ?? 0;
}

/** Notes when new tokens expire, so that other tabs do not refresh too. */
async function note({ db, now }: RefreshDeps, expiresIn: number): Promise<void> {
  try {
    const skew = (await getMeta(db, "skew")) ?? 0;
    await noteExpiry(db, now() - skew + expiresIn * 1_000);
  } catch {
    // The cookies are there also if the disk is full. Another tab then refreshes once more.
  }
}
