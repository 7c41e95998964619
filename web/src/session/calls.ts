/** Calls of a page that is logged in: an expired token is refreshed, and the call made again. */
import { type Answer, type Call, type Fetch, Http } from "../wire/http.ts";
import type { Refreshed } from "./deps.ts";

/** The calls whose answer has new tokens in the place of those before. */
const FOR_TOKENS = ["PUT /v1/me/password"];

export interface Tokens {
  /** Returns whether the cookies are still those of this login. */
  isOwn(): Promise<boolean>;
  refresh(): Promise<Refreshed>;
  /** Makes a call whose answer has new tokens. It refreshes by itself. */
  forTokens(call: () => Promise<Answer>): Promise<Answer>;
}

export class RenewingHttp extends Http {
  readonly #tokens: Tokens;

  constructor(fetch: Fetch, timeout: (milliseconds: number) => AbortSignal, tokens: Tokens) {
    super(fetch, timeout, () => tokens.isOwn());
    this.#tokens = tokens;
  }

  override async call(call: Call): Promise<Answer> {
    if (FOR_TOKENS.includes(`${call.method} ${call.path}`)) {
      return await this.#tokens.forTokens(() => super.call(call));
    }
    const answer = await super.call(call);
    const isExpired = answer.kind === "problem" && answer.problem.code === "unauthorized";
    // A relay answers so before it does anything, so the call can be made again.
    return isExpired && (await this.#tokens.refresh()) === "renewed" ? await super.call(call) : answer;
  }
}
