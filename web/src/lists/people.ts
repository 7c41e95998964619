/** The user and other people: asked of the relay, and stored. */
import type { Id } from "../core/id.ts";
import { personOf, personOfItem } from "../db/facts.ts";
import { setMeta } from "../db/meta.ts";
import { putPeople, putRelations } from "../db/people.ts";
import type { Db } from "../db/schema.ts";
import type { Http } from "../wire/http.ts";
import {
  all,
  ask,
  block,
  friend,
  me,
  type Result,
  type Settings,
  settings,
  type User,
  user,
} from "../wire/lists.ts";
import { object } from "../wire/shape.ts";

export async function fetchMe(db: Db, http: Http, now: number): Promise<Result<User>> {
  const result = await ask(http, { method: "GET", path: "/v1/me" }, me);
  if (!result.ok) {
    return result;
  }
  const { email, ...rest } = result.value.user;
  const person = personOf(rest);
  const { about, avatar } = rest;
  const said = Object.entries({ about, avatar, email }).filter(([, value]) => value !== undefined);
  await setMeta(db, "me", { ...person, ...Object.fromEntries(said) });
  await putPeople(db, [person], now);
  return { ok: true, value: rest };
}

export async function fetchSettings(db: Db, http: Http): Promise<Result<Settings>> {
  const result = await ask(http, { method: "GET", path: "/v1/me/settings" }, settings);
  if (result.ok) {
    await setMeta(db, "settings", result.value);
  }
  return result;
}

export async function fetchUser(db: Db, http: Http, id: Id, now: number): Promise<Result<User>> {
  const result = await ask(http, { method: "GET", path: `/v1/users/${id}` }, object({ user }));
  if (!result.ok) {
    return result;
  }
  await putPeople(db, [personOf(result.value.user)], now);
  return { ok: true, value: result.value.user };
}

/** Asks for friends, requests and blocked users. */
export async function fetchRelations(db: Db, http: Http, now: number): Promise<Result<void>> {
  const states = ["friends", "incoming", "outgoing"] as const;
  const [blocks, lists] = await Promise.all([
    all(http, "/v1/blocks", {}, block),
    Promise.all(states.map((state) => all(http, "/v1/friends", { state }, friend))),
  ]);
  const failed = [blocks, ...lists].find((list) => !list.ok);
  if (failed !== undefined && !failed.ok) {
    return failed;
  }
  const friends = lists.flatMap((list) => (list.ok ? list.value : []));
  await putRelations(
    db,
    friends.map((one) => ({ person: personOfItem(one), state: one.state })),
    (blocks.ok ? blocks.value : []).map(personOfItem),
    now,
  );
  return { ok: true, value: undefined };
}
