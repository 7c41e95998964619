/** The rows of the store. All are plain data. */
import type { Layer } from "../core/drafts.ts";
import type { Id } from "../core/id.ts";
import type { Ledger } from "../core/ledger.ts";
import type { Role, RoomKind, Target } from "../core/message.ts";
import type { StreamState } from "../core/order.ts";
import type { Slot } from "../core/slot.ts";
import type { Cursor, Reading, Unread } from "../core/unread.ts";

/** A message with everything that was done to it, or what waits for one that has not come. */
export interface MessageRow {
  room: Id;
  id: Id;
  user: Id;
  slot: Slot;
  /** What became of an own message. */
  ledger?: Ledger;
  /** It came below the cursor and was not seen. */
  late?: 1;
  /** The pages of the search that have, or had, its words. */
  pages?: number[];
  /** Its text has changed since the search read it. */
  unpaged?: 1;
  /** Other devices of the user that used the id again, or as well. */
  devices?: Id[];
  /** Since when it waits for its message. */
  waits?: number;
  /** The batch that made the row. */
  n?: number;
  // Where it is in the room. Left out while it waits.
  sent_at?: number;
  device?: Id;
  epoch?: number;
  seq?: number;
}

/** A message as it came: what a backup has. It also says which messages this device has. */
export interface RecordRow {
  user: Id;
  device: Id;
  id: Id;
  room: Id;
  at: number;
  line: string;
  /** On what it acts: room, author, message. */
  target?: [Id, Id, Id];
  /** The batch that it came with: a backup has what came before it began. */
  n?: number;
}

/** A notice or a receipt that came. */
export interface SeenRow {
  id: Id;
}

/** Messages that have not come, though later ones have. */
export interface Gap {
  from: number;
  to: number;
  /** Between which times they belong. */
  since: number;
  until: number;
  /** When this was noticed. */
  at: number;
}

export interface StreamRow {
  /** `room/device/stream`. */
  key: string;
  room: Id;
  user: Id;
  state: StreamState;
  /** When the highest one was sent. */
  lastAt: number;
  gaps: Gap[];
}

export interface LastMessage {
  target: Target;
  sent_at: number;
  /** What the list of rooms shows of it. */
  text: string;
  kind: string;
}

export interface RoomRow {
  id: Id;
  kind: RoomKind;
  /** False until the relay has told what the room is. */
  isListed: boolean;
  name?: string;
  description?: string;
  peer?: Id;
  role?: Role;
  memberCount: number;
  mutedUntil: number;
  isMember: boolean;
  isHidden: boolean;
  /** The user wants no notifications. Kept on this device. */
  isMuted: boolean;
  unread: Unread;
  reading: Reading;
  /** How far others have read. */
  cursors: Record<Id, Cursor & { at: number }>;
  /** How many messages are stored, and how many are waited for. */
  messages: number;
  waiting: number;
  last?: LastMessage | undefined;
  /** The last message of this device that the relay has confirmed. */
  confirmed?: Id;
  /** From this time on there are messages that the search has not read. */
  unpagedFrom?: number;
  /** When what the relay tells of the room was learned. */
  learnedAt: number;
  membersAt?: number;
}

export interface PersonRow {
  id: Id;
  username: string;
  displayName?: string;
  friend?: "friends" | "incoming" | "outgoing";
  isBlocked?: boolean;
  learnedAt: number;
}

export interface MemberRow {
  room: Id;
  user: Id;
  role: Role;
  mutedUntil: number;
  joinedAt: number;
}

export interface InvitationRow {
  room: Id;
  kind: RoomKind;
  name?: string;
  by: Id;
  at: number;
}

/** A message that waits to be sent. */
export interface OutboxRow {
  n?: number;
  id: Id;
  room: Id;
  /** The exact text of the frame: a retry must be the same. */
  frame: string;
  at: number;
  /** Why it is not sent: for good, or until a time. */
  failed?: { code: string; detail: string; field?: string };
  refused?: { code: string; until: number };
}

/** What the relay has to be told of what was read. */
export type MarkRow =
  | { key: Id; room: Id; up_to: Id; sent_at: number; authors: Id[] }
  | { key: "notices"; notices: Id[] };

export interface DraftRow {
  room: Id;
  text: string;
  replyTo?: Target;
  editing?: Target;
  mentions: Id[];
  /** What was written before an edit began. It comes back after it. */
  before?: Layer;
  at: number;
}

export interface NoticeRow {
  id: Id;
  at: number;
  kind: string;
  /** The other fields that this version knows. */
  fields: Record<string, unknown>;
  /** As it came. */
  line: string;
  isRead: boolean;
}

/** A page of the search: folded texts of one room. */
export interface TextRow {
  room: Id;
  n: number;
  /** When the newest of them was sent. */
  until: number;
  texts: { id: Id; user: Id; at: number; text: string }[];
}
