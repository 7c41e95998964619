/**
 * Finds out who is logged in, where the browser has deleted what it stored and kept the cookies.
 * Without this the page would ask for a login, and the old one would stay a device for ever.
 *
 * The relay may give new cookies for that, so it happens while nobody else gets any.
 */
import type { Id } from "../core/id.ts";
import { type AccountRow, type Accounts, isOf, type Login } from "../db/accounts.ts";
import type { Http } from "../wire/http.ts";
import { ask, devices, expiry, me, type Refusal } from "../wire/lists.ts";
import type { Locks } from "./deps.ts";
import { exclusively } from "./refresh.ts";

export interface RecoverDeps {
  /** Calls of whoever is logged in. */
  http: Http;
  locks: Locks;
  accounts: Accounts;
}

/**
 * Asks whose the cookies are, and notes it, where the browser has deleted the row. Returns
 * `unknown` if the relay was not reached: somebody may be logged in.
 */
export async function recoverRow({
  http,
  locks,
  accounts,
}: RecoverDeps): Promise<AccountRow | "unknown" | undefined> {
  return await exclusively(locks, async () => {
    // Another tab may have logged in, or have found the login, meanwhile.
    const known = await accounts.current();
    const found = known === undefined ? await recover(http) : undefined;
    if (found === "unknown") {
      return found;
    }
    return found === undefined ? known : await accounts.fill({ ...found, isShared: false });
  });
}

/**
 * Returns who uses this browser. If a tab died while it logged in, the relay says whose the
 * cookies are.
 */
export async function sureRow({ http, locks, accounts }: RecoverDeps): Promise<AccountRow | undefined> {
  const row = await accounts.current();
  if (row?.isUnsure !== true) {
    return row;
  }
  return await exclusively(locks, async () => {
    const now = await accounts.current();
    const found = now?.isUnsure === true ? await recover(http) : "unknown";
    if (now === undefined || found === "unknown") {
      return now;
    }
    return await accounts.change(now, ({ isUnsure: _isUnsure, ...known }) => {
      if (found === undefined) {
        return { ...known, ended: known.ended ?? "expired" };
      }
      return isOf(found, known) ? known : { ...found, isShared: false };
    });
  });
}

/** Returns who uses this browser, when a page begins. */
export async function firstRow(deps: RecoverDeps): Promise<AccountRow | undefined> {
  const row = await deps.accounts.current();
  if (row?.isLeaving === true) {
    // A logout holds the lock. If it is over, and the mark is still there, its tab has died.
    await exclusively(deps.locks, () =>
      deps.accounts.change(row, ({ isLeaving: _isLeaving, ...known }) => known),
    );
  }
  return await sureRow(deps);
}

/**
 * Returns who uses this browser, after the relay has said that it is another login than this one.
 * A tab that logged in may have closed before it has noted that.
 */
export async function correctRow(
  { http, locks, accounts }: RecoverDeps,
  login: Login,
): Promise<AccountRow | undefined> {
  return await exclusively(locks, async () => {
    const row = await accounts.current();
    const found = isOf(row, login) ? await recover(http) : undefined;
    return found === undefined || found === "unknown"
      ? row
      : await accounts.change(login, () => ({ ...found, isShared: false }));
  });
}

interface Found {
  user: Id;
  username: string;
  device: Id;
}

/** Returns the login of this browser's cookies, or `undefined` if there is none. */
async function recover(http: Http): Promise<Found | "unknown" | undefined> {
  const sessions = { method: "GET", path: "/v1/sessions" } as const;
  let list = await ask(http, sessions, devices);
  if (!list.ok && isNobody(list.refusal)) {
    // The access token lasts for minutes and the other one for weeks.
    const call = { method: "POST", path: "/v1/sessions/refresh", keepalive: true } as const;
    const refreshed = await ask(http, call, expiry);
    if (!refreshed.ok) {
      return isNobody(refreshed.refusal) ? undefined : "unknown";
    }
    list = await ask(http, sessions, devices);
  }
  const current = list.ok ? list.value.devices.find((device) => device.current) : undefined;
  const who = await ask(http, { method: "GET", path: "/v1/me" }, me);
  if (!who.ok || current === undefined) {
    return "unknown";
  }
  const { id: user, username } = who.value.user;
  return { user, username, device: current.id };
}

function isNobody(refusal: Refusal): boolean {
  return refusal.kind === "problem" && refusal.status === 401;
}
