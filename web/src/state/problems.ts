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

export const done = { ok: true, value: undefined } as const;
