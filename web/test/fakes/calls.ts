/** The HTTP calls of the fake relay, with the cookies of a browser. */
import type { Fetch } from "../../src/wire/http.ts";
import { accountReply, COMMON_PASSWORD, deviceOf, isGood, userOf } from "./account-calls.ts";
import { assertDescribed } from "./openapi.ts";
import type { FakeDevice, FakeRelay, Jar } from "./relay.ts";
import { type Call, DETAILS, invalid, problem, type Reply } from "./reply.ts";
import { roomOf, roomReply } from "./room-calls.ts";

/**
 * Loses the answers of calls to this path, and their cookies: the relay does what they say, and
 * nobody hears of it.
 */
export interface Losses {
  path?: string | undefined;
  /** Called after an answer was lost, for example to restore the network. */
  lost?: (() => void) | undefined;
}

/** Returns what a page calls in place of `fetch`. */
export function fetchOf(relay: FakeRelay, jar: Jar, losses: Losses = {}): Fetch {
  return async (address, request) => {
    await Promise.resolve();
    if (relay.isDown || request.signal?.aborted === true) {
      throw new TypeError("network");
    }
    const [path = "", query] = address.split("?");
    const text = typeof request.body === "string" ? request.body : "{}";
    const method = request.method ?? "GET";
    if (relay.onCall(`${method} ${path}`)) {
      throw new TypeError("network");
    }
    relay.calls.push(`${method} ${path}`);
    const key = new Headers(request.headers).get("idempotency-key") ?? undefined;
    const call = { method, path, query: new URLSearchParams(query), body: JSON.parse(text), key };
    const before = { ...jar };
    const [status, body] = reply(relay, jar, call);
    try {
      assertDescribed(call, status, body);
    } catch (error) {
      // The page takes what is thrown here for a broken network, so the test is told at its end.
      relay.faults.push(String(error));
      throw error;
    }
    await Promise.resolve();
    if (losses.path === path) {
      Object.assign(jar, before);
      losses.lost?.();
      throw new TypeError("lost");
    }
    return response(status, body);
  };
}

function response(status: number, body: unknown): Response {
  if (body === undefined) {
    return new Response(null, { status });
  }
  const type = status < 400 ? "application/json" : "application/problem+json";
  return new Response(JSON.stringify(body), { status, headers: { "content-type": type } });
}

function reply(relay: FakeRelay, jar: Jar, call: Call): Reply {
  const name = `${call.method} ${call.path}`;
  if (relay.retryAfter !== undefined) {
    return problem(429, "rate_limited", { retry_after: relay.retryAfter });
  }
  if (name === "POST /v1/sessions") {
    return login(relay, jar, call);
  }
  if (name === "POST /v1/accounts") {
    return register(relay, call);
  }
  if (name === "POST /v1/sessions/refresh") {
    return refresh(relay, jar);
  }
  const device = relay.deviceOf(jar);
  if (device === undefined) {
    return problem(401, "unauthorized");
  }
  return authorized(relay, jar, device, call, name);
}

function register(relay: FakeRelay, { body }: Call): Reply {
  const { username, password, display_name: name } = body;
  if (password === COMMON_PASSWORD) {
    return invalid("password", DETAILS.commonPassword);
  }
  if ([...relay.users.values()].some((user) => user.username === username)) {
    return problem(409, "username_taken", { field: "username", detail: DETAILS.takenName });
  }
  const user = relay.addUser(relay.id(), String(username), String(password));
  if (name !== undefined) {
    user.display_name = String(name);
  }
  return [201, { user: userOf(user) }];
}

function login(relay: FakeRelay, jar: Jar, { body, key }: Call): Reply {
  const user = [...relay.users.values()].find(({ username }) => username === body["username"]);
  if (user === undefined || user.password !== body["password"]) {
    return problem(401, "unauthorized", { detail: DETAILS.wrongLogin });
  }
  if (user.hasCode === true && body["code"] === undefined) {
    return problem(401, "code_needed", { detail: DETAILS.loginNeedsCode });
  }
  if (user.hasCode === true && (!isGood(body["code"]) || body["code"] === user.usedCode)) {
    return problem(401, "code_wrong", { detail: DETAILS.wrongCode });
  }
  const mine = relay.devicesOf(user.id);
  const made = relay.devices.get(relay.keys.get(`${user.id} sessions ${key}`) ?? "");
  if (mine.length >= relay.devicesMax && body["replace"] === undefined && made === undefined) {
    const devices = mine.map((one) => deviceOf(one, { ...jar, device: undefined }));
    return problem(409, "device_limit", { detail: DETAILS.deviceLimit, devices });
  }
  const replaced = made ?? relay.devices.get(String(body["replace"]));
  const device = replaced ?? relay.addDevice(relay.id(), user.id, String(body["device_name"]));
  if (key !== undefined) {
    relay.keys.set(`${user.id} sessions ${key}`, device.id);
  }
  device.isRevoked = false;
  device.provenAt = relay.time.truth();
  if (jar.isBlocked !== true) {
    relay.renew(device, jar);
  }
  // With cookies there are no tokens in the answer, nor their times.
  return [201, { user: userOf(user), device: { ...deviceOf(device, jar), current: true } }];
}

