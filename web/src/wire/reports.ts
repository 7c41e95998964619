/** Notices and receipts. One of a kind that this version does not know is kept as it is. */
import type { Id } from "../core/id.ts";
import {
  count,
  flag,
  id,
  list,
  object,
  optional,
  type Read,
  type Reader,
  record,
  role,
  text,
  whole,
} from "./shape.ts";

const NOTICES = {
  device_added: object({ device: id, name: text, ip: optional(text) }),
  device_removed: object({ device: id }),
  member_added: object({ room: id, user: id, role, by: id }),
  member_removed: object({ room: id, user: id, by: id }),
  member_changed: object({ room: id, user: id, role, muted_until: whole, by: id }),
  room_changed: object({ room: id, by: id }),
  room_deleted: object({ room: id, by: id }),
  invited: object({ room: id, by: id }),
  invitation_ended: object({ room: id, user: id, by: id }),
  friend_requested: object({ user: id, by: id }),
  friend_accepted: object({ user: id, by: id }),
  friend_removed: object({ user: id, by: id }),
  block_changed: object({ user: id, blocked: flag }),
  settings_changed: object({}),
  second_factor_changed: object({ active: flag }),
};

const RECEIPTS = {
  delivered: object({ room: id, to: list(object({ user: id, device: id, messages: list(id) })) }),
  delivered_count: object({ room: id, messages: list(object({ message: id, devices: count })) }),
  read: object({ room: id, user: id, up_to: id, sent_at: whole }),
  notices_read: object({ notices: list(id) }),
  expired: object({ room: id, user: id, device: id, messages: list(id) }),
};

type Kinds = Record<string, Reader<object>>;
type Event<K extends Kinds> = { [N in keyof K & string]: { kind: N } & Read<K[N]> }[keyof K & string];
/** What every report has. */
interface Head {
  id: Id;
  at: number;
}

export type Notice = Head & (Event<typeof NOTICES> | { kind: "unknown" });
export type Receipt = Head & (Event<typeof RECEIPTS> | { kind: "unknown" });

export const NOTICE_KINDS = Object.keys(NOTICES);
export const RECEIPT_KINDS = Object.keys(RECEIPTS);

const head = object({ id, at: whole, kind: text });

function report(kinds: Kinds, value: unknown): Head & { kind: string } {
  const { kind, ...rest } = head(value);
  const reader = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  return reader === undefined ? { ...rest, kind: "unknown" } : { ...rest, kind, ...reader(record(value)) };
}

export function readNotice(value: unknown): Notice {
  return report(NOTICES, value) as Notice;
}

export function readReceipt(value: unknown): Receipt {
  return report(RECEIPTS, value) as Receipt;
}
