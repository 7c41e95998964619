/** What a closed socket means. Clients act on the number, and never on the text beside it. */

/** Why a socket closed for good. */
export type Finality = "logged_out" | "replaced" | "account_gone" | "version" | "refused";

export type Closing = { reconnect: true; needsToken: boolean } | { reconnect: false; why: Finality };

/**
 * Returns what to do after a close. Numbers from 4500 to 4999 end it; after all others connect
 * again with jitter. A browser shows 1006 for a refused upgrade too: ask `GET /v1/me` then.
 */
export function closing(code: number): Closing {
  if (code < 4500 || code > 4999) {
    return { reconnect: true, needsToken: code === 4003 };
  }
  return { reconnect: false, why: FINAL[code] ?? "refused" };
}

const FINAL: Record<number, Finality> = {
  4500: "version",
  4501: "logged_out",
  4502: "replaced",
  4505: "account_gone",
};
