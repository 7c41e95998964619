/** What the fake relay answers about accounts, proofs and the second factor. */
import type { FakeDevice, FakeRelay, FakeUser, Jar } from "./relay.ts";
import { type Call, DETAILS, invalid, problem, type Reply } from "./reply.ts";

/** For how long a proof of the password counts. */
const FRESH = 600_000;
export const COMMON_PASSWORD = "password1";
/** The code that an app of the user shows now. */
export const GOOD_CODE = "287082";
const RECOVERY = ["abcd-efgh-ijkl-mnop-qrst-uvwx", "yz23-4567-abcd-efgh-ijkl-mnop"];

interface Asker {
  relay: FakeRelay;
  jar: Jar;
  user: FakeUser;
  device: FakeDevice;
}

/** What a user says of themselves. */
const PROFILE = ["display_name", "about", "avatar", "email"] as const;

/** Answers, or returns `undefined` for a call of another kind. */
export function accountReply(asker: Asker, call: Call): Reply | undefined {
  const { relay, user } = asker;
  const [, , kind, id = ""] = call.path.split("/");
  switch (`${call.method} ${call.path}`) {
    case "PUT /v1/me/password":
      return changePassword(asker, call);
    case "DELETE /v1/me":
      return prove(user, call, "password") ?? deleted(asker);
    case "PATCH /v1/me": {
      for (const field of PROFILE) {
        const value = call.body[field];
        if (value === "") {
          delete user[field];
        } else if (value !== undefined) {
          user[field] = String(value);
        }
      }
      return [200, { user: { ...userOf(user), email: user.email } }];
    }
    case "GET /v1/me/totp":
      return [200, { active: user.hasCode === true, recovery_codes: user.hasCode === true ? 10 : 0 }];
    case "PUT /v1/me/totp":
      return startSecondFactor(user, call);
    case "POST /v1/me/totp":
      return confirmSecondFactor(user, call);
    case "DELETE /v1/me/totp":
      return endSecondFactor(user, call);
    default:
      break;
  }
  if (kind === "sessions" && call.method === "DELETE") {
    return logOut(asker, call, id === "current" ? asker.device.id : id);
  }
  if (kind === "sessions" && call.method === "PATCH") {
    const device = relay.devices.get(id === "current" ? asker.device.id : id);
    if (device?.user !== user.id) {
      return problem(404, "not_found");
    }
    device.name = String(call.body["name"]);
    return [200, { device: deviceOf(device, asker.jar) }];
  }
  return undefined;
}

/** Checks the password and then the code, and says what is wrong. */
function prove(user: FakeUser, { body }: Call, field: string): Reply | undefined {
  if (body[field] !== user.password) {
    return invalid(field, DETAILS.wrongPassword);
  }
  if (user.hasCode !== true) {
    return undefined;
  }
  if (body["code"] === undefined) {
    return invalid("code", DETAILS.needsCode);
  }
  return isGood(body["code"]) ? undefined : invalid("code", DETAILS.wrongCode);
}

/** Blanks and dashes do not count. */
export function isGood(code: unknown): boolean {
  return String(code).replace(/[ -]/g, "") === GOOD_CODE;
}

function changePassword({ relay, jar, user, device }: Asker, call: Call): Reply {
  const { new_password: after } = call.body;
  if (after === COMMON_PASSWORD) {
    return invalid("new_password", DETAILS.commonPassword);
  }
  const fault = prove(user, call, "old_password");
  if (fault !== undefined) {
    return fault;
  }
  user.password = String(after);
  for (const other of relay.devicesOf(user.id)) {
    if (other !== device) {
      relay.logOut(other.id);
    }
  }
  device.provenAt = relay.time.truth();
  relay.renew(device, jar);
  return [200, { expires_in: relay.ttl / 1_000 }];
}

function deleted({ relay, jar, user }: Asker): Reply {
  for (const { id } of relay.devicesOf(user.id)) {
    relay.logOut(id, 4501);
  }
  relay.users.delete(user.id);
  jar.device = undefined;
  return [204];
}

function logOut({ relay, jar, user, device }: Asker, call: Call, id: string): Reply {
  if (id !== device.id) {
    if (call.body["password"] !== undefined) {
      const fault = prove(user, call, "password");
      if (fault !== undefined) {
        return fault;
      }
      device.provenAt = relay.time.truth();
    } else if (relay.time.truth() - device.provenAt >= FRESH) {
      return problem(403, "password_needed", { detail: DETAILS.needsPassword });
    }
  }
  if (relay.devices.get(id)?.user !== user.id) {
    return problem(404, "not_found");
  }
  relay.logOut(id);
  if (id === device.id) {
    jar.device = undefined;
  }
  return [204];
}

function startSecondFactor(user: FakeUser, call: Call): Reply {
  if (call.body["password"] !== user.password) {
    return invalid("password", DETAILS.wrongPassword);
  }
  if (user.hasCode === true) {
    return problem(409, "totp_active", { detail: DETAILS.totpActive });
  }
  user.hasCode = "waits";
  const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
  return [200, { secret, uri: `otpauth://totp/ferry:${user.username}?secret=${secret}&issuer=ferry` }];
}

function confirmSecondFactor(user: FakeUser, call: Call): Reply {
  if (user.hasCode === undefined) {
    return problem(404, "not_found");
  }
  if (user.hasCode === true) {
    return problem(409, "totp_active", { detail: DETAILS.totpActive });
  }
  if (!isGood(call.body["code"])) {
    return invalid("code", DETAILS.wrongCode);
  }
  user.hasCode = true;
  return [200, { recovery_codes: RECOVERY }];
}

function endSecondFactor(user: FakeUser, call: Call): Reply {
  if (call.body["password"] !== user.password) {
    return invalid("password", DETAILS.wrongPassword);
  }
  if (user.hasCode !== true) {
    return problem(404, "not_found");
  }
  if (!isGood(call.body["code"])) {
    return invalid("code", DETAILS.wrongCode);
  }
  delete user.hasCode;
  return [204];
}

/** What others see of a user. What is `undefined` is left out of the answer. */
export function userOf({ id, username, display_name, about, avatar }: FakeUser) {
  return { id, username, display_name, about, avatar, created_at: 1 };
}

export function deviceOf({ id, name, connection }: FakeDevice, jar: Jar) {
  const times = { created_at: 1, last_seen_at: 1 };
  const online = connection !== undefined;
  return { id, name, ip: "127.0.0.1", ...times, online, current: id === jar.device };
}
