/** Friends, requests and blocked users. */
import { computed } from "@preact/signals";
import type { Id } from "../core/id.ts";
import { personOf, personOfItem } from "../db/facts.ts";
import { type FriendState, putPeople, putRelation } from "../db/people.ts";
import type { PersonRow } from "../db/rows.ts";
import { fetchRelations, fetchUser } from "../lists/people.ts";
import { all, ask, friend, type Result, tell, user as userReader } from "../wire/lists.ts";
import { object } from "../wire/shape.ts";
import type { Env, Home } from "./env.ts";
import { forUser } from "./for-user.ts";
import type { Mirror } from "./mirror.ts";
import type { People, Person } from "./model.ts";
import { toPerson } from "./names.ts";
import { settled } from "./problems.ts";

/** The users that a search shows. */
const FOUND = 50;

export function people(env: Env, mirror: Mirror): People {
  const those = (is: (row: PersonRow) => boolean): Person[] =>
    [...mirror.people.value.values()]
      .filter(is)
      .map(({ id }) => toPerson(mirror, id))
      .sort((one, other) => one.name.localeCompare(other.name));
  const own = forUser(mirror);
  const change = (
    call: (home: Home) => Promise<Result<{ friend?: FriendState | undefined; isBlocked?: boolean }>>,
    id: Id,
  ) =>
    own(async (home) => {
      const result = await call(home);
      if (result.ok) {
        const known = mirror.people.peek().get(id);
        await putRelation(home.db, known ?? { id, username: id }, result.value, env.now());
        await mirror.changed("people");
      }
      return settled(result, env.now(), () => undefined);
    });
  const path = (id: Id) => `/v1/friends/${id}`;
  const put = (id: Id) =>
    change(async (home) => {
      const result = await ask(home.http, { method: "PUT", path: path(id) }, object({ friend }));
      if (!result.ok) {
        return result;
      }
      await putPeople(home.db, [personOfItem(result.value.friend)], env.now());
      await mirror.changed("people");
      return { ok: true, value: { friend: result.value.friend.state } };
    }, id);
  const drop = (id: Id) =>
    change(async (home) => {
      const result = await tell(home.http, { method: "DELETE", path: path(id) });
      return result.ok ? { ok: true, value: { friend: undefined } } : result;
    }, id);
  return {
    friends: computed(() => those(({ friend }) => friend === "friends")),
    requests: computed(() => ({
      incoming: those(({ friend }) => friend === "incoming"),
      outgoing: those(({ friend }) => friend === "outgoing"),
    })),
    blocked: computed(() => those(({ isBlocked }) => isBlocked === true)),
    known: computed(() => those(({ username }) => username !== "")),
    load: () =>
      own(async (home) => {
        const result = await fetchRelations(home.db, home.http, env.now());
        await mirror.changed("people");
        return settled(result, env.now(), () => undefined);
      }),
    find: (name) =>
      own(async (home) => {
        if (name.trim() === "") {
          return { ok: true, value: [] };
        }
        const result = await all(home.http, "/v1/users", { query: name.trim() }, userReader);
        if (result.ok) {
          const some = result.value.slice(0, FOUND).map(personOf);
          await putPeople(home.db, some, env.now());
          await mirror.changed("people");
        }
        return settled(result, env.now(), (found) =>
          found.slice(0, FOUND).map(({ id }) => toPerson(mirror, id)),
        );
      }),
    look: (id) =>
      own(async (home) => {
        const result = await fetchUser(home.db, home.http, id, env.now());
        await mirror.changed("people");
        return settled(result, env.now(), ({ about, avatar }) => ({
          ...toPerson(mirror, id),
          ...(about === undefined ? {} : { about }),
          ...(avatar === undefined ? {} : { avatar }),
        }));
      }),
    ask: put,
    answer: (id, accept) => (accept ? put(id) : drop(id)),
    withdraw: drop,
    unfriend: drop,
    block: (id, blocked) =>
      change(async (home) => {
        const method = blocked ? "PUT" : "DELETE";
        const result = await tell(home.http, { method, path: `/v1/blocks/${id}` });
        // A block ends a friendship, and the user's own request.
        const known = mirror.people.peek().get(id)?.friend;
        const friend = blocked && known !== "incoming" ? undefined : known;
        return result.ok ? { ok: true, value: { isBlocked: blocked, friend } } : result;
      }, id),
  };
}
