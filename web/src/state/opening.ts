/** Opens what a login needs: its store, its channel, its calls and its engine. */
import { signal } from "@preact/signals";
import type { AccountRow, Accounts } from "../db/accounts.ts";
import { Bus, type EngineState } from "../db/changes.ts";
import { getMeta, setMeta } from "../db/meta.ts";
import { openDb } from "../db/schema.ts";
import { RenewingHttp } from "../session/calls.ts";
import { callForTokens, refreshTokens } from "../session/refresh.ts";
import type { Http } from "../wire/http.ts";
import type { Env, Home } from "./env.ts";
import type { Mirror } from "./mirror.ts";

export interface OpeningEvents {
  /** A newer version of the page wants to change the store. */
  outdated(home: Home | undefined): void;
  /** The browser has closed the store by itself. */
  lost(home: Home): void;
  engine(home: Home, state: EngineState): void;
  /** The cookies of this browser may be those of another login. */
  notOwn(): void;
}

/** Fails if the store cannot be opened. */
export async function openHome(
  env: Env,
  plain: Http,
  accounts: Accounts,
  row: AccountRow,
  events: OpeningEvents,
): Promise<Home> {
  const { user, device, username, isShared } = row;
  let home: Home | undefined;
  const db = await openDb(user, {
    onOutdated: () => events.outdated(home),
    onLost: () => {
      if (home !== undefined) {
        events.lost(home);
      }
    },
  });
  // Before the engine begins, because then what waited at the relay comes.
  const wasEmpty = (await db.count("records").catch(() => 0)) === 0;
  const isOwn = async () => {
    const holds = await accounts.holds(row, env.locks);
    if (!holds) {
      events.notOwn();
    }
    return holds;
  };
  const deps = { http: plain, db, locks: env.locks, now: () => env.now(), isOwn };
  const refresh = (expiresAt: number) => refreshTokens(deps, expiresAt);
  const known = async () => (await getMeta(db, "accessExpiresAt").catch(() => undefined)) ?? 0;
  const http = new RenewingHttp(env.fetch, (time) => env.timeout(time), device, {
    isOwn,
    refresh: async () => await refresh(await known()),
    forTokens: (call) => callForTokens(deps, call),
  });
  const bus = new Bus(env.channel(`ferry-${user}`));
  const state = signal<EngineState>({ is: "connecting" });
  const engine = env.startEngine({
    user,
    device,
    isVisible: env.isVisible(),
    refresh,
    onState: (now) => {
      state.value = now;
      if (home !== undefined) {
        events.engine(home, now);
      }
    },
  });
  home = { db, bus, http, user, device, username, isShared, wasEmpty, engine, state, beforeClose: new Set() };
  return home;
}

/** Notes since when the store exists. Without room on the disk that can wait. */
export async function noteBeginning({ db }: Home, now: number): Promise<void> {
  try {
    if ((await getMeta(db, "since")) === undefined) {
      await setMeta(db, "since", now);
    }
  } catch {
    // It is asked for again when the store is opened next.
  }
}

/** Closes what a login has open here. What is not stored yet is stored before. */
export function closeHome(mirror: Mirror): void {
  const home = mirror.home.peek();
  for (const store of home?.beforeClose ?? []) {
    store();
  }
  mirror.detach();
  home?.engine.stop();
  home?.bus.close();
  home?.db.close();
}
