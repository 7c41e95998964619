/**
 * What to do after an error of the relay. Programs act on the code; the text beside it may change.
 */
import type { components } from "./http-types.generated.ts";
import { attempt, count, id, list, object, optional, type Read, text } from "./shape.ts";

export type ErrorCode = components["schemas"]["ErrorCode"];

/** What the user, or the program, does next. */
export type Action =
  /** Wait, then do the same again. */
  | "wait"
  /** Log in again. Ask `GET /v1/me` before anything is thrown away. */
  | "log_in"
  /** Ask for the password and send it along. */
  | "password"
  /** Ask for a code of the second factor and send it along. */
  | "code"
  /** The user changes what they wrote; `field` says where. */
  | "correct"
  /** It is as it is: say so, and offer what helps. */
  | "explain"
  /** What is shown is out of date: ask for the list again. */
  | "reload"
  /** The program did what it never should. Say it, with the code. */
  | "fault";

interface Meaning {
  action: Action;
  /** The name of the words in the catalogue. */
  key: `problem.${string}`;
}

function means<A extends Action, K extends string>(action: A, key: K): { action: A; key: `problem.${K}` } {
  return { action, key: `problem.${key}` };
}

/** Every code that a relay of this version may say. */
export const MEANINGS = {
  malformed: means("fault", "malformed"),
  token_in_url: means("fault", "token_in_url"),
  unknown_type: means("fault", "unknown_type"),
  method_not_allowed: means("fault", "method_not_allowed"),
  unsupported_media_type: means("fault", "unsupported_media_type"),
  upgrade_required: means("fault", "upgrade_required"),
  id_reused: means("fault", "id_reused"),
  invalid: means("correct", "invalid"),
  too_large: means("correct", "too_large"),
  username_taken: means("correct", "username_taken"),
  unauthorized: means("log_in", "unauthorized"),
  password_needed: means("password", "password_needed"),
  code_needed: means("code", "code_needed"),
  account_disabled: means("explain", "account_disabled"),
  registration_closed: means("explain", "registration_closed"),
  registration_token: means("correct", "registration_token"),
  code_wrong: means("code", "code_wrong"),
  not_found: means("reload", "not_found"),
  already_member: means("reload", "already_member"),
  totp_active: means("reload", "totp_active"),
  forbidden: means("explain", "forbidden"),
  muted: means("explain", "muted"),
  not_allowed: means("explain", "not_allowed"),
  banned: means("explain", "banned"),
  blocked: means("explain", "blocked"),
  device_limit: means("explain", "device_limit"),
  room_full: means("explain", "room_full"),
  last_owner: means("explain", "last_owner"),
  too_many_rooms: means("explain", "too_many_rooms"),
  too_many_bans: means("explain", "too_many_bans"),
  too_many_invitations: means("explain", "too_many_invitations"),
  encrypted_room: means("explain", "encrypted_room"),
  stale_group: means("explain", "stale_group"),
  invalid_commit: means("explain", "invalid_commit"),
  rate_limited: means("wait", "rate_limited"),
  unavailable: means("wait", "unavailable"),
  internal: means("wait", "internal"),
} as const satisfies Record<ErrorCode, Meaning>;

/**
 * The name of the words for a code that this version does not know. Show `detail` and the code
 * with them.
 */
export const UNKNOWN_KEY = "problem.unknown";

export type ProblemKey = (typeof MEANINGS)[ErrorCode]["key"] | typeof UNKNOWN_KEY;

/** Returns what a code means. One that is not known is permanent. */
export function meaningOf(code: string): { action: Action; key: ProblemKey } {
  return Object.hasOwn(MEANINGS, code)
    ? MEANINGS[code as ErrorCode]
    : { action: "explain", key: UNKNOWN_KEY };
}

const problem = object({
  code: text,
  detail: text,
  status: count,
  field: optional(text),
  /** Seconds. */
  retry_after: optional(count),
  outstanding: optional(list(id)),
  devices: optional(list(object({ id, name: text, last_seen_at: count }))),
});

export type Problem = Read<typeof problem>;

/**
 * Reads the body of an error answer. Returns `undefined` if a proxy or another program wrote it.
 */
export function readProblem(value: unknown): Problem | undefined {
  return attempt(() => problem(value));
}