/** A token gives the same next one for as long as that one was not used. */
function refresh(relay: FakeRelay, jar: Jar): Reply {
  const device = relay.devices.get(jar.device ?? "");
  if (device === undefined || device.isRevoked || device.generation !== jar.generation) {
    jar.device = undefined;
    return problem(401, "unauthorized");
  }
  if (jar.refresh === device.refresh) {
    device.refresh += 1;
    device.isNewestUsed = false;
  } else if (jar.refresh !== device.refresh - 1 || device.isNewestUsed) {
    device.isRevoked = true;
    device.connection?.close(4003);
    jar.device = undefined;
    return problem(401, "unauthorized");
  }
  jar.refresh = device.refresh;
  jar.accessUntil = relay.time.truth() + relay.ttl;
  device.connection?.renewed();
  return [200, { expires_in: relay.ttl / 1_000 }];
}

function authorized(relay: FakeRelay, jar: Jar, device: FakeDevice, call: Call, name: string): Reply {
  const user = relay.users.get(device.user);
  const mine = [...relay.rooms.values()].filter(({ peers }) => peers.has(device.user));
  if (user === undefined) {
    return problem(401, "unauthorized");
  }
  const [, , kind = "", id = ""] = call.path.split("/");
  switch (name) {
    case "GET /v1/me":
      return [200, { user: { ...userOf(user), email: user.email } }];
    case "GET /v1/me/settings":
      return [200, user.settings];
    case "GET /v1/rooms": {
      const isHidden = call.query.get("hidden") === "true";
      const shown = mine.filter(({ hidden }) => hidden.has(user.id) === isHidden);
      return [200, { items: shown.map((one) => roomOf(one, user.id)) }];
    }
    case "POST /v1/rooms": {
      const members = [...((call.body["members"] as string[] | undefined) ?? []), user.id];
      const isDirect = call.body["kind"] === "direct";
      const known = isDirect && mine.find((one) => one.kind === "direct" && one.peers.has(members[0] ?? ""));
      if (known) {
        // Two users have one direct room, and who asks for it sees it again.
        known.hidden.delete(user.id);
        return [200, { room: roomOf(known, user.id) }];
      }
      const made = relay.rooms.get(relay.keys.get(`${user.id} rooms ${call.key}`) ?? "");
      if (made !== undefined) {
        return [200, { room: roomOf(made, user.id) }];
      }
      const role = isDirect ? "member" : "owner";
      const roles = Object.fromEntries(
        members.map((one) => [one, one === user.id ? role : "member"] as const),
      );
      const fresh = relay.addRoom(
        relay.id(),
        call.body["kind"] as "group",
        roles,
        call.body["name"] as string,
      );
      if (call.key !== undefined) {
        relay.keys.set(`${user.id} rooms ${call.key}`, fresh.id);
      }
      return [201, { room: roomOf(fresh, user.id) }];
    }
    case "GET /v1/users": {
      const query = call.query.get("query") ?? "";
      const found = [...relay.users.values()].filter(({ username }) => username.startsWith(query));
      return [200, { items: found.map(userOf) }];
    }
    case "GET /v1/invitations":
    case "GET /v1/friends":
    case "GET /v1/blocks":
      return [200, { items: [] }];
    case "GET /v1/sessions":
      return [200, { devices: relay.devicesOf(user.id).map((one) => deviceOf(one, jar)) }];
    default:
      break;
  }
  const about = accountReply({ relay, jar, user, device }, call);
  if (about !== undefined) {
    return about;
  }
  if (call.method === "GET" && kind === "users") {
    const known = relay.users.get(id);
    return known === undefined ? problem(404, "not_found") : [200, { user: userOf(known) }];
  }
  return roomReply(relay, user, call) ?? problem(404, "not_found");
}
