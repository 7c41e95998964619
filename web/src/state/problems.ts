/** What went wrong, in words of the catalogue. */

import type { Refusal, Result } from "../wire/lists.ts";
import { meaningOf } from "../wire/problem.ts";
import type { Problem } from "./answer.ts";

type Settled<T> = { ok: true; value: T } | { ok: false; problem: Problem };

export function problem(key: string, values: Problem["values"] = {}): Problem {
  return { key: `problem.${key}`, values };
}

/** Returns what a code of the relay means. */
export function problemOfCode(code: string, detail: string, field?: string, retryAt?: number): Problem {
  const { key } = meaningOf(code);
  const base: Problem = { key, values: { code, detail }, detail };
  return {
    ...base,
    ...(field === undefined ? {} : { field }),
    ...(retryAt === undefined ? {} : { retryAt }),
  };
}

export function problemOf(refusal: Refusal, now: number): Problem {
  switch (refusal.kind) {
    case "problem": {
      const { code, detail, field } = refusal.problem;
      const retryAt = refusal.retryAfter === undefined ? undefined : now + refusal.retryAfter;
      return problemOfCode(code, detail, field, retryAt);
    }
    case "foreign":
      return problem("foreign");
    case "unreachable":
      return problem(refusal.why === "cancelled" ? "cancelled" : "unreachable");
  }
}

/** Returns the answer to an intent. */
export function settled<T, U = T>(result: Result<T>, now: number, value: (value: T) => U): Settled<U> {
  return result.ok
    ? { ok: true, value: value(result.value) }
    : { ok: false, problem: problemOf(result.refusal, now) };
}

/**
 * Returns the answer to an intent that the password has to prove. The relay calls a wrong password
 * `invalid`, and so a wrong code or none, because a 401 would be taken for the end of the login.
 */
export function settledProof<T, U = T>(
  result: Result<T>,
  now: number,
  { code }: { code?: string | undefined },
  value: (value: T) => U,
): Settled<U> {
  const answer = settled(result, now, value);
  if (answer.ok || answer.problem.key !== "problem.invalid") {
    return answer;
  }
  switch (answer.problem.field) {
    case "password":
    case "old_password":
      return {
        ok: false,
        problem: { ...answer.problem, key: "problem.not_your_password", field: "password" },
      };
    case "new_password":
      return { ok: false, problem: { ...answer.problem, key: "problem.weak_password" } };
    case "code":
      return {
        ok: false,
        problem: {
          ...answer.problem,
          key: code === undefined ? "problem.code_needed" : "problem.code_wrong",
        },
      };
    default:
      return answer;
  }
}

/** Returns the answer to a form in which the user chooses a password. */
export function settledNewPassword(result: Result<unknown>, now: number): Settled<void> {
  const answer = settled(result, now, () => undefined);
  const isWeak =
    !answer.ok && answer.problem.key === "problem.invalid" && answer.problem.field === "password";
  return isWeak ? { ok: false, problem: { ...answer.problem, key: "problem.weak_password" } } : answer;
}

export const done = { ok: true, value: undefined } as const;
