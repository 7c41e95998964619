/** Logging in and out. The tokens are cookies, which no script sees. */
import type { Id } from "../core/id.ts";
import { type AccountRow, type Accounts, LOGIN_LOCK } from "../db/accounts.ts";
import type { Http } from "../wire/http.ts";
import { ask, type Result, session, tell, type User, user } from "../wire/lists.ts";
import { object } from "../wire/shape.ts";
import type { Locks } from "./deps.ts";
import { exclusively } from "./refresh.ts";
import { isUnsure } from "./submission.ts";

export interface LoginForm {
  username: string;
  password: string;
  deviceName: string;
  code?: string;
  replaces?: Id;
  /** Chosen at random. A repetition after a lost answer makes no second device. */
  key: string;
}

export async function login(http: Http, form: LoginForm): Promise<Result<{ user: User; device: Id }>> {
  const { username, password, deviceName: device_name, code, replaces: replace, key } = form;
  const body = { username, password, device_name, code, replace, cookie: true };
  const call = { method: "POST", path: "/v1/sessions", body, idempotencyKey: key, keepalive: true } as const;
  let result = await ask(http, call, session);
  if (!result.ok && result.refusal.kind === "unreachable" && result.refusal.why === "timeout") {
    result = await ask(http, call, session);
  }
  return result.ok
    ? { ok: true, value: { user: result.value.user, device: result.value.device.id } }
    : result;
}

/** Creates an account. It does not log in. */
export async function register(
  http: Http,
  form: { username: string; password: string; displayName?: string },
): Promise<Result<User>> {
  const { username, password, displayName: display_name } = form;
  const body = { username, password, display_name };
  const result = await ask(http, { method: "POST", path: "/v1/accounts", body }, object({ user }));
  return result.ok ? { ok: true, value: result.value.user } : result;
}

/**
 * Ends the login at the relay. A login that has ended already counts as ended. After a lost answer
 * it asks whether it has.
 */
export async function logout(http: Http): Promise<Result<void>> {
  const call = { method: "DELETE", path: "/v1/sessions/current", keepalive: true } as const;
  const result = await tell(http, call);
  const isLost = !result.ok && isUnsure(result.refusal);
  const now = isLost ? await tell(http, { method: "GET", path: "/v1/me" }) : result;
  const isOver = !now.ok && now.refusal.kind === "problem" && [401, 404].includes(now.refusal.status);
  return isOver ? { ok: true, value: undefined } : result;
}

export interface LoginDeps {
  http: Http;
  locks: Locks;
  accounts: Accounts;
}

/**
 * Logs in and notes whose the cookies are now. No tab refreshes meanwhile, and calls of a login
 * that is replaced wait, so that no answer is taken for another user's.
 */
export async function logInHere(
  deps: LoginDeps,
  form: LoginForm,
  isShared: boolean,
): Promise<Result<AccountRow>> {
  const { http, locks, accounts } = deps;
  let result: Result<AccountRow> | undefined;
  await exclusively(locks, () =>
    locks.request(LOGIN_LOCK, {}, async () => {
      const before = await accounts.current();
      const note = async (isUnsure: boolean) => {
        if (before !== undefined) {
          await accounts.change(before, ({ isUnsure: _isUnsure, ...row }) =>
            isUnsure ? { ...row, isUnsure } : row,
          );
        }
      };
      // If this tab dies before the new row is there, nobody may trust the old one.
      await note(true);
      const answer = await login(http, form);
      if (!answer.ok) {
        await note(false);
        result = answer;
        return;
      }
      const { user, device } = answer.value;
      const row = { user: user.id, username: user.username, device, isShared };
      try {
        await accounts.put(row);
      } catch (error) {
        // Without the row nobody would find the login again, and it would stay a device for ever.
        await logout(http);
        throw error;
      }
      result = { ok: true, value: row };
    }),
  );
  if (result === undefined) {
    throw new Error("the lock was not granted");
  }
  return result;
}
