/** A new password whose answer was lost: finds out whether it counts. */
import { type LoginDeps, logInHere } from "../session/login.ts";
import { isUnsure } from "../session/submission.ts";
import { type Refusal, tell } from "../wire/lists.ts";
import type { Env, Home } from "./env.ts";
import { keyOf } from "./rooms.ts";

/** `must_log_in`: it counts, and this device has no tokens any more. */
export type Fate = "unchanged" | "changed" | "must_log_in" | "unknown";

/**
 * Finds out what became of a change to `after`. A new password revokes the tokens of the device
 * that set it, too, and the new ones were lost: the device logs in again, as itself.
 */
export async function fateOf(
  env: Env,
  deps: LoginDeps,
  home: Home,
  deviceName: string,
  after: { password: string; code?: string | undefined },
): Promise<Fate> {
  const who = await tell(home.http, { method: "GET", path: "/v1/me" });
  if (who.ok) {
    return "unchanged";
  }
  if (!isUnauthorized(who.refusal)) {
    return "unknown";
  }
  const { password, code } = after;
  const { username, device: replaces, isShared } = home;
  const form = { username, password, deviceName, replaces, key: keyOf(env.random(16)) };
  const result = await logInHere(deps, code === undefined ? form : { ...form, code }, isShared);
  if (result.ok) {
    return "changed";
  }
  return isUnsure(result.refusal) ? "unknown" : "must_log_in";
}

function isUnauthorized(refusal: Refusal): boolean {
  return refusal.kind === "problem" && refusal.status === 401;
}
