/**
 * Finds out who is logged in, where the browser has deleted what it stored and kept the cookies.
 * Without this the page would ask for a login, and the old one would stay a device for ever.
 */
import type { Id } from "../core/id.ts";
import { type AccountRow, type Accounts, isOf, type Login } from "../db/accounts.ts";
import type { Http } from "../wire/http.ts";
import { ask, devices, expiry, me } from "../wire/lists.ts";

/** Asks whose the cookies are, and notes it, where the browser has deleted the row. */
export async function recoverRow(http: Http, accounts: Accounts): Promise<AccountRow | undefined> {
  const found = await recover(http);
  // Another tab may have logged in meanwhile.
  return found === undefined ? undefined : await accounts.fill({ ...found, isShared: false });
}

/**
 * Returns who uses this browser. If a tab died while it logged in, the relay says whose the
 * cookies are.
 */
export async function sureRow(http: Http, accounts: Accounts): Promise<AccountRow | undefined> {
  const row = await accounts.current();
  const found = row?.isUnsure === true ? await recover(http) : undefined;
  if (row === undefined || found === undefined) {
    return row;
  }
  return await accounts.change(row, ({ isUnsure: _isUnsure, ...known }) =>
    isOf(found, known) ? known : { ...found, isShared: false },
  );
}

/**
 * Returns who uses this browser, after the relay has said that it is another login than this one.
 * A tab that logged in may have closed before it has noted that.
 */
export async function correctRow(
  http: Http,
  accounts: Accounts,
  login: Login,
): Promise<AccountRow | undefined> {
  const row = await accounts.current();
  const found = isOf(row, login) ? await recover(http) : undefined;
  return found === undefined ? row : await accounts.change(login, () => ({ ...found, isShared: false }));
}

interface Found {
  user: Id;
  username: string;
  device: Id;
}

/** Returns the login of this browser's cookies, or `undefined` if there is none, or no network. */
async function recover(http: Http): Promise<Found | undefined> {
  const sessions = { method: "GET", path: "/v1/sessions" } as const;
  let list = await ask(http, sessions, devices);
  if (!list.ok && list.refusal.kind === "problem" && list.refusal.status === 401) {
    // The access token lasts for minutes and the other one for weeks.
    const call = { method: "POST", path: "/v1/sessions/refresh", keepalive: true } as const;
    const refreshed = await ask(http, call, expiry);
    list = refreshed.ok ? await ask(http, sessions, devices) : list;
  }
  const current = list.ok ? list.value.devices.find((device) => device.current) : undefined;
  if (current === undefined) {
    return undefined;
  }
  const who = await ask(http, { method: "GET", path: "/v1/me" }, me);
  return who.ok
    ? { user: who.value.user.id, username: who.value.user.username, device: current.id }
    : undefined;
}
