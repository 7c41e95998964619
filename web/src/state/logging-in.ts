/** A login, from the form to the row that says whose browser this is. */
import type { AccountRow } from "../db/accounts.ts";
import { isQuota } from "../db/schema.ts";
import { type LoginDeps, logInHere, register } from "../session/login.ts";
import { recoverRow } from "../session/recover.ts";
import { Submission } from "../session/submission.ts";
import type { Refusal } from "../wire/lists.ts";
import { placesOf } from "./account.ts";
import type { Answer, Problem } from "./answer.ts";
import type { Env } from "./env.ts";
import type { Device, Session } from "./model.ts";
import { done, problem, problemOf, settledNewPassword } from "./problems.ts";
import { keyOf } from "./rooms.ts";

/** `isAgain` says that the login was there, and the browser had forgotten whose it is. */
type LoggedIn =
  | { ok: true; value: AccountRow; isAgain: boolean }
  | { ok: false; problem: Problem; devices: Device[] };
type LoginForm = Parameters<Session["login"]>[0];
type NewAccount = Parameters<Session["register"]>[0];

/** Creates accounts and logs in. Who tries again after a lost answer makes nothing twice. */
export class LoggingIn {
  readonly #env: Env;
  readonly #deps: LoginDeps;
  readonly #logins: Submission;
  readonly #registrations: Submission;
  /** The account that was made on this page. */
  #registered: string | undefined;
  /** The relay says that somebody has this name, and it may be this user. */
  #unproven: string | undefined;

  constructor(env: Env, deps: LoginDeps) {
    this.#env = env;
    this.#deps = deps;
    const newKey = () => keyOf(env.random(16));
    this.#logins = new Submission(newKey);
    this.#registrations = new Submission(newKey);
  }

  async register(form: NewAccount): Answer {
    const { username, password } = form;
    this.#registrations.keyFor({ username, password });
    const mayBeMade = this.#registrations.mayBeDone({ username, password });
    const result = await register(this.#deps.http, form);
    this.#registrations.answered(result);
    const answer = settledNewPassword(result, this.#env.now());
    const isTaken = !answer.ok && answer.problem.key === "problem.username_taken";
    if (isTaken && mayBeMade) {
      // Most probably it is the account of the earlier submit. The login proves it.
      this.#unproven = username;
    }
    if (answer.ok || (isTaken && mayBeMade)) {
      this.#registered = username;
      return done;
    }
    return answer;
  }

  /**
   * Logs in. With `isUnknown` the cookies may be of a login that the browser has forgotten. It
   * then goes on, with all that waits for it, and does not stay a device beside this one.
   */
  async logIn(form: LoginForm, isUnknown: boolean): Promise<LoggedIn> {
    try {
      const found = isUnknown ? await recoverRow(this.#deps) : undefined;
      const isAgain = typeof found === "object" && found.username === form.username;
      return await this.#logIn(isAgain ? { replaces: found.device, ...form } : form, isAgain);
    } catch (error) {
      const detail = error instanceof Error ? error.name : "";
      const why = isQuota(error) ? problem("storage_full") : problem("unknown", { code: "storage", detail });
      return { ok: false, problem: why, devices: [] };
    }
  }

  async #logIn(
    { username, password, code, isShared, replaces }: LoginForm,
    isAgain: boolean,
  ): Promise<LoggedIn> {
    // A code counts once, so a repetition has another one.
    const key = this.#logins.keyFor({ username, password, replaces });
    const form = {
      username,
      password,
      deviceName: this.#env.deviceName(),
      key,
      ...(code === undefined ? {} : { code }),
      ...(replaces === undefined ? {} : { replaces }),
    };
    const result = await logInHere(this.#deps, form, isShared);
    this.#logins.answered(result);
    return result.ok
      ? { ok: true, value: await this.#marked(result.value), isAgain }
      : this.#refused(form, result);
  }

  /** The first device of an account has missed nothing. */
  async #marked(row: AccountRow): Promise<AccountRow> {
    const isNew = row.username === this.#registered;
    this.#registered = undefined;
    this.#unproven = undefined;
    const marked = isNew ? await this.#deps.accounts.change(row, (its) => ({ ...its, isNew })) : undefined;
    return marked ?? row;
  }

  #refused({ username }: { username: string }, { refusal }: { refusal: Refusal }): LoggedIn {
    const why = problemOf(refusal, this.#env.now());
    // Who has proved the password sees the devices, to choose whose place this login takes.
    const devices = placesOf(refusal);
    if (why.key !== "problem.unauthorized") {
      return { ok: false, problem: why, devices };
    }
    if (username === this.#unproven) {
      return { ok: false, problem: { ...problem("username_taken"), field: "username" }, devices };
    }
    // The code says no more than that the login is not valid; here it is about the password.
    return { ok: false, problem: { ...why, key: "problem.wrong_password" }, devices };
  }
}
