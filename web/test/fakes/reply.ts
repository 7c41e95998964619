/** A call to the fake relay, and its answers. */

export interface Call {
  method: string;
  path: string;
  query: URLSearchParams;
  body: Record<string, unknown>;
  /** The `Idempotency-Key`. */
  key?: string | undefined;
}

export type Reply = [status: number, body?: unknown];

/**
 * What the relay says of each fault, word for word. A test looks each of them up in the sources of
 * the relay.
 */
export const DETAILS = {
  wrongPassword: "the password is wrong",
  needsCode: "this account has a second factor: send its code along",
  loginNeedsCode: "this account has a second factor: send its `code` along",
  wrongCode: "the code is wrong or was used before",
  needsPassword: "send your password along: it was asked for too long ago",
  commonPassword: "this is one of the most common passwords: choose another",
  takenName: "somebody has this username",
  totpActive: "the second factor is on: turn it off first",
  wrongLogin: "the username or the password is wrong",
  deviceLimit: "replace one of your devices, or log one out",
  notFound: "there is no such thing here",
} as const;

export function problem(status: number, code: string, more: object = {}): Reply {
  const detail = code === "not_found" ? DETAILS.notFound : code;
  return [status, { type: `urn:ferry:error:${code}`, title: code, status, code, detail, ...more }];
}

/** A value that is not allowed. The field says where. */
export function invalid(field: string, detail: string): Reply {
  return problem(422, "invalid", { field, detail });
}
