/** What the user is told when the browser, and not the relay, has failed. */
import type { Answer, Problem } from "./answer.ts";

/** Returns the problem for an error. Its message is left out: it might have a text of the user. */
export function problemOfError(error: unknown): Problem {
  const name = error instanceof Error ? error.name : "Error";
  switch (name) {
    case "QuotaExceededError":
      return { key: "problem.storage_full", values: {} };
    // The store is closed, or was closed while it worked.
    case "InvalidStateError":
    case "AbortError":
    case "UnknownError":
      return { key: "problem.store_failed", values: {} };
    default:
      return { key: "problem.fault", values: { name } };
  }
}

/** Does something with the store, and returns what went wrong. Never fails. */
export async function attempt<T>(work: () => Promise<T>): Answer<T> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return { ok: false, problem: problemOfError(error) };
  }
}

/** Does something that answers by itself, and returns what went wrong. Never fails. */
export async function attemptAnswer<T>(work: () => Answer<T>): Answer<T> {
  const answer = await attempt(work);
  return answer.ok ? answer.value : answer;
}
