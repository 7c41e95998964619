/** Calls of a page that is logged in: an expired token is refreshed, and the call made again. */
import type { Id } from "../core/id.ts";
import { type Answer, type Call, type Fetch, Http } from "../wire/http.ts";
import type { Refreshed } from "./deps.ts";

/** The calls whose answer changes the cookies: it brings new tokens, or takes them away. */
const FOR_TOKENS = ["PUT /v1/me/password", "DELETE /v1/me", "DELETE /v1/sessions/current"];

export interface Tokens {
  /** Returns whether the cookies are still those of this login. */
  isOwn(): Promise<boolean>;
  refresh(): Promise<Refreshed>;
  /** Makes a call whose answer changes the cookies. It refreshes by itself. */
  forTokens(call: () => Promise<Answer>): Promise<Answer>;
}

export class RenewingHttp extends Http {
  readonly #tokens: Tokens;
  readonly #forTokens: readonly string[];

  constructor(fetch: Fetch, timeout: (milliseconds: number) => AbortSignal, device: Id, tokens: Tokens) {
    super(fetch, timeout, () => tokens.isOwn());
    this.#tokens = tokens;
    this.#forTokens = [...FOR_TOKENS, `DELETE /v1/sessions/${device}`];
  }

  override async call(call: Call): Promise<Answer> {
    if (this.#forTokens.includes(`${call.method} ${call.path}`)) {
      return await this.#tokens.forTokens(() => super.call(call));
    }
    const answer = await super.call(call);
    const isExpired = answer.kind === "problem" && answer.problem.code === "unauthorized";
    // A relay answers so before it does anything, so the call can be made again.
    return isExpired && (await this.#tokens.refresh()) === "renewed" ? await super.call(call) : answer;
  }
}
