/** Why a connection has ended for good, and whether the login has. */
import type { Finality } from "../core/closing.ts";
import type { EndedWhy } from "../db/changes.ts";
import type { Http } from "../wire/http.ts";

export type Ending = Finality | "expired" | "other_login";

export type LoggedIn = { is: "yes" | "no" | "unreachable" } | { is: "wait"; wait: number };

const REASONS: Record<Ending, EndedWhy> = {
  logged_out: "elsewhere",
  account_gone: "account_deleted",
  // The engine has the lock, so the newer connection is not one of its tabs.
  replaced: "used_twice",
  expired: "expired",
  version: "refused",
  refused: "refused",
  other_login: "other_login",
};

export function reasonOf(ending: Ending): EndedWhy {
  return REASONS[ending];
}

/**
 * Asks whether the login is good. Only a 401 of the relay says that it is not. `wait` is how long
 * the relay, or what stands before it, wants to be left alone, in milliseconds.
 */
export async function isLoggedIn(http: Http): Promise<LoggedIn> {
  const answer = await http.call({ method: "GET", path: "/v1/me" });
  if (answer.kind === "ok") {
    return { is: "yes" };
  }
  if (answer.kind === "problem" && answer.status === 401) {
    return { is: "no" };
  }
  const { retryAfter: wait } = answer.kind === "unreachable" ? { retryAfter: undefined } : answer;
  return wait === undefined ? { is: "unreachable" } : { is: "wait", wait };
}
