/** The list of rooms, and what is done to it. */
import { computed } from "@preact/signals";
import type { Id } from "../core/id.ts";
import { markOf } from "../core/ledger.ts";
import { total } from "../core/unread.ts";
import { roomOf } from "../db/facts.ts";
import { dropInvitation, putRoom } from "../db/rooms.ts";
import type { RoomRow as StoredRoom } from "../db/rows.ts";
import { fetchUser } from "../lists/people.ts";
import { fetchInvitations } from "../lists/rooms.ts";
import { Submission } from "../session/submission.ts";
import { all, ask, room, tell } from "../wire/lists.ts";
import { object } from "../wire/shape.ts";
import type { Env, Home } from "./env.ts";
import { forUser } from "./for-user.ts";
import type { Mirror } from "./mirror.ts";
import type { Invitation, RoomRow, Rooms } from "./model.ts";
import { personName, presenceOf, roomName } from "./names.ts";
import { settled } from "./problems.ts";

export function rooms(env: Env, mirror: Mirror): Rooms {
  const listOf = (isWanted: (row: StoredRoom) => boolean) => {
    const home = mirror.home.value;
    const shown = [...mirror.rooms.value.values()].filter(
      (row) => isWanted(row) && (row.isListed || row.messages > 0) && (row.isMember || row.messages > 0),
    );
    shown.sort((one, other) => lastAt(other) - lastAt(one) || (one.id < other.id ? 1 : -1));
    return home === undefined ? [] : shown.map((row) => toRow(mirror, home, row));
  };
  const own = forUser(mirror);
  const invitations = computed(() => mirror.invitations.value.map((one) => toInvitation(mirror, one)));
  const sum = computed(() =>
    total(
      [...mirror.rooms.value.values()]
        .filter(({ isMember, isHidden }) => isMember && !isHidden)
        .map(({ unread, isMuted }) => ({ ...unread, muted: isMuted })),
    ),
  );
  const creations = new Submission(() => keyOf(env.random(16)));
  const make = (body: object) =>
    own(async (home) => {
      // A key is of one user, so another one who logs in here has another form.
      const idempotencyKey = creations.keyFor({ user: home.user, body });
      const call = { method: "POST", path: "/v1/rooms", body, idempotencyKey } as const;
      const result = await ask(home.http, call, object({ room }));
      creations.answered(result);
      if (result.ok) {
        await putRoom(home.db, roomOf(result.value.room), false, env.now());
        const { peer } = result.value.room;
        if (peer !== undefined && !mirror.people.peek().has(peer)) {
          await fetchUser(home.db, home.http, peer, env.now());
        }
        await mirror.changed("rooms", "people");
      }
      return settled(result, env.now(), (value) => value.room.id);
    });
  const enter = (path: string, id: Id) =>
    own(async (home) => {
      const result = await ask(home.http, { method: "POST", path }, object({ room }));
      if (result.ok) {
        await putRoom(home.db, roomOf(result.value.room), false, env.now());
        await dropInvitation(home.db, id);
        await mirror.changed("rooms", "invitations");
      }
      return settled(result, env.now(), () => undefined);
    });
  return {
    list: computed(() => listOf(({ isHidden }) => !isHidden)),
    hidden: computed(() => listOf(({ isHidden }) => isHidden)),
    invitations,
    total: sum,
    create: ({ kind, name, description, members }) =>
      make({ kind, name, members, ...nonEmpty({ description }) }),
    direct: async (user) => {
      const known = [...mirror.rooms.peek().values()].find(({ peer, isMember }) => peer === user && isMember);
      // To ask for a hidden one shows it again.
      return known === undefined || known.isHidden
        ? await make({ kind: "direct", members: [user] })
        : { ok: true, value: known.id };
    },
    find: (name) =>
      own(async (home) => {
        const query = name.trim() === "" ? { public: true } : { public: true, query: name.trim() };
        const result = await all(home.http, "/v1/rooms", query, room);
        return settled(result, env.now(), (found) =>
          found.map(({ id, name = "", description, member_count: members, role }) => ({
            id,
            name,
            members,
            isMember: role !== undefined,
            ...(description === undefined ? {} : { description }),
          })),
        );
      }),
    join: (id) => enter(`/v1/rooms/${id}/join`, id),
    answerInvitation: async (id, accept) => {
      if (accept) {
        return await enter(`/v1/invitations/${id}/accept`, id);
      }
      return await own(async (home) => {
        const result = await tell(home.http, { method: "POST", path: `/v1/invitations/${id}/decline` });
        await (result.ok ? dropInvitation(home.db, id) : fetchInvitations(home.db, home.http));
        await mirror.changed("invitations");
        return settled(result, env.now(), () => undefined);
      });
    },
  };
}

