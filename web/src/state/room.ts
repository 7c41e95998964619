/** A room that is open on a screen. */
import { computed, effect, signal } from "@preact/signals";
import type { Id } from "../core/id.ts";
import { type Ledger, people as peopleOf } from "../core/ledger.ts";
import type { Role } from "../core/message.ts";
import { quietly } from "../core/quietly.ts";
import type { Uuid7 } from "../core/uuid7.ts";
import type { Signal as BusSignal } from "../db/changes.ts";
import { getRow, rowsBefore } from "../db/messages.ts";
import { markRead, markUnread } from "../db/reading.ts";
import { changeRoom } from "../db/rooms.ts";
import type { RoomRow as StoredRoom } from "../db/rows.ts";
import { Composer } from "./composer.ts";
import type { Env, Home } from "./env.ts";
import { attempt } from "./failure.ts";
import { Members } from "./members.ts";
import type { Mirror } from "./mirror.ts";
import { personName } from "./names.ts";
import { overlayOf } from "./overlay.ts";
import { RoomReader } from "./reader.ts";
import type { OpenRoom, ReceiptRow } from "./room-model.ts";
import { rightsOf, roomOffice } from "./room-office.ts";
import { toRow } from "./rooms.ts";
import { RoomTimeline } from "./timeline.ts";

export function openRoom(
  env: Env,
  mirror: Mirror,
  home: Home,
  ids: Uuid7,
  id: Id,
  closed: () => void,
): OpenRoom {
  const stored = computed(() => mirror.rooms.value.get(id));
  const row = computed(() => (stored.value === undefined ? undefined : toRow(mirror, home, stored.value)));
  const overlay = computed(() => {
    const { kind = "group", role = "member" }: { kind?: StoredRoom["kind"]; role?: Role } =
      stored.value ?? {};
    return overlayOf(mirror.outbox.value, id, kind, { user: home.user, device: home.device, role });
  });
  const timeline = new RoomTimeline(env, mirror, home, id, stored, overlay);
  const composer = new Composer(env, mirror, home, id, ids);
  const members = new Members(env, mirror, home, id);
  const reader = new RoomReader(env, mirror, home, id, (keys) => timeline.stored(keys));
  const changes = signal(0);
  const unlisten = mirror.listen((heard: BusSignal) => {
    if (heard.is !== "changed") {
      return;
    }
    const isAll = heard.topics.length === 0;
    if (isAll || heard.topics.includes(`messages/${id}`) || heard.topics.includes("meta")) {
      timeline.refresh();
      changes.value += 1;
    }
    if (isAll || heard.topics.includes("members")) {
      quietly(members.read());
    }
    if (isAll || heard.topics.includes("drafts")) {
      quietly(composer.load());
    }
  });
  const unattend = env.onAttention(() => quietly(composer.flush()));
  quietly(composer.load());
  quietly(members.read());
  const endings = new Set<() => void>();

  return {
    id,
    row,
    timeline,
    members: computed(() => members.shown(stored.value)),
    draft: composer.draft,
    setDraft: (draft) => composer.set(draft),
    trouble: composer.trouble,
    excess: composer.excess,
    async send() {
      const isEdit = composer.draft.peek().editing !== undefined;
      const answer = await composer.send();
      if (answer.ok && !isEdit) {
        await timeline.jumpToEnd();
      }
      return answer;
    },
    react: (target, emoji, remove) => composer.react(target, emoji, remove),
    remove: (target) => composer.remove(target),
    forward: (target, to) => composer.forward(target, to),
    retry: (message) => composer.retry(message),
    discard: (message) => composer.discard(message),
    takeBack: (message) => composer.takeBack(message),
    receipts(message) {
      const ledger = signal<{ ledger: Ledger | undefined; at: number }>({ ledger: undefined, at: 0 });
      endings.add(
        effect(() => {
          changes.value;
          const read = getRow(home.db, id, { message, from: home.user });
          quietly(
            read.then((its) => {
              ledger.value = { ledger: its?.ledger, at: its?.sent_at ?? 0 };
            }),
          );
        }),
      );
      return computed(() => receiptsOf(mirror, stored.value, members, home.user, ledger.value));
    },
    markRead: () =>
      attempt(async () => {
        const [last] = await rowsBefore(home.db, id, undefined, 1);
        if (last?.sent_at !== undefined) {
          await markRead(home.db, id, { up_to: last.id, sent_at: last.sent_at }, [], home.user);
          env.notifications.close(id);
          await mirror.changed("rooms", "marks");
        }
      }),
    markUnread: (from) =>
      attempt(async () => {
        const its = await getRow(home.db, id, from);
        if (its?.sent_at !== undefined) {
          await markUnread(home.db, id, its.sent_at, home.user);
          await mirror.changed("rooms");
        }
      }),
    inView: (keys) => reader.inView(keys),
    typing: () => composer.typing(),
    mayWrite: computed(() => mayWrite(env, mirror, stored.value)),
    loadMembers: () => members.load(),
    addMember: (user) => members.add(user),
    invite: (user) => members.invite(user),
    changeMember: (user, change) => members.change(user, change),
    removeMember: (user) => members.remove(user),
    ...roomOffice(env, mirror, home, id),
    may: computed(() => rightsOf(stored.value)),
    setMuted: (muted) =>
      attempt(async () => {
        await changeRoom(home.db, id, (its) => {
          its.isMuted = muted;
        });
        await mirror.changed("rooms");
      }),
    close() {
      unlisten();
      unattend();
      for (const end of endings) {
        end();
      }
      reader.close();
      timeline.close();
      composer.close();
      closed();
    },
  };
}

function mayWrite(env: Env, mirror: Mirror, row: StoredRoom | undefined): OpenRoom["mayWrite"]["value"] {
  if (row === undefined || !row.isMember) {
    return { ok: false, why: "not_member" };
  }
  const skew = mirror.meta.value.skew ?? 0;
  if (row.mutedUntil > env.now() - skew) {
    return { ok: false, why: "muted", until: row.mutedUntil };
  }
  const peer = row.peer === undefined ? undefined : mirror.people.value.get(row.peer);
  return peer?.isBlocked === true ? { ok: false, why: "blocked" } : { ok: true };
}

/** Returns what each person's devices did, also of those of whom nothing is known. */
function receiptsOf(
  mirror: Mirror,
  row: StoredRoom | undefined,
  members: Members,
  me: Id,
  { ledger, at }: { ledger: Ledger | undefined; at: number },
): ReceiptRow[] {
  const known = new Map((ledger === undefined ? [] : peopleOf(ledger)).map((one) => [one.user, one]));
  const readers = Object.entries(row?.cursors ?? {}).filter(([, cursor]) => cursor.sent_at >= at && at > 0);
  const read = new Map(readers.map(([user, cursor]) => [user, cursor.at]));
  const unreachable = new Set(ledger?.unreachable ?? []);
  const everybody = new Set([
    ...members.rows.value.map(({ user }) => user),
    ...known.keys(),
    ...read.keys(),
    ...unreachable,
    ...(row?.peer === undefined ? [] : [row.peer]),
  ]);
  everybody.delete(me);
  return [...everybody].map((user) => {
    const { delivered = 0, expired = 0 } = known.get(user) ?? {};
    const readAt = read.get(user);
    const base = {
      user,
      name: personName(mirror.people.value, user),
      devices: delivered + expired,
      delivered,
      isExpired: delivered === 0 && expired > 0,
      isUnreachable: unreachable.has(user),
    };
    return readAt === undefined ? base : { ...base, readAt };
  });
}
