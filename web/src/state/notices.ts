/** What the relay has reported, in words of the catalogue. */
import { computed } from "@preact/signals";
import type { Id } from "../core/id.ts";
import { readNotices } from "../db/notices.ts";
import type { NoticeRow as StoredNotice } from "../db/rows.ts";
import type { Mirror } from "./mirror.ts";
import type { NoticeRow, Notices } from "./model.ts";
import { personName, roomName } from "./names.ts";

export function notices(mirror: Mirror): Notices {
  return {
    list: computed(() => mirror.notices.value.map((row) => toRow(mirror, row))),
    unread: computed(() => mirror.meta.value.unreadNotices ?? 0),
    async markRead() {
      const home = mirror.home.peek();
      if (home !== undefined) {
        await readNotices(home.db);
        await mirror.changed("notices", "marks");
      }
    },
  };
}

function toRow(mirror: Mirror, { id, at, isRead, kind, fields }: StoredNotice): NoticeRow {
  const me = mirror.home.value?.user;
  const text = (name: string) => {
    const value = fields[name];
    return typeof value === "string" ? value : undefined;
  };
  const [user, by, room, device] = [text("user"), text("by"), text("room"), text("device")];
  const values: Record<string, string> = {
    name: text("name") ?? (device === undefined ? "" : `${device.slice(0, 8)}…`),
    address: text("ip") ?? "?",
  };
  for (const [name, who] of [
    ["user", otherOf(kind, user, by, me)],
    ["by", by],
  ] as const) {
    if (who !== undefined) {
      values[name] = personName(mirror.people.value, who);
    }
  }
  if (room !== undefined) {
    const row = mirror.rooms.value.get(room);
    values["room"] = row === undefined ? `${room.slice(0, 8)}…` : roomName(row, mirror.people.value);
  }
  const base = { id, at, isRead, key: keyOf(kind, fields, me), values };
  const action = actionOf(kind, room, otherOf(kind, user, by, me), device);
  return action === undefined ? base : { ...base, action };
}

/** Of a friendship the other one is named, whoever acted. */
function otherOf(kind: string, user: Id | undefined, by: Id | undefined, me: Id | undefined): Id | undefined {
  return kind.startsWith("friend_") && user === me ? by : user;
}

function keyOf(kind: string, fields: Record<string, unknown>, me: Id | undefined): string {
  const { user, by, active, muted_until } = fields;
  const mine = user === me ? "_me" : "";
  switch (kind) {
    case "member_added":
      return user === by ? "notice.member_joined" : `notice.member_added${mine}`;
    case "member_removed":
      return user === by ? "notice.member_left" : `notice.member_removed${mine}`;
    case "member_changed":
      return `notice.${typeof muted_until === "number" && muted_until > 0 ? "member_muted" : "member_changed"}${mine}`;
    case "friend_requested":
      return by === me ? "notice.friend_requested_me" : "notice.friend_requested";
    case "second_factor_changed":
      return active === true ? "notice.second_factor_on" : "notice.second_factor_off";
    default:
      return `notice.${kind}`;
  }
}

function actionOf(kind: string, room?: Id, user?: Id, device?: Id): NoticeRow["action"] {
  if (kind === "device_added" && device !== undefined) {
    return { is: "devices", device };
  }
  if (room !== undefined && !["room_deleted", "invitation_ended"].includes(kind)) {
    return { is: "room", room };
  }
  return user === undefined ? undefined : { is: "person", user };
}
