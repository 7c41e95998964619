/** Who is logged in, and what stands in the way of it. */

import { signal } from "@preact/signals";
import { quietly } from "../core/quietly.ts";
import { type AccountRow, Accounts, isOf, type Login } from "../db/accounts.ts";
import { Bus, type EngineState, LOGINS } from "../db/changes.ts";
import { eraseDb } from "../db/schema.ts";
import { logout } from "../session/login.ts";
import { preflight } from "../session/preflight.ts";
import { correctRow, recoverRow, sureRow } from "../session/recover.ts";
import { Http } from "../wire/http.ts";
import { accountCalls } from "./account.ts";
import { attend } from "./attention.ts";
import type { Env, Home } from "./env.ts";
import { LoggingIn } from "./logging-in.ts";
import { meOf } from "./me.ts";
import type { Mirror } from "./mirror.ts";
import type { Phase, Session } from "./model.ts";
import { noteBeginning, openHome } from "./opening.ts";
import { Losses, phaseOfFault, phaseWithout } from "./phase.ts";
import { done, problem, settled } from "./problems.ts";

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
  const entrance = new LoggingIn(env, plain, accounts);
  const losses = new Losses();
  let turn: Promise<unknown> = Promise.resolve();

  /** Changes of the login happen one after the other. The user and the engine may both ask. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const its = turn.then(work);
    turn = its.catch(() => undefined);
    return its;
  };

  /** Does the same without an answer. If it fails, the store is closed, and nothing is to do. */
  const soon = (work: () => Promise<unknown>) => quietly(inTurn(work));

  const leave = () => {
    const home = mirror.home.peek();
    for (const store of home?.beforeClose ?? []) {
      store();
    }
    mirror.detach();
    home?.engine.stop();
    home?.bus.close();
    home?.db.close();
  };

  const fault = (error: unknown) => {
    phase.value = phaseOfFault(error);
  };

  const show = (row: AccountRow | undefined) => {
    ended = row;
    phase.value = phaseWithout(row);
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
    const row = await sureRow(plain, accounts);
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
  const look = () => soon(follow);

  /** The relay says that the cookies are of another login. */
  const replaced = async (home: Home) => {
    const row = await correctRow(plain, accounts, home);
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
    if (state.is === "store_lost") {
      soon(() => reopen(home));
    } else if (state.is === "outdated") {
      phase.value = { is: "reload", mustNow: true };
    } else if (state.is === "ended") {
      const { why } = state;
      if (why === "used_twice") {
        leave();
        phase.value = { is: "blocked", why };
      } else if (why === "refused") {
        phase.value = { is: "reload", mustNow: true };
      } else {
        soon(() => (why === "other_login" ? replaced(home) : end(home, why)));
      }
    }
  };

  /** The browser has closed the store. It may have deleted it, and the row of the login too. */
  const reopen = async (home: Home) => {
    if (mirror.home.peek() !== home) {
      return;
    }
    leave();
    const row = await accounts.current().catch(() => undefined);
    if (!losses.note(env.steady())) {
      phase.value = { is: "blocked", why: "storage" };
    } else if (row === undefined || isOf(row, home)) {
      await begin(row, true).catch(fault);
    } else {
      await settle(home, row);
    }
  };

  /** Shows the store of a login. Without a row, the relay says whose the cookies are. */
  const begin = async (known: AccountRow | undefined, isAgain: boolean) => {
    const row = known ?? (await recoverRow(plain, accounts));
    const isOver = row === undefined || row.ended !== undefined;
    await (isOver ? show(row) : enter(row, isAgain || known === undefined));
  };

  /**
   * Opens the store of a login and starts its engine. `isAgain` says that there was a store
   * before: if it has nothing now, the browser has deleted it.
   */
  const enter = async (row: AccountRow, isAgain = false): Promise<boolean> => {
    leave();
    if (phase.peek().is === "signed_in") {
      // The screens hold on to the store before. They come again with the new one.
      phase.value = { is: "starting" };
    }
    let home: Home;
    try {
      home = await openHome(env, plain, accounts, row, {
        outdated: () => {
          leave();
          phase.value = { is: "reload", mustNow: true };
        },
        lost: (its) => soon(() => reopen(its)),
        engine: engineSays,
        notOwn: look,
      });
    } catch (error) {
      fault(error);
      return false;
    }
    await noteBeginning(home, env.now());
    await mirror.attach(home);
    const isEmptyDevice = row.isNew !== true && (await home.db.count("records").catch(() => 0)) === 0;
    // It may be over already, for example because a newer page wants the store.
    if (mirror.home.peek() === home) {
      const base = { is: "signed_in", isEmptyDevice } as const;
      phase.value = isAgain && isEmptyDevice ? { ...base, isErased: true } : base;
    }
    return isEmptyDevice;
  };

  const endListening = logins.listen(look);
  const endAttention = attend(env, mirror, (work) => soon(() => follow().then(work)));

  /** Forgets a login, with all that is stored of it. */
  const forget = async (login: Login) => {
    await accounts.change(login, () => undefined);
    leave();
    await eraseDb(login.user);
    show(undefined);
    logins.post({ is: "login" });
  };

  const deleted = async () => {
    const login = mirror.home.peek() ?? ended;
    await (login === undefined ? undefined : forget(login));
  };
  const calls = accountCalls(env, mirror, () => inTurn(deleted));
  return {
    phase,
    me: meOf(mirror),
    ...calls,
    start: () =>
      inTurn(async () => {
        const obstacle = await preflight(env.grounds).catch(() => "storage" as const);
        if (obstacle === "insecure" || obstacle === "storage") {
          phase.value = { is: "blocked", why: obstacle };
          return;
        }
        // On a full disk, and without cookies, the history can be read.
        const begun = sureRow(plain, accounts).then((row) => begin(row, false));
        await begun.catch(fault);
        if (obstacle !== undefined && mirror.home.peek() === undefined) {
          phase.value = { is: "blocked", why: obstacle };
        }
      }),
    stop() {
      endListening();
      endAttention();
      logins.close();
      leave();
      quietly(accounts.close());
    },
    register: (form) => entrance.register(form),
    login: (form) =>
      inTurn(async () => {
        const obstacle = await preflight(env.grounds);
        if (obstacle !== undefined) {
          phase.value = { is: "blocked", why: obstacle };
          return { ok: false, problem: problem("unknown", { code: obstacle, detail: "" }) };
        }
        const answer = await entrance.logIn(form);
        if (!answer.ok) {
          calls.devices.value = answer.devices;
          return answer;
        }
        logins.post({ is: "login" });
        return { ok: true, value: { isEmpty: await enter(answer.value) } };
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
        await (login === undefined ? show(undefined) : forget(login));
      }),
  };
}
