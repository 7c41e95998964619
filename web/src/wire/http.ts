/**
 * Calls to the relay. `fetch`, the clock of timeouts and all else that acts come from outside.
 * Tokens are cookies, which no script sees; a call has none in its address or its headers.
 */
import { type Problem, readProblem } from "./problem.ts";

/** The part of `fetch` that calls use. */
export type Fetch = (address: string, request: RequestInit) => Promise<Response>;

export interface Call {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Begins with `/v1/`. */
  path: string;
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  /** For calls that may be repeated after a lost answer: 1 to 64 visible ASCII characters. */
  idempotencyKey?: string;
  /** Lets the request finish after the page is gone. A refresh needs it, or its cookie is lost. */
  keepalive?: boolean;
  /** Milliseconds; 15,000 by default. */
  timeout?: number;
  /** Gives the call up from outside. */
  signal?: AbortSignal;
}

export type Answer =
  | { kind: "ok"; status: number; value: unknown }
  /** The relay says why not. `retryAfter` is in milliseconds. */
  | { kind: "problem"; status: number; problem: Problem; retryAfter?: number }
  /** Something else answered, for example a proxy. */
  | { kind: "foreign"; status: number; retryAfter?: number }
  /** Nothing answered: no network, no relay, or too late. It says nothing about the login. */
  | { kind: "unreachable"; why: "network" | "timeout" | "cancelled" };

const TIMEOUT = 15_000;
/** The longest wait that a header may ask for, in seconds. A longer one is taken for this. */
const RETRY_AFTER_MAX = 24 * 60 * 60;

const GIVEN_UP: Answer = { kind: "unreachable", why: "cancelled" };

export class Http {
  readonly #fetch: Fetch;
  readonly #timeout: (milliseconds: number) => AbortSignal;
  readonly #isOwn: () => Promise<boolean>;

  /**
   * `timeout` makes a signal that aborts after a time: `AbortSignal.timeout`. `isOwn` says whether
   * the cookies are still those of the login that calls. If they are not, nothing is asked, and no
   * answer believed: it would be about another user.
   */
  constructor(
    fetch: Fetch,
    timeout: (milliseconds: number) => AbortSignal,
    isOwn: () => Promise<boolean> = async () => true,
  ) {
    this.#fetch = fetch;
    this.#timeout = timeout;
    this.#isOwn = isOwn;
  }

  /** Makes a call. Never fails; the answer says what became of it. */
  async call(call: Call): Promise<Answer> {
    if (!(await this.#isOwn())) {
      return GIVEN_UP;
    }
    const answer = await this.#ask(call);
    return (await this.#isOwn()) ? answer : GIVEN_UP;
  }

  async #ask(call: Call): Promise<Answer> {
    const timeout = this.#timeout(call.timeout ?? TIMEOUT);
    const signals = call.signal === undefined ? [timeout] : [timeout, call.signal];
    try {
      const response = await this.#fetch(address(call), {
        ...request(call),
        signal: AbortSignal.any(signals),
      });
      return await answer(response);
    } catch {
      if (call.signal?.aborted === true) {
        return GIVEN_UP;
      }
      return { kind: "unreachable", why: timeout.aborted ? "timeout" : "network" };
    }
  }
}

/** Returns the path with its query. Each part is escaped. */
export function address({ path, query = {} }: Pick<Call, "path" | "query">): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const parameters = given.map(
    ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`,
  );
  return parameters.length === 0 ? path : `${path}?${parameters.join("&")}`;
}

function request({ method, body, idempotencyKey, keepalive }: Call): RequestInit {
  const headers: Record<string, string> = {};
  if (body !== undefined) {
    headers["content-type"] = "application/json";
  }
  if (idempotencyKey !== undefined) {
    headers["idempotency-key"] = idempotencyKey;
  }
  return {
    method,
    headers,
    // A redirect never belongs to the relay: a proxy's login page must not look like an answer.
    redirect: "error",
    credentials: "same-origin",
    cache: "no-store",
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(keepalive === true ? { keepalive } : {}),
  };
}

async function answer(response: Response): Promise<Answer> {
  const { status } = response;
  const type = (response.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase();
  if (status === 204) {
    return { kind: "ok", status, value: undefined };
  }
  const wait = retryAfter(response.headers.get("retry-after"));
  const later = wait === undefined ? {} : { retryAfter: wait };
  const isProblem = type === "application/problem+json";
  if (!isProblem && !(response.ok && type === "application/json")) {
    return { kind: "foreign", status, ...later };
  }
  const value = parsed(await response.text());
  if (!isProblem) {
    return value === undefined ? { kind: "foreign", status, ...later } : { kind: "ok", status, value };
  }
  const problem = readProblem(value);
  if (problem === undefined) {
    return { kind: "foreign", status, ...later };
  }
  const seconds = problem.retry_after;
  return {
    kind: "problem",
    status,
    problem,
    ...(seconds === undefined ? later : { retryAfter: milliseconds(seconds) }),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Reads the seconds of a `Retry-After`, as milliseconds. The relay sends no dates. */
function retryAfter(header: string | null): number | undefined {
  return header !== null && /^\d{1,9}$/.test(header) ? milliseconds(Number(header)) : undefined;
}

function milliseconds(seconds: number): number {
  return Math.min(seconds, RETRY_AFTER_MAX) * 1_000;
}
