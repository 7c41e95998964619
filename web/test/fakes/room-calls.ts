/** What the fake relay answers about rooms, their members, bans and invitations. */
import type { Role } from "../../src/core/message.ts";
import type { FakeRelay, FakeRoom, FakeUser } from "./relay.ts";
import { type Call, problem, type Reply } from "./reply.ts";

const RANKS: Role[] = ["member", "moderator", "admin", "owner"];
const FOREVER = Number.MAX_SAFE_INTEGER;

/** Answers, or returns `undefined` for a call of another kind. */
export function roomReply(relay: FakeRelay, user: FakeUser, call: Call): Reply | undefined {
  const [, , kind, id = "", what = "", whom = ""] = call.path.split("/");
  if (kind !== "rooms" || id === "") {
    return undefined;
  }
  const room = relay.rooms.get(id);
  const mine = room?.peers.get(user.id);
  if (room === undefined || mine === undefined) {
    return problem(404, "not_found");
  }
  const lacks = (least: Role) => RANKS.indexOf(mine) < RANKS.indexOf(least);
  const forbidden = problem(403, "forbidden");
  switch (`${call.method} ${what}`) {
    case "GET ":
      return [200, { room: roomOf(room, user.id) }];
    case "PATCH ":
      return lacks("admin") ? forbidden : changed(room, user, call);
    case "DELETE ":
      if (lacks("owner")) {
        return forbidden;
      }
      relay.rooms.delete(id);
      return [204];
    case "POST owner": {
      const to = String(call.body["user"]);
      if (lacks("owner")) {
        return forbidden;
      }
      if (!room.peers.has(to)) {
        return problem(404, "not_found");
      }
      room.peers.set(to, "owner").set(user.id, "admin");
      return [200, { room: roomOf(room, user.id) }];
    }
    case "POST leave":
      room.peers.delete(user.id);
      return [204];
    case "PUT hidden":
      room.hidden.add(user.id);
      return [204];
    case "DELETE hidden":
      room.hidden.delete(user.id);
      return [204];
    case "GET members":
      return [200, { items: [...room.peers].map(([one, role]) => memberOf(relay, one, role)) }];
    case "DELETE members":
      return lacks("admin") ? forbidden : room.peers.delete(whom) ? [204] : problem(404, "not_found");
    case "PUT members": {
      if (lacks("admin")) {
        return forbidden;
      }
      const isNew = !room.peers.has(whom);
      room.peers.set(whom, (call.body["role"] as Role | undefined) ?? room.peers.get(whom) ?? "member");
      return [isNew ? 201 : 200, { member: memberOf(relay, whom, room.peers.get(whom) ?? "member") }];
    }
    default:
      return lacks("admin") ? forbidden : officeReply(relay, room, user, call);
  }
}

/** Bans and invitations, which take the role of an admin. */
function officeReply(relay: FakeRelay, room: FakeRoom, user: FakeUser, call: Call): Reply {
  const [, , , , what = "", whom = ""] = call.path.split("/");
  switch (`${call.method} ${what}`) {
    case "GET bans":
      return [200, { items: [...room.bans.values()] }];
    case "PUT bans": {
      const { username = "" } = relay.users.get(whom) ?? {};
      const { until = FOREVER, reason } = call.body;
      const more = reason === undefined ? {} : { reason };
      const ban = { user: whom, username, by: user.id, until, ...more, created_at: 1 };
      const isNew = !room.bans.has(whom);
      room.bans.set(whom, ban);
      room.peers.delete(whom);
      return [isNew ? 201 : 200, { ban }];
    }
    case "DELETE bans":
      return room.bans.delete(whom) ? [204] : problem(404, "not_found");
    case "GET invitations":
      return [200, { items: [...room.invited.values()] }];
    case "POST invitations": {
      const to = String(call.body["user"]);
      const { id, kind, name } = room;
      const named = name === undefined ? {} : { name };
      const invitation = { room: id, kind, ...named, user: to, by: user.id, created_at: 1 };
      const isNew = !room.invited.has(to);
      room.invited.set(to, invitation);
      return [isNew ? 201 : 200, { invitation }];
    }
    case "DELETE invitations":
      return room.invited.delete(whom) ? [204] : problem(404, "not_found");
    default:
      return problem(404, "not_found");
  }
}

function changed(room: FakeRoom, user: FakeUser, { body }: Call): Reply {
  const { name, description } = body;
  if (name !== undefined) {
    room.name = String(name);
  }
  if (description === "") {
    delete room.description;
  } else if (description !== undefined) {
    room.description = String(description);
  }
  return [200, { room: roomOf(room, user.id) }];
}

function memberOf(relay: FakeRelay, user: string, role: Role) {
  const { username = "" } = relay.users.get(user) ?? {};
  return { user, username, role, muted_until: 0, joined_at: 1 };
}

export function roomOf({ id, kind, name, description, peers }: FakeRoom, me: string) {
  const peer = kind === "direct" ? [...peers.keys()].find((one) => one !== me) : undefined;
  const role = peers.get(me);
  const given = Object.entries({ name, description, role, peer }).filter(([, value]) => value !== undefined);
  return { id, kind, created_at: 1, member_count: peers.size, ...Object.fromEntries(given) };
}
