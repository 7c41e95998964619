/**
 * What the screens see and may do. The screens import this and nothing behind it; `state/app.ts`
 * makes it from the store and the engine, and tests make it from plain values.
 *
 * A signal changes when what it shows has changed. An intent writes to the store and comes back:
 * what becomes of it is seen in the signals. Where the relay has to answer first, it returns a
 * `Problem` or nothing.
 */
import type { ReadonlySignal } from "@preact/signals";
import type { Id } from "../core/id.ts";
import type { Mark } from "../core/ledger.ts";
import type { RoomKind, Target } from "../core/message.ts";
import type { Answer, Presence, Problem } from "./answer.ts";
import type { OpenRoom } from "./room-model.ts";
import type { Session } from "./session-model.ts";

export type * from "./session-model.ts";

export interface App {
  session: Session;
  connection: Connection;
  rooms: Rooms;
  people: People;
  notices: Notices;
  settings: Settings;
  history: History;
  /** Opens a room. Close it when the screen goes. */
  openRoom(room: Id): OpenRoom;
  /** Searches what is stored, the newest first. Results come while it runs. */
  search(query: SearchQuery): Search;
  /** What a screen reader is told, batched. */
  announcement: ReadonlySignal<string>;
  /** Reloads the page into the newest version. What the user wrote stays. */
  reload(): void;
}

export interface Connection {
  state: ReadonlySignal<
    | { is: "online" }
    /** So many deliveries have come of those that waited. The relay does not say how many wait. */
    | { is: "catching_up"; received: number }
    | { is: "connecting" }
    | { is: "offline"; why: Problem; retryAt?: number }
    /** Another tab has the connection. It is as good as online. */
    | { is: "follower" }
    /** The disk of this device is full: messages wait at the relay. */
    | { is: "storage_full" }
  >;
  /** How many messages wait to be sent. */
  waiting: ReadonlySignal<number>;
  /** How far this device's clock is off, in milliseconds, if it matters. */
  clockSkew: ReadonlySignal<number | undefined>;
  /** What the relay takes: the bytes of a frame. */
  limits: ReadonlySignal<{ frame: number }>;
  tryNow(): void;
}

export interface Rooms {
  list: ReadonlySignal<RoomRow[]>;
  /** Rooms that the user has taken out of the list. */
  hidden: ReadonlySignal<RoomRow[]>;
  invitations: ReadonlySignal<Invitation[]>;
  /** Unread messages and mentions of all rooms that are not muted. */
  total: ReadonlySignal<{ messages: number; mentions: number }>;
  create(form: { kind: "group" | "channel"; name: string; description?: string; members: Id[] }): Answer<Id>;
  /** Opens the direct room with a person, and creates it if there is none. */
  direct(user: Id): Answer<Id>;
  /** Returns the channels that the relay finds. */
  find(name: string): Answer<FoundRoom[]>;
  join(room: Id): Answer;
  answerInvitation(room: Id, accept: boolean): Answer;
}

export interface RoomRow {
  id: Id;
  kind: RoomKind;
  name: string;
  description?: string;
  /** The other person of a direct room. */
  peer?: Id;
  presence?: Presence;
  last?: { author: string; isMine: boolean; text: string; at: number; mark?: Mark };
  unread: number;
  mentions: number;
  isMuted: boolean;
  isHidden: boolean;
  /** Who is writing now, by name. */
  writing: string[];
  draft?: string;
  /** False for a room that the user has left: its history stays. */
  isMember: boolean;
}

export interface FoundRoom {
  id: Id;
  name: string;
  description?: string;
  members: number;
  isMember: boolean;
}

export interface Invitation {
  room: Id;
  name: string;
  kind: RoomKind;
  by: string;
  at: number;
}

