/** A logout, up to the relay's answer. What becomes of the history is another matter. */
import type { Accounts } from "../db/accounts.ts";
import { logout } from "../session/login.ts";
import { isUnsure } from "../session/submission.ts";
import type { Answer } from "./answer.ts";
import type { Env, Home } from "./env.ts";
import { problem, settled } from "./problems.ts";

export async function logOut(env: Env, accounts: Accounts, home: Home): Answer {
  // Noted before it is asked for: the tab that has the connection may hear of the end first.
  await accounts.change(home, (row) => ({ ...row, isLeaving: true }));
  const result = await logout(home.http);
  if (!result.ok) {
    // An end that is heard from now on is not the one that the user was told has failed.
    await accounts.change(home, ({ isLeaving: _isLeaving, ...row }) => row);
    if (isUnsure(result.refusal)) {
      return { ok: false, problem: problem("logout_unreachable") };
    }
  }
  return settled(result, env.now(), () => undefined);
}
