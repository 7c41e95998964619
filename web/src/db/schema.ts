/**
 * What the browser stores of a user. Everything that is kept is here: the relay keeps no messages.
 */
import { type DBSchema, deleteDB, type IDBPDatabase, type IDBPTransaction, openDB } from "idb";
import type { Id } from "../core/id.ts";
import type {
  DraftRow,
  InvitationRow,
  MarkRow,
  MemberRow,
  MessageRow,
  NoticeRow,
  OutboxRow,
  PersonRow,
  RecordRow,
  RoomRow,
  SeenRow,
  StreamRow,
  TextRow,
} from "./rows.ts";

export const VERSION = 2;

export interface Schema extends DBSchema {
  messages: {
    key: [Id, Id, Id];
    value: MessageRow;
    indexes: {
      /** The order of a room. A row without a message is not in it. */
      place: [Id, number, Id, number, number, Id, Id];
      /** What waits for its message, by room. */
      waiting: [Id, number];
      /** What came below the cursor and was not seen, by room. */
      late: [Id, number];
    };
  };
  records: {
    key: [Id, Id, Id];
    value: RecordRow;
    indexes: {
      at: number;
      /** The actions on a message: room, author, message. */
      target: [Id, Id, Id];
    };
  };
  seen: { key: number; value: SeenRow; indexes: { id: Id } };
  streams: { key: string; value: StreamRow };
  rooms: { key: Id; value: RoomRow };
  people: { key: Id; value: PersonRow };
  members: { key: [Id, Id]; value: MemberRow };
  invitations: { key: Id; value: InvitationRow };
  outbox: { key: number; value: OutboxRow; indexes: { id: Id } };
  marks: { key: string; value: MarkRow };
  drafts: { key: Id; value: DraftRow };
  notices: { key: Id; value: NoticeRow; indexes: { at: number } };
  text: { key: [Id, number]; value: TextRow; indexes: { until: number } };
  meta: { key: string; value: unknown };
  /** Frames that a later version of the page may read. */
  later: {
    key: number;
    value: { text: string; of?: string[] };
    indexes: {
      /** The messages that they are, or act on. */
      of: string;
    };
  };
}

export type Store =
  | "messages"
  | "records"
  | "seen"
  | "streams"
  | "rooms"
  | "people"
  | "members"
  | "invitations"
  | "outbox"
  | "marks"
  | "drafts"
  | "notices"
  | "text"
  | "meta"
  | "later";

export type Db = IDBPDatabase<Schema>;
/** A transaction that writes. Await nothing but its own requests while it is open. */
export type Rw = IDBPTransaction<Schema, Store[], "readwrite">;

export interface DbEvents {
  /** A newer version of the page wants to change the store: this page must let go and reload. */
  onOutdated(): void;
  /** The browser has closed the store by itself, for example because it has deleted it. */
  onLost?(): void;
}

/** The error for a store that a newer version of the page has changed. */
export class Outdated extends Error {
  constructor() {
    super("a newer version has changed the store");
    this.name = "Outdated";
  }
}

export function nameOf(user: Id): string {
  return `ferry-${user}`;
}

/** Opens the store of a user. Fails with `Outdated` if this page is too old for it. */
export async function openDb(user: Id, events: DbEvents, version: number = VERSION): Promise<Db> {
  try {
    const db = await openDB<Schema>(nameOf(user), version, {
      upgrade(db, from, _to, tx) {
        upgrade(db, from, tx);
      },
      blocking(_current, _blocked, event) {
        (event.target as IDBDatabase).close();
        // Without a new version the store is erased, and who erases it tells the tabs.
        if (event.newVersion !== null) {
          events.onOutdated();
        }
      },
      terminated() {
        events.onLost?.();
      },
    });
    return db;
  } catch (error) {
    throw error instanceof Error && error.name === "VersionError" ? new Outdated() : error;
  }
}

/** Removes everything that is stored of a user. */
export async function eraseDb(user: Id): Promise<void> {
  await deleteDB(nameOf(user));
}

