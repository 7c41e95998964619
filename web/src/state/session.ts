/** Who is logged in, and what stands in the way of it. */
import { signal } from "@preact/signals";
import { type AccountRow, Accounts, isOf, type Login } from "../db/accounts.ts";
import { Bus, type EngineState, LOGINS } from "../db/changes.ts";
import { eraseDb, Outdated } from "../db/schema.ts";
import { logInHere, logout, register } from "../session/login.ts";
import { preflight } from "../session/preflight.ts";
import { recover } from "../session/recover.ts";
import { Http } from "../wire/http.ts";
import { accountCalls, placesOf } from "./account.ts";
import type { Env, Home } from "./env.ts";
import { meOf } from "./me.ts";
import type { Mirror } from "./mirror.ts";
import type { Phase, Session } from "./model.ts";
import { noteBeginning, openHome } from "./opening.ts";
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
  const accounts = new Accounts();
  const logins = new Bus(env.channel(LOGINS));
  /** Whose login has ended on this page, as it says. */
  let ended: AccountRow | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  /** Changes of the login happen one after the other. The user and the engine may both ask. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const its = turn.then(work);
    turn = its.catch(() => undefined);
    return its;
  };

  const leave = () => {
    const home = mirror.home.peek();
    mirror.detach();
    home?.engine.stop();
    home?.bus.close();
    home?.db.close();
  };

  const show = (row: AccountRow | undefined) => {
    ended = row;
    if (row === undefined) {
      phase.value = { is: "signed_out" };
    } else if (row.ended === "logout" || row.ended === undefined) {
      phase.value = { is: "signed_out", lastUsername: row.username };
    } else {
      phase.value = { is: "logged_out", username: row.username, why: row.ended };
    }
  };

  /** The browser has one login, and it is another user's now. What is stored stays, hidden. */
  const showAnother = ({ user, device, username, isShared }: Home) => {
    ended = { user, device, username, isShared };
    phase.value = { is: "logged_out", username, why: "another_user" };
  };

  /** Notes why the login has ended, hides what is stored, and tells the other tabs. */
  const end = async (home: Home, why: NonNullable<AccountRow["ended"]>) => {
    // What another tab has noted before counts: a logout also ends the connections of the others.
    const row = await accounts.change(home, ({ isLeaving, ...row }) => ({
      ...row,
      ended: row.ended ?? (isLeaving === true ? "logout" : why),
    }));
    await settle(home, row);
    logins.post({ is: "login" });
  };

  /** Follows what is noted of the login: it goes on, has ended, or is another one. */
  const settle = async (home: Home, row: AccountRow | undefined) => {
    if (mirror.home.peek() !== home || (isOf(row, home) && row?.ended === undefined)) {
      return;
    }
    leave();
    if (row === undefined || isOf(row, home)) {
      show(row);
    } else if (row.user === home.user && row.ended === undefined) {
      await enter(row);
    } else {
      showAnother(home);
    }
  };

  /** Looks whose login it is. Another tab may have logged in or out, and not been heard. */
  const follow = async () => {
    const row = await accounts.current();
    const home = mirror.home.peek();
    if (home !== undefined) {
      await settle(home, row);
      return;
    }
    const shows = phase.peek();
    const waits = shows.is === "signed_out" || (shows.is === "logged_out" && row?.user === ended?.user);
    if (waits && row !== undefined && row.ended === undefined) {
      await enter(row);
    }
  };
  const look = () => void inTurn(follow).catch(() => undefined);

  /** The relay says that the cookies are of another login. */
  const replaced = async (home: Home) => {
    if (isOf(await accounts.current(), home)) {
      // Nobody has noted whose they are.
      const found = await recover(plain);
      await accounts.change(home, (row) => (found === undefined ? row : { ...found, isShared: false }));
    }
    const row = await accounts.current();
    if (isOf(row, home)) {
      leave();
      showAnother(home);
    } else {
      await settle(home, row);
    }
    logins.post({ is: "login" });
  };

  const engineSays = (home: Home, state: EngineState) => {
    if (mirror.home.peek() !== home) {
      return;
    }
    if (state.is === "outdated") {
      phase.value = { is: "reload", mustNow: true };
    } else if (state.is === "ended") {
      const { why } = state;
      if (why === "used_twice") {
        leave();
        phase.value = { is: "blocked", why };
      } else if (why === "refused") {
        phase.value = { is: "reload", mustNow: true };
      } else {
        const work = () => (why === "other_login" ? replaced(home) : end(home, why));
        void inTurn(work).catch(() => undefined);
      }
    }
  };

  /** Opens the store of a login and starts its engine. */
  const enter = async (row: AccountRow): Promise<boolean> => {
    leave();
    let home: Home;
    try {
      home = await openHome(env, plain, accounts, row, {
        outdated: () => {
          leave();
          phase.value = { is: "reload", mustNow: true };
        },
        engine: engineSays,
        notOwn: look,
      });
    } catch (error) {
      phase.value =
        error instanceof Outdated ? { is: "reload", mustNow: true } : { is: "blocked", why: "storage" };
      return false;
    }
    await noteBeginning(home, env.now());
    await mirror.attach(home);
    const isEmptyDevice = (await home.db.count("records")) === 0;
    // It may be over already, for example because a newer page wants the store.
    if (mirror.home.peek() === home) {
      phase.value = { is: "signed_in", isEmptyDevice };
    }
    return isEmptyDevice;
  };

  /** Returns the login whose store the browser has deleted. */
  const recovered = async (): Promise<AccountRow | undefined> => {
    const found = await recover(plain);
    const row = found === undefined ? undefined : { ...found, isShared: false };
    await accounts.put(row);
    return row;
  };

  const endListening = logins.listen(look);
  const endAttention = env.onAttention((why) => {
    const home = mirror.home.peek();
    home?.engine.visibility(env.isVisible());
    if (why === "online") {
      home?.engine.tryNow();
    }
    if (env.isVisible()) {
      look();
      void mirror.reread();
    }
  });

  /** Forgets a login, with all that is stored of it. */
  const forget = async (login: Login) => {
    await accounts.change(login, () => undefined);
    leave();
    await eraseDb(login.user);
    show(undefined);
    logins.post({ is: "login" });
  };

  const deleted = () =>
    inTurn(async () => {
      const login = mirror.home.peek() ?? ended;
      if (login !== undefined) {
        await forget(login);
      }
    });
  const calls = accountCalls(env, mirror, deleted);
  return {
    phase,
    me: meOf(mirror),
    ...calls,
    start: () =>
      inTurn(async () => {
        const obstacle = await preflight(env.grounds);
        if (obstacle === "insecure" || obstacle === "storage") {
          phase.value = { is: "blocked", why: obstacle };
          return;
        }
        const row = (await accounts.current()) ?? (await recovered());
        if (row !== undefined && row.ended === undefined) {
          await enter(row);
        } else if (obstacle !== undefined) {
          phase.value = { is: "blocked", why: obstacle };
        } else {
          show(row);
        }
      }),
    stop() {
      endListening();
      endAttention();
      logins.close();
      leave();
      void accounts.close();
    },
    async register(form) {
      return settled(await register(plain, form), env.now(), () => undefined);
    },
    login: ({ username, password, code, isShared, replaces }) =>
      inTurn(async () => {
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
        const result = await logInHere({ http: plain, locks: env.locks, accounts }, form, isShared);
        if (!result.ok) {
          const why = problemOf(result.refusal, env.now());
          // Who has proved the password sees the devices, to choose whose place this login takes.
          calls.devices.value = placesOf(result.refusal);
          // The code says no more than that the login is not valid; here it is about the password.
          const isWrong = why.key === "problem.unauthorized";
          return { ok: false, problem: isWrong ? { ...why, key: "problem.wrong_password" } : why };
        }
        logins.post({ is: "login" });
        return { ok: true, value: { isEmpty: await enter(result.value) } };
      }),
    logout: (what) =>
      inTurn(async () => {
        const home = mirror.home.peek();
        if (home === undefined) {
          return done;
        }
        // Noted before it is asked for: the tab that has the connection may hear of the end first.
        await accounts.change(home, (row) => ({ ...row, isLeaving: true }));
        const result = await logout(home.http);
        if (!result.ok) {
          // After a lost answer nobody knows: it may be over, as the user wanted.
          if (result.refusal.kind !== "unreachable") {
            await accounts.change(home, ({ isLeaving: _isLeaving, ...row }) => row);
          }
          return settled(result, env.now(), () => undefined);
        }
        await (what === "delete" ? forget(home) : end(home, "logout"));
        return done;
      }),
    erase: () =>
      inTurn(async () => {
        const login = ended ?? (await accounts.current());
        if (login !== undefined) {
          await forget(login);
        }
        show(undefined);
      }),
  };
}
