/** A login, from the form to the row that says whose browser this is. */
import type { AccountRow, Accounts } from "../db/accounts.ts";
import { isQuota } from "../db/schema.ts";
import { logInHere } from "../session/login.ts";
import type { Http } from "../wire/http.ts";
import { placesOf } from "./account.ts";
import type { Problem } from "./answer.ts";
import type { Env } from "./env.ts";
import type { Device, Session } from "./model.ts";
import { problem, problemOf } from "./problems.ts";
import { keyOf } from "./rooms.ts";

type LoggedIn = { ok: true; value: AccountRow } | { ok: false; problem: Problem; devices: Device[] };

export async function logIn(
  env: Env,
  http: Http,
  accounts: Accounts,
  { username, password, code, isShared, replaces }: Parameters<Session["login"]>[0],
  isNew: boolean,
): Promise<LoggedIn> {
  const form = {
    username,
    password,
    deviceName: env.deviceName(),
    key: keyOf(env.random(16)),
    ...(code === undefined ? {} : { code }),
    ...(replaces === undefined ? {} : { replaces }),
  };
  try {
    const result = await logInHere({ http, locks: env.locks, accounts }, form, isShared);
    if (result.ok) {
      // The first device of an account has missed nothing.
      const row = isNew ? await accounts.change(result.value, (its) => ({ ...its, isNew })) : undefined;
      return row === undefined ? result : { ok: true, value: row };
    }
    const why = problemOf(result.refusal, env.now());
    // The code says no more than that the login is not valid; here it is about the password.
    const isWrong = why.key === "problem.unauthorized";
    return {
      ok: false,
      problem: isWrong ? { ...why, key: "problem.wrong_password" } : why,
      // Who has proved the password sees the devices, to choose whose place this login takes.
      devices: placesOf(result.refusal),
    };
  } catch (error) {
    const detail = error instanceof Error ? error.name : "";
    const why = isQuota(error) ? problem("storage_full") : problem("unknown", { code: "storage", detail });
    return { ok: false, problem: why, devices: [] };
  }
}