/** Each step makes the tables of one version of those before. */
function upgrade(db: Db, from: number, tx: IDBPTransaction<Schema, Store[], "versionchange">): void {
  if (from < 1) {
    const messages = db.createObjectStore("messages", { keyPath: ["room", "id", "user"] });
    messages.createIndex("place", ["room", "sent_at", "device", "epoch", "seq", "id", "user"]);
    messages.createIndex("waiting", ["room", "waits"]);
    messages.createIndex("late", ["room", "late"]);
    const records = db.createObjectStore("records", { keyPath: ["user", "device", "id"] });
    records.createIndex("at", "at");
    records.createIndex("target", "target");
    db.createObjectStore("seen", { autoIncrement: true }).createIndex("id", "id");
    db.createObjectStore("streams", { keyPath: "key" });
    db.createObjectStore("rooms", { keyPath: "id" });
    db.createObjectStore("people", { keyPath: "id" });
    db.createObjectStore("members", { keyPath: ["room", "user"] });
    db.createObjectStore("invitations", { keyPath: "room" });
    db.createObjectStore("outbox", { keyPath: "n", autoIncrement: true }).createIndex("id", "id");
    db.createObjectStore("marks", { keyPath: "key" });
    db.createObjectStore("drafts", { keyPath: "room" });
    db.createObjectStore("notices", { keyPath: "id" }).createIndex("at", "at");
    db.createObjectStore("text", { keyPath: ["room", "n"] }).createIndex("until", "until");
    db.createObjectStore("meta");
    db.createObjectStore("later", { autoIncrement: true });
  }
  if (from < 2) {
    tx.objectStore("later").createIndex("of", "of", { multiEntry: true });
  }
}

/** The error for an engine that writes though a later one has taken over. */
export class Fenced extends Error {
  constructor() {
    super("another engine has taken over");
    this.name = "Fenced";
  }
}

/** The name of the field that says which generation of engines writes. */
const GENERATION = Symbol("generation");

/**
 * Returns the store as an engine sees it. Its writes fail with `Fenced` once another engine has
 * taken over: a frozen one may wake up at any time.
 */
export function fenced(db: Db, generation: number): Db {
  return new Proxy(db, {
    get(target, name) {
      const value: unknown = name === GENERATION ? generation : Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** Returns whether another engine has taken over from the one that has this store. */
export async function isFenced(db: Db): Promise<boolean> {
  const generation = (db as { [GENERATION]?: number })[GENERATION];
  return (await db.get("meta", "generation")) !== generation;
}

/**
 * Runs `work` in one transaction and returns when the disk has it. If anything fails, nothing is
 * stored.
 */
export async function write<T>(db: Db, stores: Store[], work: (tx: Rw) => Promise<T>): Promise<T> {
  const generation = (db as { [GENERATION]?: number })[GENERATION];
  const all: Store[] = generation === undefined ? stores : [...new Set<Store>([...stores, "meta"])];
  // Only `strict` survives a power cut, and what is acked exists nowhere else.
  const tx = db.transaction(all, "readwrite", { durability: "strict" });
  // A failed commit rejects `done`, also while `work` still runs.
  const done = tx.done.then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  let value: T;
  try {
    if (generation !== undefined && (await tx.objectStore("meta").get("generation")) !== generation) {
      throw new Fenced();
    }
    value = await work(tx);
  } catch (error) {
    try {
      tx.abort();
    } catch {
      // It has ended already, for example because the disk is full.
    }
    const failed = await done;
    throw isQuota(failed?.error) ? failed?.error : error;
  }
  const failed = await done;
  if (failed !== undefined) {
    throw failed.error;
  }
  return value;
}

/** Returns whether an error says that the disk, or what this site may use of it, is full. */
export function isQuota(error: unknown): boolean {
  return error instanceof Error && error.name === "QuotaExceededError";
}

/** Returns whether an error says that the store is closed. */
export function isClosed(error: unknown): boolean {
  return error instanceof Error && error.name === "InvalidStateError";
}
