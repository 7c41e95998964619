/** The members of a room, and what may be done to them. */
import { type Signal, signal } from "@preact/signals";
import type { Id } from "../core/id.ts";
import { ROLES, type Role } from "../core/message.ts";
import {
  ban,
  FOREVER,
  type MemberChange,
  putMember as mayPut,
  type Ruling,
  removeMember,
  transfer,
} from "../core/roles.ts";
import { memberOf } from "../db/facts.ts";
import { dropMember, membersOf, putMember } from "../db/rooms.ts";
import type { MemberRow, RoomRow } from "../db/rows.ts";
import { fetchMembers } from "../lists/rooms.ts";
import { ask, member, type Result, tell } from "../wire/lists.ts";
import { object } from "../wire/shape.ts";
import type { Answer } from "./answer.ts";
import type { Env, Home } from "./env.ts";
import { attemptAnswer } from "./failure.ts";
import type { Mirror } from "./mirror.ts";
import { personName, presenceOf } from "./names.ts";
import { settled } from "./problems.ts";
import type { Member } from "./room-model.ts";

export class Members {
  readonly rows: Signal<readonly MemberRow[]> = signal([]);
  readonly #env: Env;
  readonly #mirror: Mirror;
  readonly #home: Home;
  readonly #room: Id;

  constructor(env: Env, mirror: Mirror, home: Home, room: Id) {
    this.#env = env;
    this.#mirror = mirror;
    this.#home = home;
    this.#room = room;
  }

  async read(): Promise<void> {
    this.rows.value = await membersOf(this.#home.db, this.#room);
  }

  /** Returns what a screen shows. Call it inside of a computed signal. */
  shown(row: RoomRow | undefined): Member[] {
    const people = this.#mirror.people.value;
    const members = this.rows.value.map((one): Member => {
      const presence = presenceOf(this.#mirror, one.user);
      return {
        user: one.user,
        username: people.get(one.user)?.username ?? "",
        name: personName(people, one.user),
        role: one.role,
        may: mayDo(row, one, this.#home.user),
        ...(presence === undefined ? {} : { presence }),
        ...(one.mutedUntil > this.#env.now() ? { mutedUntil: one.mutedUntil } : {}),
      };
    });
    const rank = ({ role }: Member) => -ROLES.indexOf(role);
    return members.sort((one, other) => rank(one) - rank(other) || one.name.localeCompare(other.name));
  }

  load(): Answer {
    return this.#did(() => fetchMembers(this.#home.db, this.#home.http, this.#room, this.#env.now()));
  }

  add(user: Id): Answer {
    return this.change(user, {});
  }

  change(user: Id, change: { role?: Role; mutedUntil?: number | null }): Answer {
    const { role, mutedUntil } = change;
    const muted_until = mutedUntil === undefined ? undefined : (mutedUntil ?? 0);
    const call = { method: "PUT", path: this.#path(`members/${user}`), body: { role, muted_until } } as const;
    return this.#did(async () => {
      const result = await ask(this.#home.http, call, object({ member }));
      if (result.ok) {
        await putMember(this.#home.db, memberOf(this.#room, result.value.member));
      }
      return result;
    });
  }

  invite(user: Id): Answer {
    const call = { method: "POST", path: this.#path("invitations"), body: { user } } as const;
    return this.#did(() => tell(this.#home.http, call));
  }

  remove(user: Id): Answer {
    return this.#did(async () => {
      const result = await tell(this.#home.http, { method: "DELETE", path: this.#path(`members/${user}`) });
      if (result.ok) {
        await dropMember(this.#home.db, this.#room, user);
      }
      return result;
    });
  }

  #did(call: () => Promise<Result<unknown>>): Answer {
    return attemptAnswer(async () => {
      const result = await call();
      await this.read();
      await this.#mirror.changed("members", "people", "rooms");
      return settled(result, this.#env.now(), () => undefined);
    });
  }

  #path(rest: string): string {
    return `/v1/rooms/${this.#room}/${rest}`;
  }
}

function mayDo(row: RoomRow | undefined, { user, role, mutedUntil }: MemberRow, me: Id): Member["may"] {
  if (row === undefined || row.role === undefined) {
    return { promote: false, mute: false, remove: false, ban: false, handOver: false };
  }
  const standing = { kind: row.kind, role: row.role };
  const theirs = { role, muted_until: mutedUntil };
  const isMe = user === me;
  const isAllowed = (ruling: Ruling | MemberChange) => typeof ruling === "object";
  const others = ROLES.filter((other) => other !== role);
  const mute = { muted_until: mutedUntil === 0 ? FOREVER : 0 };
  return {
    promote:
      row.kind !== "direct" && others.some((role) => isAllowed(mayPut(standing, isMe, theirs, { role }))),
    mute: row.kind !== "direct" && isAllowed(mayPut(standing, isMe, theirs, mute)),
    remove: !isMe && removeMember(standing, false, theirs) === "ok",
    ban: !isMe && ban(standing, false, theirs) === "ok",
    handOver: row.kind !== "direct" && transfer(standing, isMe, theirs) === "ok",
  };
}
