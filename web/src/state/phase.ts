/** What a page shows of a login that does not go on. */
import type { AccountRow } from "../db/accounts.ts";
import { isQuota, Outdated } from "../db/schema.ts";
import type { Phase } from "./model.ts";

/** Returns the phase after a login that has ended, or without one. */
export function phaseWithout(row: AccountRow | undefined): Phase {
  if (row === undefined) {
    return { is: "signed_out" };
  }
  const { username, ended } = row;
  return ended === "logout" || ended === undefined
    ? { is: "signed_out", lastUsername: username }
    : { is: "logged_out", username, why: ended };
}

/** Returns the phase after the store could not be opened. */
export function phaseOfFault(error: unknown): Phase {
  if (error instanceof Outdated) {
    return { is: "reload" };
  }
  return { is: "blocked", why: isQuota(error) ? "full" : "storage" };
}

/** After this time the relay is asked again whose the cookies are, in milliseconds. */
export const ASKED_AGAIN = 10_000;

/** A store that the browser closes more often within the time is not opened again. */
const LOST_MAX = 3;
const LOST_WITHIN = 60_000;

/** When the browser has closed the store by itself. */
export class Losses {
  #times: number[] = [];

  /** Notes a loss. Returns false if there were too many to try again. */
  note(now: number): boolean {
    this.#times = [...this.#times.filter((at) => now - at < LOST_WITHIN), now];
    return this.#times.length <= LOST_MAX;
  }
}
