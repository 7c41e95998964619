/** What an intent gives back, and what is known of a person. */

/** Why something did not work, in words of the catalogue. */
export interface Problem {
  /** The key of the text, `problem.…`. */
  key: string;
  /** What the text has in its braces. */
  values: Record<string, string | number>;
  /** The field of the form that it is about. */
  field?: string;
  /** When trying again makes sense, by the clock of this device. */
  retryAt?: number;
  /** The relay's words, where the catalogue has none. */
  detail?: string;
}

export type Answer<T = void> = Promise<{ ok: true; value: T } | { ok: false; problem: Problem }>;

export type Presence = "online" | "away" | { lastSeenAt?: number };
