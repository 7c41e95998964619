/** What the user changes about their account. */
import { type Signal, signal } from "@preact/signals";
import type { Id } from "../core/id.ts";
import { setMeta } from "../db/meta.ts";
import { eraseDb } from "../db/schema.ts";
import { fetchMe } from "../lists/people.ts";
import {
  ask,
  devices as devicesReader,
  type Refusal,
  settings as settingsReader,
  tell,
} from "../wire/lists.ts";
import type { Env } from "./env.ts";
import type { Mirror } from "./mirror.ts";
import type { Device, Privacy, Session } from "./model.ts";
import { problem, settled } from "./problems.ts";

type Calls = Pick<
  Session,
  "loadDevices" | "logOutDevice" | "changePassword" | "changeProfile" | "changePrivacy" | "deleteAccount"
> & { devices: Signal<Device[]> };

/** Returns the devices that a rejected login lists. The relay says little of them. */
export function placesOf(refusal: Refusal): Device[] {
  const devices = refusal.kind === "problem" ? (refusal.problem.devices ?? []) : [];
  return devices.map(({ id, name, last_seen_at: lastSeenAt }) => {
    const unknown = { isCurrent: false, isOnline: false, address: "", createdAt: lastSeenAt };
    return { id, name, lastSeenAt, ...unknown };
  });
}

export function accountCalls(env: Env, mirror: Mirror, deleted: () => Promise<void>): Calls {
  const devices = signal<Device[]>([]);
  const nobody = { ok: false, problem: problem("unauthorized") } as const;
  const load = async () => {
    const home = mirror.home.peek();
    if (home === undefined) {
      return nobody;
    }
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
    return settled(result, env.now(), () => undefined);
  };
  mirror.listen((heard) => {
    if (heard.is === "changed" && heard.topics.includes("devices") && devices.peek().length > 0) {
      void load();
    }
  });
  return {
    devices,
    loadDevices: load,
    async logOutDevice(device: Id, password?: string) {
      const home = mirror.home.peek();
      if (home === undefined) {
        return nobody;
      }
      const body = password === undefined ? {} : { body: { password } };
      const result = await tell(home.http, { method: "DELETE", path: `/v1/sessions/${device}`, ...body });
      await load();
      return settled(result, env.now(), () => undefined);
    },
    async changePassword(before, after, code) {
      const home = mirror.home.peek();
      if (home === undefined) {
        return nobody;
      }
      const body = { old_password: before, new_password: after, code };
      // The answer has new tokens, so it must not be lost with the page.
      const call = { method: "PUT", path: "/v1/me/password", body, keepalive: true } as const;
      return settled(await tell(home.http, call), env.now(), () => undefined);
    },
    async changeProfile({ displayName, email }) {
      const home = mirror.home.peek();
      if (home === undefined) {
        return nobody;
      }
      const body = { display_name: displayName, email };
      const result = await tell(home.http, { method: "PATCH", path: "/v1/me", body });
      if (result.ok) {
        await fetchMe(home.db, home.http, env.now());
        await mirror.changed("meta", "people");
      }
      return settled(result, env.now(), () => undefined);
    },
    async changePrivacy(privacy) {
      const home = mirror.home.peek();
      if (home === undefined) {
        return nobody;
      }
      const call = { method: "PATCH", path: "/v1/me/settings", body: settingsOf(privacy) } as const;
      const result = await ask(home.http, call, settingsReader);
      if (result.ok) {
        await setMeta(home.db, "settings", result.value);
        await mirror.changed("meta");
      }
      return settled(result, env.now(), () => undefined);
    },
    async deleteAccount(password, code) {
      const home = mirror.home.peek();
      if (home === undefined) {
        return nobody;
      }
      const result = await tell(home.http, { method: "DELETE", path: "/v1/me", body: { password, code } });
      if (result.ok) {
        await deleted();
        await eraseDb(home.user);
      }
      return settled(result, env.now(), () => undefined);
    },
  };
}

function settingsOf({ direct, add, lastSeen, readReceipts, findable }: Partial<Privacy>): object {
  return { direct, add, presence: lastSeen, receipts: readReceipts, findable };
}