export interface People {
  friends: ReadonlySignal<Person[]>;
  requests: ReadonlySignal<{ incoming: Person[]; outgoing: Person[] }>;
  blocked: ReadonlySignal<Person[]>;
  /** Everybody of whom this device has heard, by name. */
  known: ReadonlySignal<Person[]>;
  load(): Answer;
  find(name: string): Answer<Person[]>;
  /** Asks who a user is. */
  look(user: Id): Answer<Person & { about?: string; avatar?: string }>;
  ask(user: Id): Answer;
  answer(user: Id, accept: boolean): Answer;
  withdraw(user: Id): Answer;
  unfriend(user: Id): Answer;
  block(user: Id, blocked: boolean): Answer;
}

export interface Person {
  id: Id;
  username: string;
  name: string;
  presence?: Presence;
}

export interface Notices {
  list: ReadonlySignal<NoticeRow[]>;
  unread: ReadonlySignal<number>;
  markRead(): Promise<void>;
}

export interface NoticeRow {
  id: Id;
  at: number;
  isRead: boolean;
  /** The key of the text, `notice.…`, and what it has in its braces. */
  key: string;
  values: Record<string, string>;
  /** What can be done about it: look at the devices, open the room or the person. */
  action?: { is: "devices"; device: Id } | { is: "room"; room: Id } | { is: "person"; user: Id };
}

export interface SearchQuery {
  words: string;
  room?: Id;
  from?: Id;
  after?: number;
  before?: number;
}

export interface Search {
  hits: ReadonlySignal<Hit[]>;
  /** A search pauses after some hits, and goes on with `more`. */
  state: ReadonlySignal<"running" | "paused" | "done" | "failed">;
  more(): void;
  cancel(): void;
}

export interface Hit {
  room: Id;
  roomName: string;
  target: Target;
  author: string;
  at: number;
  /** The text around the words, and where they are in it. */
  excerpt: string;
  marks: [number, number][];
}

export interface Settings {
  values: ReadonlySignal<SettingValues>;
  set(values: Partial<SettingValues>): void;
  /** Asks the browser; only after a click. */
  allowNotifications(): Promise<boolean>;
  notifications: ReadonlySignal<"on" | "off" | "denied" | "unsupported">;
}

/** Kept on this device alone. */
export interface SettingValues {
  theme: "system" | "light" | "dark";
  language: "system" | "en" | "ru" | "pseudo";
  enterSends: boolean;
  notificationText: boolean;
  sounds: boolean;
  reduceMotion: boolean;
}

/**
 * Between these times messages are missing on this device. Without a sender and a number it is not
 * known which, or whether any were sent at all. Times are of the relay's clock.
 */
export interface Hole {
  since: number;
  until: number;
  room?: { id: Id; name: string };
  who?: string;
  count?: number;
}

/** What is stored in this browser. */
export interface History {
  /** What this device lacks, or may lack: the latest first. `refresh` reads it. */
  holes: ReadonlySignal<readonly Hole[]>;
  status: ReadonlySignal<{
    bytes: number;
    quota: number;
    messages: number;
    /** Whether the browser has promised to keep it, and if not, why. */
    protection: "protected" | "not_asked" | "refused" | "ios_not_installed";
    lastExportAt?: number;
    isReminderDue: boolean;
  }>;
  refresh(): Promise<void>;
  protect(): Promise<boolean>;
  /** Writes a backup that `ferry backup restore` reads. `progress` goes from 0 to 1. */
  exportTo(
    lock: { passphrase: string } | { recipient: string },
    write: (part: Uint8Array) => Promise<void>,
    progress: (done: number) => void,
    signal: AbortSignal,
  ): Answer<{ name: string }>;
  importFrom(
    file: Blob,
    /**
     * If nothing proves that the user wrote the backup, the problem is `problem.not_vouched`. Ask,
     * and call again with `isTrusted`.
     */
    key: ({ passphrase: string } | { identity: string }) & { isTrusted?: boolean },
    progress: (done: number) => void,
    signal: AbortSignal,
  ): Answer<{ added: number }>;
  newPassphrase(): string;
}
