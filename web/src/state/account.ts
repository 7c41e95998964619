/** What the user changes about their account. */
import { effect, type Signal, signal } from "@preact/signals";
import type { Id } from "../core/id.ts";
import { quietly } from "../core/quietly.ts";
import { noteExpiry, setMeta } from "../db/meta.ts";
import { fetchMe } from "../lists/people.ts";
import type { LoginDeps } from "../session/login.ts";
import { isUnsure } from "../session/submission.ts";
import {
  ask,
  device as deviceReader,
  devices as devicesReader,
  expiry,
  type Refusal,
  settings as settingsReader,
  tell,
} from "../wire/lists.ts";
import { object } from "../wire/shape.ts";
import type { Env, Home } from "./env.ts";
import { forUser } from "./for-user.ts";
import type { Mirror } from "./mirror.ts";
import { fateOf } from "./new-password.ts";
import { done, problem, settled, settledProof } from "./problems.ts";
import { secondFactor } from "./second-factor.ts";
import type { Device, Privacy, Session } from "./session-model.ts";

type Calls = Pick<
  Session,
  | "loadDevices"
  | "logOutDevice"
  | "renameDevice"
  | "changePassword"
  | "changeProfile"
  | "changePrivacy"
  | "deleteAccount"
  | "secondFactor"
> & { devices: Signal<Device[]> };

const nothing = () => undefined;

/** Returns the devices that a rejected login lists. The relay says little of them. */
export function placesOf(refusal: Refusal): Device[] {
  const devices = refusal.kind === "problem" ? (refusal.problem.devices ?? []) : [];
  return devices.map(({ id, name, last_seen_at: lastSeenAt }) => {
    const unknown = { isCurrent: false, isOnline: false, address: "", createdAt: lastSeenAt };
    return { id, name, lastSeenAt, ...unknown };
  });
}

export interface AccountEvents {
  /** The account is gone. */
  deleted(home: Home): Promise<void>;
  /** This device has logged in again, because its new password has taken its tokens. */
  renewed(): void;
  /** The new password has taken the tokens of this device, and it cannot get others by itself. */
  lost(home: Home): void;
}

export function accountCalls(env: Env, mirror: Mirror, deps: LoginDeps, events: AccountEvents): Calls {
  const devices = signal<Device[]>([]);
  const own = forUser(mirror);
  // The list is of one login.
  effect(() => {
    if (mirror.home.value === undefined) {
      devices.value = [];
    }
  });
  const load = () =>
    own(async (home) => {
      const result = await ask(home.http, { method: "GET", path: "/v1/sessions" }, devicesReader);
      if (result.ok) {
        devices.value = result.value.devices.map((one) => ({
          id: one.id,
          name: one.name,
          isCurrent: one.current,
          isOnline: one.online,
          address: one.ip,
          createdAt: one.created_at,
          lastSeenAt: one.last_seen_at,
        }));
      }
      return settled(result, env.now(), nothing);
    });
  mirror.listen((heard) => {
    if (heard.is === "changed" && heard.topics.includes("devices") && devices.peek().length > 0) {
      quietly(load());
    }
  });
  return {
    devices,
    loadDevices: load,
    secondFactor: secondFactor(env, mirror),
    logOutDevice: (device: Id, proof) =>
      own(async (home) => {
        const path = `/v1/sessions/${device}`;
        const body = proof === undefined ? {} : { body: proof };
        const result = await tell(home.http, { method: "DELETE", path, ...body });
        await load();
        return settledProof(result, env.now(), proof ?? {}, nothing);
      }),
    renameDevice: (device, name) =>
      own(async (home) => {
        const call = { method: "PATCH", path: `/v1/sessions/${device}`, body: { name } } as const;
        const result = await ask(home.http, call, object({ device: deviceReader }));
        await load();
        return settled(result, env.now(), nothing);
      }),
    changePassword: ({ password, code }, after) =>
      own(async (home) => {
        const body = { old_password: password, new_password: after, code };
        // The answer has new tokens, so it must not be lost with the page.
        const call = { method: "PUT", path: "/v1/me/password", body, keepalive: true } as const;
        const result = await ask(home.http, call, expiry);
        if (!result.ok && isUnsure(result.refusal)) {
          const name = devices.peek().find(({ isCurrent }) => isCurrent)?.name ?? env.deviceName();
          const fate = await fateOf(env, deps, home, name, { password: after, code });
          if (fate === "changed") {
            events.renewed();
            return done;
          }
          if (fate === "must_log_in") {
            events.lost(home);
          }
          const key = fate === "unchanged" ? "password_unchanged" : "password_unsure";
          return { ok: false, problem: problem(key) };
        }
        if (result.ok) {
          const skew = mirror.meta.peek().skew ?? 0;
          await noteExpiry(home.db, env.now() - skew + result.value.expires_in * 1_000);
          await load();
        }
        return settledProof(result, env.now(), { code }, nothing);
      }),
    changeProfile: ({ displayName, ...rest }) =>
      own(async (home) => {
        const body = { display_name: displayName, ...rest };
        const result = await tell(home.http, { method: "PATCH", path: "/v1/me", body });
        if (result.ok) {
          await fetchMe(home.db, home.http, env.now());
          await mirror.changed("meta", "people");
        }
        return settled(result, env.now(), nothing);
      }),
    changePrivacy: (privacy) =>
      own(async (home) => {
        const call = { method: "PATCH", path: "/v1/me/settings", body: settingsOf(privacy) } as const;
        const result = await ask(home.http, call, settingsReader);
        if (result.ok) {
          await setMeta(home.db, "settings", result.value);
          await mirror.changed("meta");
        }
        return settled(result, env.now(), nothing);
      }),
    deleteAccount: (proof) =>
      own(async (home) => {
        const result = await tell(home.http, { method: "DELETE", path: "/v1/me", body: proof });
        if (result.ok) {
          await events.deleted(home);
        }
        return settledProof(result, env.now(), proof, nothing);
      }),
  };
}

function settingsOf({ direct, add, lastSeen, readReceipts, findable }: Partial<Privacy>): object {
  return { direct, add, presence: lastSeen, receipts: readReceipts, findable };
}
