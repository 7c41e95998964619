/** The answers of the relay that the client keeps: users, rooms, members and the like. */
import type { Answer, Call, Http } from "./http.ts";
import {
  anything,
  attempt,
  count,
  flag,
  id,
  list,
  object,
  oneOf,
  optional,
  type Read,
  type Reader,
  role,
  text,
  whole,
} from "./shape.ts";

const kind = oneOf("direct", "group", "channel");
const who = oneOf("anybody", "friends");

const person = {
  id,
  username: text,
  display_name: optional(text),
  about: optional(text),
  avatar: optional(text),
};
export const user = object(person);
export const me = object({ user: object({ ...person, email: optional(text) }) });
export const settings = object({ direct: who, add: who, receipts: flag, presence: flag, findable: flag });
export const room = object({
  id,
  kind,
  name: optional(text),
  description: optional(text),
  member_count: count,
  role: optional(role),
  peer: optional(id),
});
export const member = object({
  user: id,
  username: text,
  display_name: optional(text),
  role,
  muted_until: whole,
  joined_at: whole,
});
export const friend = object({
  user: id,
  username: text,
  display_name: optional(text),
  state: oneOf("friends", "incoming", "outgoing"),
});
export const block = object({ user: id, username: text, display_name: optional(text) });
export const invitation = object({ room: id, kind, name: optional(text), by: id, created_at: whole });
/** An invitation to a room, as those who run the room see it. */
export const openInvitation = object({ user: id, by: id, created_at: whole });
export const ban = object({
  user: id,
  username: text,
  display_name: optional(text),
  by: optional(id),
  until: whole,
  reason: optional(text),
  created_at: whole,
});
export const device = object({
  id,
  name: text,
  ip: text,
  created_at: whole,
  last_seen_at: whole,
  online: flag,
  current: flag,
});
export const devices = object({ devices: list(device) });
export const session = object({ user, device, expires_in: optional(count) });
export const totpStatus = object({ active: flag, since: optional(whole), recovery_codes: count });
export const totpSecret = object({ secret: text, uri: text });
export const recoveryCodes = object({ recovery_codes: list(text) });
export const expiry = object({ expires_in: count });

export type User = Read<typeof user>;
export type Room = Read<typeof room>;
export type Member = Read<typeof member>;
export type Friend = Read<typeof friend>;
export type Block = Read<typeof block>;
export type Invitation = Read<typeof invitation>;
export type Device = Read<typeof device>;
export type Settings = Read<typeof settings>;

export type Refusal = Exclude<Answer, { kind: "ok" }>;
export type Result<T> = { ok: true; value: T } | { ok: false; refusal: Refusal };

/** Makes a call and reads its answer. One of another form counts as somebody else's. */
export async function ask<T>(http: Http, call: Call, reader: Reader<T>): Promise<Result<T>> {
  const answer = await http.call(call);
  if (answer.kind !== "ok") {
    return { ok: false, refusal: answer };
  }
  const value = attempt(() => reader(answer.value));
  return value === undefined
    ? { ok: false, refusal: { kind: "foreign", status: answer.status } }
    : { ok: true, value };
}

/** Makes a call whose answer has nothing to read. */
export async function tell(http: Http, call: Call): Promise<Result<void>> {
  const answer = await http.call(call);
  return answer.kind === "ok" ? { ok: true, value: undefined } : { ok: false, refusal: answer };
}

/** The items of one page, and the most pages of a list: a relay that never ends one is broken. */
const PAGE = 200;
const PAGES_MAX = 500;

/** Reads all pages of a list. */
export async function all<T>(
  http: Http,
  path: string,
  query: Record<string, string | boolean>,
  reader: Reader<T>,
): Promise<Result<T[]>> {
  const page = object({ items: list(anything), next_cursor: optional(text) });
  const items: T[] = [];
  let cursor: string | undefined;
  for (let at = 0; at < PAGES_MAX; at += 1) {
    const result = await ask(http, { method: "GET", path, query: { ...query, limit: PAGE, cursor } }, page);
    if (!result.ok) {
      return result;
    }
    // An item of a form that this version does not know is left out; the others are read.
    items.push(
      ...result.value.items.flatMap((item) => {
        const read = attempt(() => reader(item));
        return read === undefined ? [] : [read];
      }),
    );
    cursor = result.value.next_cursor;
    if (cursor === undefined) {
      break;
    }
  }
  return { ok: true, value: items };
}
