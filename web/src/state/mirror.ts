/**
 * The small tables of the store as signals. They are read again when somebody says that they have
 * changed, and when the page becomes visible: a message about a change may be lost.
 */

import { batch, type Signal, signal } from "@preact/signals";
import type { Id } from "../core/id.ts";
import type { Ledger } from "../core/ledger.ts";
import { quietly } from "../core/quietly.ts";
import type { Signal as BusSignal, PresenceNow, Topic } from "../db/changes.ts";
import type { Meta } from "../db/meta.ts";
import { notices } from "../db/notices.ts";
import type { DraftRow, InvitationRow, NoticeRow, OutboxRow, PersonRow, RoomRow } from "../db/rows.ts";
import type { Home } from "./env.ts";

type Part = "rooms" | "people" | "invitations" | "notices" | "outbox" | "drafts" | "meta";
const PARTS: Part[] = ["rooms", "people", "invitations", "notices", "outbox", "drafts", "meta"];

export class Mirror {
  readonly rooms = signal<ReadonlyMap<Id, RoomRow>>(new Map());
  /** What became of the last message of a room, if it is an own one. */
  readonly ledgers = signal<ReadonlyMap<Id, Ledger>>(new Map());
  readonly people = signal<ReadonlyMap<Id, PersonRow>>(new Map());
  readonly invitations = signal<readonly InvitationRow[]>([]);
  readonly notices = signal<readonly NoticeRow[]>([]);
  readonly outbox = signal<readonly OutboxRow[]>([]);
  readonly drafts = signal<ReadonlyMap<Id, DraftRow>>(new Map());
  readonly meta = signal<Partial<Meta>>({});
  readonly presence = signal<ReadonlyMap<Id, PresenceNow>>(new Map());
  /** Who writes, by room. */
  readonly typing = signal<ReadonlyMap<Id, readonly Id[]>>(new Map());
  readonly home: Signal<Home | undefined>;
  readonly #listeners = new Set<(signal: BusSignal) => void>();
  #unlisten: () => void = () => undefined;
  readonly #dirty = new Set<Part>();
  #reading: Promise<void> | undefined;

  constructor(home: Signal<Home | undefined>) {
    this.home = home;
  }

  /** Shows the store of a login, and returns when it has been read. */
  async attach(home: Home): Promise<void> {
    this.detach();
    this.home.value = home;
    this.#unlisten = home.bus.listen((signal) => this.#take(signal));
    await this.reread();
  }

  detach(): void {
    this.#unlisten();
    this.#dirty.clear();
    batch(() => {
      this.home.value = undefined;
      this.rooms.value = new Map();
      this.ledgers.value = new Map();
      this.people.value = new Map();
      this.invitations.value = [];
      this.notices.value = [];
      this.outbox.value = [];
      this.drafts.value = new Map();
      this.meta.value = {};
      this.presence.value = new Map();
      this.typing.value = new Map();
    });
  }

  /** Calls back with what the tabs tell each other, while somebody is logged in. */
  listen(listener: (signal: BusSignal) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Reads everything again. */
  async reread(): Promise<void> {
    await this.#read(PARTS);
    for (const listener of [...this.#listeners]) {
      listener({ is: "changed", topics: [] });
    }
  }

  /** Tells everybody that something has changed, and returns when it is shown here. */
  async changed(...topics: Topic[]): Promise<void> {
    this.home.value?.bus.changed(...topics);
    await this.#reading;
  }

  #take(signal: BusSignal): void {
    switch (signal.is) {
      case "changed":
        quietly(this.#read(PARTS.filter((part) => signal.topics.includes(part))));
        break;
      case "presence": {
        const known = new Map(this.presence.value);
        for (const one of signal.users) {
          known.set(one.user, one);
        }
        this.presence.value = known;
        break;
      }
      case "typing": {
        const { room, user, active } = signal;
        const others = (this.typing.value.get(room) ?? []).filter((other) => other !== user);
        this.typing.value = new Map(this.typing.value).set(room, active ? [...others, user] : others);
        break;
      }
      case "unknown":
        batch(() => {
          this.presence.value = new Map();
          this.typing.value = new Map();
        });
        break;
      default:
        break;
    }
    for (const listener of [...this.#listeners]) {
      listener(signal);
    }
  }

  /** Reads tables. What changes while they are read is read again after that. */
  #read(parts: readonly Part[]): Promise<void> {
    for (const part of parts) {
      this.#dirty.add(part);
    }
    this.#reading ??= this.#work().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #work(): Promise<void> {
    await Promise.resolve();
    for (let home = this.home.value; home !== undefined && this.#dirty.size > 0; home = this.home.value) {
      const parts = [...this.#dirty];
      this.#dirty.clear();
      const its = home;
      let applies: (() => void)[];
      try {
        applies = await Promise.all(parts.map((part) => this.#table(its, part)));
      } catch {
        // The store is closed: another page has erased or changed it.
        return;
      }
      if (this.home.value === its) {
        batch(() => {
          for (const apply of applies) {
            apply();
          }
        });
      }
    }
  }

  async #table({ db, user }: Home, part: Part): Promise<() => void> {
    switch (part) {
      case "rooms": {
        const rows = await db.getAll("rooms");
        const own = rows.filter(({ last }) => last?.target.from === user);
        const lasts = await Promise.all(
          own.map(({ id, last }) => db.get("messages", [id, last?.target.message ?? "", user])),
        );
        const ledgers = lasts.flatMap((row) =>
          row?.ledger === undefined ? [] : [[row.room, row.ledger] as const],
        );
        return () => {
          this.rooms.value = new Map(rows.map((row) => [row.id, row]));
          this.ledgers.value = new Map(ledgers);
        };
      }
      case "people": {
        const rows = await db.getAll("people");
        return () => {
          this.people.value = new Map(rows.map((row) => [row.id, row]));
        };
      }
      case "invitations": {
        const rows = await db.getAll("invitations");
        return () => {
          this.invitations.value = rows;
        };
      }
      case "notices": {
        const [rows, unread] = await Promise.all([notices(db), db.get("meta", "unreadNotices")]);
        return () => {
          this.notices.value = rows;
          this.meta.value = { ...this.meta.value, unreadNotices: (unread as number | undefined) ?? 0 };
        };
      }
      case "outbox": {
        const rows = await db.getAll("outbox");
        return () => {
          this.outbox.value = rows;
        };
      }
      case "drafts": {
        const rows = await db.getAll("drafts");
        return () => {
          this.drafts.value = new Map(rows.map((row) => [row.room, row]));
        };
      }
      case "meta": {
        // One transaction: a value that comes between two of them would get the key of another.
        const { store } = db.transaction("meta");
        const [keys, values] = await Promise.all([store.getAllKeys(), store.getAll()]);
        return () => {
          this.meta.value = Object.fromEntries(keys.map((key, at) => [key, values[at]])) as Partial<Meta>;
        };
      }
    }
  }
}
