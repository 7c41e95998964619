/** The second factor of the account: set up with an app, and turned off with a code of it. */
import { effect, signal } from "@preact/signals";
import { ask, recoveryCodes, tell, totpSecret, totpStatus } from "../wire/lists.ts";
import type { Env } from "./env.ts";
import { forUser } from "./for-user.ts";
import type { Mirror } from "./mirror.ts";
import { settled, settledProof } from "./problems.ts";
import type { SecondFactor } from "./session-model.ts";

const path = "/v1/me/totp";
type Status = SecondFactor["status"]["value"];

export function secondFactor(env: Env, mirror: Mirror): SecondFactor {
  const status = signal<Status>(undefined);
  effect(() => {
    // Another user may log in next.
    if (mirror.home.value === undefined) {
      status.value = undefined;
    }
  });
  const own = forUser(mirror);
  const load = () =>
    own(async (home) => {
      const result = await ask(home.http, { method: "GET", path }, totpStatus);
      if (result.ok) {
        const { active, since, recovery_codes: codesLeft } = result.value;
        status.value = active
          ? { isOn: true, codesLeft, ...(since === undefined ? {} : { since }) }
          : { isOn: false };
      }
      return settled(result, env.now(), () => undefined);
    });
  return {
    status,
    load,
    start: (password) =>
      own(async (home) => {
        const result = await ask(home.http, { method: "PUT", path, body: { password } }, totpSecret);
        return settledProof(result, env.now(), {}, (secret) => secret);
      }),
    confirm: (code) =>
      own(async (home) => {
        const result = await ask(home.http, { method: "POST", path, body: { code } }, recoveryCodes);
        await load();
        return settledProof(result, env.now(), { code }, (value) => value.recovery_codes);
      }),
    end: ({ password, code = "" }) =>
      own(async (home) => {
        const result = await tell(home.http, { method: "DELETE", path, body: { password, code } });
        await load();
        return settledProof(result, env.now(), code === "" ? {} : { code }, () => undefined);
      }),
  };
}
