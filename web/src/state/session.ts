/** Who is logged in, and what stands in the way of it. */

import { batch, signal } from "@preact/signals";
import { quietly } from "../core/quietly.ts";
import { type AccountRow, Accounts, isOf, type Login } from "../db/accounts.ts";
import { Bus, type EngineState, LOGINS } from "../db/changes.ts";
import { eraseDb } from "../db/schema.ts";
import { preflight } from "../session/preflight.ts";
import { correctRow, firstRow, recoverRow, sureRow } from "../session/recover.ts";
import { Http } from "../wire/http.ts";
import { accountCalls } from "./account.ts";
import { attend } from "./attention.ts";
import type { Env, Home } from "./env.ts";
import { LoggingIn } from "./logging-in.ts";
import { logOut } from "./logging-out.ts";
import { meOf } from "./me.ts";
import type { Mirror } from "./mirror.ts";
import type { Phase, Session } from "./model.ts";
import { closeHome, noteBeginning, openHome } from "./opening.ts";
import { ASKED_AGAIN, Losses, phaseOfFault, phaseWithout } from "./phase.ts";
import { done, problem } from "./problems.ts";
import { Turns } from "./turns.ts";

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
  const deps = { http: plain, locks: env.locks, accounts };
  const entrance = new LoggingIn(env, deps);
  const losses = new Losses();
  /** Nobody is known here, and the relay was not reached to say whose the cookies are. */
  let isUnknown = false;
  let timer: unknown;

  /** Changes of the login happen one after the other. The user and the engine may both ask. */
  const turns = new Turns();

  /** Nobody sees the page between what was shown and `then`. */
  const leave = (then: () => void) =>
    batch(() => {
      closeHome(mirror);
      then();
    });
  /** Lets go of what is shown, where it takes a moment until something else is. */
  const hide = () =>
    leave(() => {
      if (phase.peek().is === "signed_in") {
        // The screens would show a store without rows as the first day of a newcomer.
        phase.value = { is: "starting", isAgain: true };
      }
    });
  const mustReload = () => {
    phase.value = { is: "reload" };
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
    if (row === undefined || isOf(row, home)) {
      leave(() => show(row));
    } else if (row.user === home.user && row.ended === undefined) {
      await enter(row);
    } else {
      leave(() => showAnother(home));
    }
  };

  /** Looks whose login it is. Another tab may have logged in or out, and not been heard. */
  const follow = async () => {
    const row = await sureRow(deps);
    const home = mirror.home.peek();
    if (home !== undefined) {
      await settle(home, row);
      return;
    }
    const shows = phase.peek();
    if (isUnknown && row === undefined && shows.is === "signed_out") {
      await begin(undefined, true);
      return;
    }
    const waits = shows.is === "signed_out" || (shows.is === "logged_out" && row?.user === ended?.user);
    if (waits && row !== undefined && row.ended === undefined) {
      await enter(row);
    }
  };
  const look = () => turns.soon(follow);

  /** The relay says that the cookies are of another login. */
  const replaced = async (home: Home) => {
    const row = await correctRow(deps, home);
    if (isOf(row, home)) {
      leave(() => showAnother(home));
    } else {
      await settle(home, row);
    }
    logins.post({ is: "login" });
  };

  const engineSays = (home: Home, state: EngineState) => {
    if (mirror.home.peek() !== home) {
      // It is not shown any more.
    } else if (state.is === "store_lost") {
      turns.soon(() => reopen(home));
    } else if (state.is === "outdated") {
      mustReload();
    } else if (state.is === "ended") {
      const { why } = state;
      if (why === "used_twice") {
        leave(() => {
          phase.value = { is: "blocked", why };
        });
      } else if (why === "refused") {
        mustReload();
      } else {
        turns.soon(() => (why === "other_login" ? replaced(home) : end(home, why)));
      }
    }
  };

  /** The browser has closed the store. It may have deleted it, and the row of the login too. */
  const reopen = async (home: Home) => {
    if (mirror.home.peek() !== home) {
      return;
    }
    hide();
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
    const found = known ?? (await recoverRow(deps));
    isUnknown = found === "unknown";
    env.clear(timer);
    timer = isUnknown ? env.set(look, ASKED_AGAIN) : undefined;
    const row = found === "unknown" ? undefined : found;
    const isOver = row === undefined || row.ended !== undefined;
    await (isOver ? show(row) : enter(row, isAgain || known === undefined));
  };

  /**
   * Opens the store of a login and starts its engine. `isAgain` says that there was a store
   * before: if it has nothing now, the browser has deleted it.
   */
  const enter = async (row: AccountRow, isAgain = false): Promise<boolean> => {
    hide();
    let home: Home;
    try {
      home = await openHome(env, plain, accounts, row, {
        outdated: () => leave(mustReload),
        lost: (its) => turns.soon(() => reopen(its)),
        engine: engineSays,
        notOwn: look,
      });
    } catch (error) {
      fault(error);
      return false;
    }
    await noteBeginning(home, env.now());
    await mirror.attach(home);
    const isEmptyDevice = row.isNew !== true && home.wasEmpty;
    // It may be over already, for example because a newer page wants the store.
    if (mirror.home.peek() === home) {
      const base = { is: "signed_in", isEmptyDevice } as const;
      phase.value = isAgain && isEmptyDevice ? { ...base, isErased: true } : base;
    }
    return isEmptyDevice;
  };

  const endListening = logins.listen(look);
  const endAttention = attend(env, mirror, (work) => turns.soon(() => follow().then(work)));

  /** Forgets a login, with all that is stored of it. */
  const forget = async (login: Login) => {
    await accounts.change(login, () => undefined);
    const isShown = isOf(mirror.home.peek() ?? login, login);
    isShown && hide();
    await eraseDb(login.user);
    isShown && show(undefined);
    logins.post({ is: "login" });
  };

  /** Erases what a login that has ended left here. It may go on in another tab by now. */
  const eraseEnded = async () => {
    const row = await accounts.current();
    const login = ended ?? row;
    const goesOn = row !== undefined && row.user === login?.user && row.ended === undefined;
    if (mirror.home.peek() !== undefined || goesOn) {
      await follow();
    } else {
      await (login === undefined ? show(undefined) : forget(login));
    }
  };

  const calls = accountCalls(env, mirror, deps, {
    deleted: (home) => turns.take(() => forget(home)),
    renewed: () => turns.soon(() => follow()),
    lost: (home) => turns.soon(() => end(home, "new_password")),
  });
  return {
    phase,
    me: meOf(mirror),
    ...calls,
    start: () =>
      turns.take(async () => {
        const obstacle = await preflight(env.grounds).catch(() => "storage" as const);
        if (obstacle === "insecure" || obstacle === "storage") {
          phase.value = { is: "blocked", why: obstacle };
          return;
        }
        // On a full disk, and without cookies, the history can be read.
        const begun = firstRow(deps).then((row) => begin(row, false));
        await begun.catch(fault);
        if (obstacle !== undefined && mirror.home.peek() === undefined) {
          phase.value = { is: "blocked", why: obstacle };
        }
      }),
    stop() {
      endListening();
      endAttention();
      env.clear(timer);
      logins.close();
      closeHome(mirror);
      quietly(accounts.close());
    },
    register: (form) => entrance.register(form),
    login: (form) =>
      turns.take(async () => {
        const obstacle = await preflight(env.grounds);
        if (obstacle !== undefined) {
          phase.value = { is: "blocked", why: obstacle };
          return { ok: false, problem: problem("unknown", { code: obstacle, detail: "" }) };
        }
        const answer = await entrance.logIn(form, isUnknown);
        if (!answer.ok) {
          calls.devices.value = answer.devices;
          return answer;
        }
        isUnknown = false;
        logins.post({ is: "login" });
        return { ok: true, value: { isEmpty: await enter(answer.value, answer.isAgain) } };
      }),
    logout: (what) =>
      turns.take(async () => {
        const home = mirror.home.peek();
        if (home === undefined) {
          return done;
        }
        const answer = await logOut(env, accounts, home);
        if (!answer.ok) {
          return answer;
        }
        await (what === "delete" ? forget(home) : end(home, "logout"));
        return done;
      }),
    erase: () => turns.take(eraseEnded),
  };
}
