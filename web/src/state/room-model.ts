/** A room as its screen sees it. */
import type { ReadonlySignal } from "@preact/signals";
import type { Id } from "../core/id.ts";
import type { Mark } from "../core/ledger.ts";
import type { Role, Target } from "../core/message.ts";
import type { Answer, Presence, Problem } from "./answer.ts";
import type { Person, RoomRow } from "./model.ts";

/** A room on the screen. */
export interface OpenRoom {
  id: Id;
  row: ReadonlySignal<RoomRow | undefined>;
  timeline: Timeline;
  members: ReadonlySignal<Member[]>;
  draft: ReadonlySignal<DraftState>;
  setDraft(draft: DraftState): void;
  /** Why the draft is not stored. */
  trouble: ReadonlySignal<Problem | undefined>;
  /** By how many bytes the draft is too long to be sent; 0 or less if it fits. */
  excess: ReadonlySignal<number>;
  /**
   * Sends the draft: the row appears before any network. The draft is emptied with it, or becomes
   * what it was before an edit.
   */
  send(): Answer;
  /** Sends a reaction, or takes it back. */
  react(target: Target, emoji: string, remove: boolean): Answer;
  remove(target: Target): Answer;
  forward(target: Target, to: Id): Answer;
  /** Tries a message again that the relay has rejected, or drops it. */
  retry(message: Id): Answer;
  discard(message: Id): Answer;
  /** Drops it too, and puts what the user wrote over the draft, in one moment. */
  takeBack(message: Id): Answer;
  /** What each device of each person did with an own message. */
  receipts(message: Id): ReadonlySignal<ReceiptRow[]>;
  markRead(): Answer;
  markUnread(from: Target): Answer;
  /** Told of what is at least half in view. Decides itself whether that counts as read. */
  inView(keys: readonly string[]): void;
  /** Told at each keystroke. */
  typing(): void;
  /** May the user write here, and if not, why. */
  mayWrite: ReadonlySignal<
    { ok: true } | { ok: false; why: "not_member" | "muted" | "blocked" | "read_only"; until?: number }
  >;
  loadMembers(): Answer;
  addMember(user: Id): Answer;
  invite(user: Id): Answer;
  changeMember(user: Id, change: { role?: Role; mutedUntil?: number | null }): Answer;
  removeMember(user: Id): Answer;
  /** What the user may do with the room itself. */
  may: ReadonlySignal<RoomRights>;
  loadBans(): Answer<Ban[]>;
  ban(user: Id, ban: { until?: number; reason?: string }): Answer;
  liftBan(user: Id): Answer;
  loadInvitations(): Answer<OpenInvitation[]>;
  withdrawInvitation(user: Id): Answer;
  /** An empty description is removed. */
  change(form: { name?: string; description?: string }): Answer;
  /** Makes another member the owner. The user is an admin from then on. */
  handOver(user: Id): Answer;
  delete(): Answer;
  /** Takes the room out of the list, or puts it back. Its messages come as ever. */
  setHidden(hidden: boolean): Answer;
  setMuted(muted: boolean): Answer;
  leave(): Answer;
  close(): void;
}

export interface RoomRights {
  change: boolean;
  add: boolean;
  invite: boolean;
  /** See and lift bans, and see and withdraw invitations. */
  manage: boolean;
  leave: boolean;
  delete: boolean;
}

export interface Ban {
  user: Person;
  by?: string;
  /** Left out: for ever. */
  until?: number;
  reason?: string;
}

export interface OpenInvitation {
  user: Person;
  by: string;
  at: number;
}

export interface DraftState {
  text: string;
  replyTo?: Target;
  /** The message that is edited. */
  editing?: Target;
  mentions: Id[];
  /** What was written before the edit began, another edit included. It comes back after it. */
  before?: DraftState;
}

export interface Member {
  user: Id;
  username: string;
  name: string;
  role: Role;
  presence?: Presence;
  mutedUntil?: number;
  /** What the user of this browser may do to them. */
  may: { promote: boolean; mute: boolean; remove: boolean; ban: boolean; handOver: boolean };
}

/** The rows of a room that are on the page. At most 160. */
export interface Timeline {
  rows: ReadonlySignal<Row[]>;
  isAtBeginning: ReadonlySignal<boolean>;
  isAtEnd: ReadonlySignal<boolean>;
  /** New rows that came while the page was elsewhere. */
  beyond: ReadonlySignal<number>;
  /** Where to scroll after the next change of rows: a key, or the end. */
  anchor: ReadonlySignal<{ key: string; highlight: boolean } | "end" | undefined>;
  /** Told which rows are visible. Slides when an edge is near. */
  visible(first: string, last: string): void;
  jumpTo(target: Target): Promise<boolean>;
  jumpToEnd(): Promise<void>;
  /** Goes to the last own message that can be edited, and returns it. */
  lastOwn(): Target | undefined;
}

export type Row =
  | { is: "beginning"; key: string }
  | { is: "day"; key: string; at: number }
  | { is: "unread"; key: string; count: number }
  /** Messages of somebody, or of a time, that have not come. */
  | { is: "gap"; key: string; who?: string; count?: number; since: number; until: number }
  | MessageRow;

export interface MessageRow {
  is: "message";
  key: string;
  target: Target;
  author: { id: Id; name: string };
  isMine: boolean;
  at: number;
  /** False if the row above has the same author within some minutes. */
  isFirstOfAuthor: boolean;
  content:
    | { is: "text"; text: string }
    | { is: "forward"; text: string; from: string; at: number }
    | { is: "deleted"; by: string }
    | { is: "sealed" }
    | { is: "unknown"; kind: string };
  isEdited: boolean;
  mentionsMe: boolean;
  reply?: { target: Target; author?: string; text?: string; isHere: boolean };
  reactions: { emoji: string; count: number; isMine: boolean; names: string[] }[];
  /** For own messages. */
  mark?: Mark;
  /** Why it is not sent, for good or for now. */
  problem?: Problem;
  /** What the user wanted to do to it, and the relay has rejected. */
  failure?: { id: Id; what: "edit" | "delete" | "reaction"; problem: Problem };
  /** Members without a device: nothing is kept for them. */
  unreachable: string[];
  may: { edit: boolean; remove: boolean };
}

export interface ReceiptRow {
  user: Id;
  name: string;
  devices: number;
  delivered: number;
  readAt?: number;
  isExpired: boolean;
  isUnreachable: boolean;
}
