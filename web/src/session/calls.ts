/** Calls of a page that is logged in: an expired token is refreshed, and the call made again. */
import { type Answer, type Call, type Fetch, Http } from "../wire/http.ts";
import type { Refreshed } from "./deps.ts";

export class RenewingHttp extends Http {
  readonly #refresh: () => Promise<Refreshed>;

  constructor(
    fetch: Fetch,
    timeout: (milliseconds: number) => AbortSignal,
    refresh: () => Promise<Refreshed>,
  ) {
    super(fetch, timeout);
    this.#refresh = refresh;
  }

  override async call(call: Call): Promise<Answer> {
    const answer = await super.call(call);
    const isExpired = answer.kind === "problem" && answer.problem.code === "unauthorized";
    // A relay answers so before it does anything, so the call can be made again.
    return isExpired && (await this.#refresh()) === "renewed" ? await super.call(call) : answer;
  }
}