/** Returns a key for a repeatable call. */
export function keyOf(random: Uint8Array): string {
  return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function nonEmpty(fields: Record<string, string | undefined>): Record<string, string> {
  const given = Object.entries(fields).filter(([, text]) => text !== undefined && text !== "");
  return Object.fromEntries(given) as Record<string, string>;
}

function lastAt({ last, learnedAt }: StoredRoom): number {
  // A new room without a message is where the user can find it.
  return last?.sent_at ?? learnedAt;
}

export function toRow(mirror: Mirror, home: Home, row: StoredRoom): RoomRow {
  const people = mirror.people.value;
  const draft = mirror.drafts.value.get(row.id)?.text;
  const presence = row.peer === undefined ? undefined : presenceOf(mirror, row.peer);
  const last = lastOf(mirror, home, row);
  return {
    id: row.id,
    kind: row.kind,
    name: roomName(row, people),
    unread: row.unread.messages,
    mentions: row.unread.mentions,
    isMuted: row.isMuted,
    isHidden: row.isHidden,
    isMember: row.isMember,
    writing: (mirror.typing.value.get(row.id) ?? []).map((user) => personName(people, user)),
    ...(row.description === undefined ? {} : { description: row.description }),
    ...(row.peer === undefined ? {} : { peer: row.peer }),
    ...(presence === undefined ? {} : { presence }),
    ...(last === undefined ? {} : { last }),
    ...(draft === undefined || draft === "" ? {} : { draft }),
  };
}

function lastOf(mirror: Mirror, home: Home, row: StoredRoom): RoomRow["last"] {
  const waiting = mirror.outbox.value.filter(({ room }) => room === row.id).at(-1);
  const sent =
    waiting === undefined ? undefined : (JSON.parse(waiting.frame) as { kind: string; body: unknown });
  if (waiting !== undefined && sent?.kind === "text" && typeof sent.body === "string") {
    const author = personName(mirror.people.value, home.user);
    return { author, isMine: true, text: sent.body.slice(0, 200), at: waiting.at, mark: "waiting" };
  }
  const { last } = row;
  if (last === undefined) {
    return undefined;
  }
  const isMine = last.target.from === home.user;
  const author = personName(mirror.people.value, last.target.from);
  const ledger = isMine ? mirror.ledgers.value.get(row.id) : undefined;
  const base = { author, isMine, text: last.text, at: last.sent_at };
  return ledger === undefined
    ? base
    : { ...base, mark: markOf(ledger, readersOf(row, home.user, last.sent_at)) };
}

/** Returns the other users who have read a room up to a time. */
export function readersOf(row: StoredRoom | undefined, me: Id, at: number): Set<Id> {
  const cursors = Object.entries(row?.cursors ?? {});
  return new Set(cursors.filter(([user, { sent_at }]) => user !== me && sent_at >= at).map(([user]) => user));
}

function toInvitation(
  mirror: Mirror,
  one: { room: Id; name?: string; kind: RoomRow["kind"]; by: Id; at: number },
): Invitation {
  const name = one.name ?? `${one.room.slice(0, 8)}…`;
  return { room: one.room, name, kind: one.kind, by: personName(mirror.people.value, one.by), at: one.at };
}
