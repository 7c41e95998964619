/** Intents of the user who is logged in. */
import type { Answer } from "./answer.ts";
import type { Home } from "./env.ts";
import { attemptAnswer } from "./failure.ts";
import type { Mirror } from "./mirror.ts";
import { problem } from "./problems.ts";

export type ForUser = <T>(work: (home: Home) => Answer<T>) => Answer<T>;

/**
 * Returns what runs an intent at the login that is shown. It never fails: without a login, and
 * after an error of the store, the answer is a problem.
 */
export function forUser(mirror: Mirror): ForUser {
  return async (work) => {
    const home = mirror.home.peek();
    if (home === undefined) {
      return { ok: false, problem: problem("unauthorized") };
    }
    return await attemptAnswer(() => work(home));
  };
}
