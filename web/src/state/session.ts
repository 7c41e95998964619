/** Who is logged in, and what stands in the way of it. */
import { computed, effect, type Signal, signal } from "@preact/signals";
import { type AccountDb, type AccountRow, account, openAccounts, putAccount } from "../db/accounts.ts";
import { Bus, type EngineState } from "../db/changes.ts";
import { getMeta, setMeta } from "../db/meta.ts";
import { type Db, eraseDb, Outdated, openDb } from "../db/schema.ts";
import { RenewingHttp } from "../session/calls.ts";
import { login, logout, register } from "../session/login.ts";
import { preflight } from "../session/preflight.ts";
import { recover } from "../session/recover.ts";
import { refreshTokens } from "../session/refresh.ts";
import { Http } from "../wire/http.ts";
import { accountCalls, placesOf } from "./account.ts";
import type { Env } from "./env.ts";
import type { Mirror } from "./mirror.ts";
import type { Me, Phase, Session } from "./model.ts";
import { done, problem, problemOf, settled } from "./problems.ts";
import { keyOf } from "./rooms.ts";

export interface SessionParts extends Session {
  start(): Promise<void>;
  /** Ends what this page holds, as when the tab closes. The login goes on. */
  stop(): void;
}

export function session(env: Env, mirror: Mirror): SessionParts {
  const phase = signal<Phase>({ is: "starting" });
  const plain = new Http(env.fetch, (time) => env.timeout(time));
  let accounts: AccountDb | undefined;
  let stopWatching: () => void = () => undefined;
  /** The user logs out here, so an end of the connection is no surprise. */
  let isLeaving = false;

  const open = async (): Promise<AccountDb> => {
    accounts ??= await openAccounts();
    return accounts;
  };

  const leave = () => {
    const home = mirror.home.peek();
    stopWatching();
    mirror.detach();
    home?.engine.stop();
    home?.bus.close();
    home?.db.close();
  };

  /** Notes why the login has ended, and hides what is stored. */
  const end = async (why: NonNullable<AccountRow["ended"]>) => {
    const row = await account(await open());
    // What another tab has noted before counts: a logout also ends the connections of the others.
    const ended = row === undefined ? undefined : { ...row, ended: row.ended ?? why };
    await putAccount(await open(), ended);
    // The other tabs read the row when they hear of it.
    mirror.home.peek()?.bus.post({ is: "session" });
    leave();
    show(ended);
  };

  const show = (row: AccountRow | undefined) => {
    if (row === undefined) {
      phase.value = { is: "signed_out" };
    } else if (row.ended === "logout" || row.ended === undefined) {
      phase.value = { is: "signed_out", lastUsername: row.username };
    } else {
      phase.value = { is: "logged_out", username: row.username, why: row.ended };
    }
  };

  const engineSays = (state: EngineState) => {
    if (state.is === "outdated") {
      phase.value = { is: "reload", mustNow: true };
    } else if (state.is === "ended" && state.why === "used_twice") {
      leave();
      phase.value = { is: "blocked", why: "used_twice" };
    } else if (state.is === "ended" && state.why === "refused") {
      phase.value = { is: "reload", mustNow: true };
    } else if (state.is === "ended" && !isLeaving) {
      void end(state.why as "elsewhere" | "expired" | "account_deleted");
    }
  };

  /** Opens the store of a login and starts its engine. */
  const enter = async (row: AccountRow): Promise<boolean> => {
    let db: Db;
    try {
      db = await openDb(row.user, {
        onOutdated: () => {
          leave();
          phase.value = { is: "reload", mustNow: true };
        },
      });
    } catch (error) {
      phase.value =
        error instanceof Outdated ? { is: "reload", mustNow: true } : { is: "blocked", why: "storage" };
      return false;
    }
    if ((await getMeta(db, "since")) === undefined) {
      await setMeta(db, "since", env.now());
    }
    const bus = new Bus(env.channel(`ferry-${row.user}`));
    const state = signal<EngineState>({ is: "connecting" });
    const refresh = (expiresAt: number) =>
      refreshTokens({ http: plain, db, locks: env.locks, now: () => env.now() }, expiresAt);
    const http = new RenewingHttp(
      env.fetch,
      (time) => env.timeout(time),
      async () => refresh((await getMeta(db, "accessExpiresAt").catch(() => undefined)) ?? 0),
    );
    const { user, device, username, isShared } = row;
    const engine = env.startEngine({
      user,
      device,
      isVisible: env.isVisible(),
      refresh,
      onState: (now) => {
        state.value = now;
        engineSays(now);
      },
    });
    await mirror.attach({ db, bus, http, user, device, username, isShared, engine, state });
    watch();
    const isEmptyDevice = (await db.count("records")) === 0;
    phase.value = { is: "signed_in", isEmptyDevice };
    return isEmptyDevice;
  };

  /** Returns the login whose store the browser has deleted. */
  const recovered = async (): Promise<AccountRow | undefined> => {
    const found = await recover(plain);
    const row = found === undefined ? undefined : { ...found, isShared: false };
    await putAccount(await open(), row);
    return row;
  };

  const watch = () => {
    const endListening = mirror.listen((heard) => {
      if (heard.is === "session") {
        // Another tab has logged out, or found that the login is over.
        void open()
          .then(account)
          .then((row) => {
            if (row?.ended !== undefined || row === undefined) {
              leave();
              show(row);
            }
          });
      }
    });
    const endAttention = env.onAttention((why) => {
      const home = mirror.home.peek();
      home?.engine.visibility(env.isVisible());
      if (why === "online") {
        home?.engine.tryNow();
      }
      if (env.isVisible()) {
        void mirror.reread();
      }
    });
    stopWatching = () => {
      endListening();
      endAttention();
    };
  };

  const calls = accountCalls(env, mirror, () => end("account_deleted"));
  return {
    phase,
    me: meOf(mirror),
    ...calls,
    async start() {
      const obstacle = await preflight(env.grounds);
      if (obstacle === "insecure" || obstacle === "storage") {
        phase.value = { is: "blocked", why: obstacle };
        return;
      }
      const row = (await account(await open())) ?? (await recovered());
      if (row !== undefined && row.ended === undefined) {
        await enter(row);
      } else if (obstacle !== undefined) {
        phase.value = { is: "blocked", why: obstacle };
      } else {
        show(row);
      }
    },
    stop: leave,
    async register(form) {
      return settled(await register(plain, form), env.now(), () => undefined);
    },
    async login({ username, password, code, isShared, replaces }) {
      const obstacle = await preflight(env.grounds);
      if (obstacle !== undefined) {
        phase.value = { is: "blocked", why: obstacle };
        return { ok: false, problem: problem("unknown", { code: obstacle, detail: "" }) };
      }
      const form = {
        username,
        password,
        deviceName: env.deviceName(),
        key: keyOf(env.random(16)),
        ...(code === undefined ? {} : { code }),
        ...(replaces === undefined ? {} : { replaces }),
      };
      const result = await login(plain, form);
      if (!result.ok) {
        const why = problemOf(result.refusal, env.now());
        // Who has proved the password sees the devices, to choose whose place this login takes.
        calls.devices.value = placesOf(result.refusal);
        // The code says no more than that the login is not valid; here it is about the password.
        const isWrong = why.key === "problem.unauthorized";
        return { ok: false, problem: isWrong ? { ...why, key: "problem.wrong_password" } : why };
      }
      const { user, device } = result.value;
      const row: AccountRow = { user: user.id, username: user.username, device, isShared };
      await putAccount(await open(), row);
      return { ok: true, value: { isEmpty: await enter(row) } };
    },
    async logout(what) {
      const home = mirror.home.peek();
      if (home === undefined) {
        return done;
      }
      isLeaving = true;
      const result = await logout(home.http).finally(() => {
        isLeaving = false;
      });
      if (!result.ok) {
        return settled(result, env.now(), () => undefined);
      }
      await end("logout");
      if (what === "delete") {
        await eraseDb(home.user);
        await putAccount(await open(), undefined);
        phase.value = { is: "signed_out" };
      }
      return done;
    },
    async erase() {
      const row = await account(await open());
      leave();
      if (row !== undefined) {
        await eraseDb(row.user);
        await putAccount(await open(), undefined);
      }
      phase.value = { is: "signed_out" };
    },
  };
}

function meOf(mirror: Mirror): Signal<Me | undefined> {
  const me = signal<Me | undefined>(undefined);
  const now = computed(() => {
    const home = mirror.home.value;
    if (home === undefined) {
      return undefined;
    }
    const { me: known, settings } = mirror.meta.value;
    const base: Me = {
      id: home.user,
      username: known?.username ?? home.username,
      device: home.device,
      privacy: {
        direct: settings?.direct ?? "anybody",
        add: settings?.add ?? "friends",
        lastSeen: settings?.presence ?? true,
        readReceipts: settings?.receipts ?? true,
        findable: settings?.findable ?? true,
      },
    };
    const { displayName, email } = known ?? {};
    return {
      ...base,
      ...(displayName === undefined ? {} : { displayName }),
      ...(email === undefined ? {} : { email }),
    };
  });
  effect(() => {
    me.value = now.value;
  });
  return me;
}
