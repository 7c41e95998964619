/** What a login needs from the browser. */

/** The part of `navigator.locks` that is used. */
export interface Locks {
  request(name: string, options: object, work: () => Promise<void>): Promise<unknown>;
}

/** What became of a refresh of the tokens. */
export type Refreshed = "renewed" | "unreachable" | "ended";
