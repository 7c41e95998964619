/**
 * Asks the relay for what it knows: rooms, members, people and settings. After a connect all of it
 * is asked for; then notices say what to ask again.
 */

import type { Id } from "../core/id.ts";
import { quietly } from "../core/quietly.ts";
import type { Topic } from "../db/changes.ts";
import { changeRoom, dropMember } from "../db/rooms.ts";
import type { Db } from "../db/schema.ts";
import { fetchMe, fetchRelations, fetchSettings, fetchUser } from "../lists/people.ts";
import { fetchInvitations, fetchMembers, fetchRoom, fetchRooms } from "../lists/rooms.ts";
import type { Http } from "../wire/http.ts";
import type { Result } from "../wire/lists.ts";
import type { Notice } from "../wire/reports.ts";

/** After a whole sync, a new connection within this time asks for nothing: notices are queued. */
const FRESH = 60_000;
/** The users that are asked for at a time. */
const USERS_AT_ONCE = 4;

/** The clock of the device, which may be set, and one that only goes forward. */
interface Clocks {
  now(): number;
  steady(): number;
}

type Step = "me" | "rooms" | "invitations" | "relations";

export class Lists {
  readonly #db: Db;
  readonly #http: Http;
  readonly #me: Id;
  readonly #now: () => number;
  readonly #steady: () => number;
  readonly #changed: (...topics: Topic[]) => void;
  #syncedAt = Number.NEGATIVE_INFINITY;
  /** What is asked for next, each once. */
  readonly #due = new Map<string, () => Promise<boolean>>();
  #isBusy = false;
  #isStopped = false;
  /** Users of whom nothing is known, and who were asked for. */
  readonly #asked = new Set<Id>();

  constructor(db: Db, http: Http, me: Id, { now, steady }: Clocks, changed: (...topics: Topic[]) => void) {
    this.#db = db;
    this.#http = http;
    this.#me = me;
    this.#now = now;
    this.#steady = steady;
    this.#changed = changed;
  }

  stop(): void {
    this.#isStopped = true;
    this.#due.clear();
  }

  /** Asks for everything, after a connect. */
  sync(): void {
    if (this.#steady() - this.#syncedAt < FRESH) {
      return;
    }
    this.#syncedAt = this.#steady();
    for (const step of ["me", "rooms", "invitations", "relations"] as const) {
      this.#step(step);
    }
  }

  /** Asks for what a notice says has changed. */
  async notice(notice: Notice): Promise<void> {
    switch (notice.kind) {
      case "member_added":
        this.#room(notice.room);
        this.#members(notice.room);
        break;
      case "member_changed":
        this.#room(notice.room);
        this.#members(notice.room);
        if (notice.user === this.#me) {
          await changeRoom(this.#db, notice.room, (row) => {
            row.mutedUntil = notice.muted_until;
            row.role = notice.role;
          });
          this.#changed("rooms");
        }
        break;
      case "member_removed":
        if (notice.user === this.#me) {
          await this.#left(notice.room);
        } else {
          await dropMember(this.#db, notice.room, notice.user);
          this.#changed("members", "rooms");
        }
        break;
      case "room_deleted":
        await this.#left(notice.room);
        break;
      case "room_changed":
        // It is also said of a room that is hidden, or shown again.
        this.#step("rooms");
        break;
      case "invited":
      case "invitation_ended":
        this.#step("invitations");
        break;
      case "friend_requested":
      case "friend_accepted":
      case "friend_removed":
      case "block_changed":
        this.#step("relations");
        break;
      case "settings_changed":
        this.#step("me");
        break;
      case "device_added":
      case "device_removed":
        this.#changed("devices");
        break;
      default:
        break;
    }
  }

  /** Asks who these users and what these rooms are, if it is not known. */
  async wanted(users: readonly Id[], rooms: readonly Id[]): Promise<void> {
    const people = await Promise.all(users.map((id) => this.#db.getKey("people", id)));
    const unknown = users.filter((id, at) => people[at] === undefined && !this.#asked.has(id));
    for (const id of unknown) {
      this.#asked.add(id);
    }
    if (unknown.length > 0) {
      this.#put(`users ${unknown.join()}`, () => this.#users(unknown));
    }
    const rows = await Promise.all(rooms.map((id) => this.#db.get("rooms", id)));
    for (const row of rows) {
      if (row?.isListed === false) {
        this.#room(row.id);
      }
    }
  }

  #step(step: Step): void {
    const steps = {
      me: () => this.#meAndSettings(),
      rooms: () => this.#rooms(),
      invitations: () => this.#invitations(),
      relations: () => this.#relations(),
    };
    this.#put(step, steps[step]);
  }

  #room(id: Id): void {
    this.#put(`room ${id}`, async () => {
      const result = await fetchRoom(this.#db, this.#http, id, this.#now());
      if (result.ok) {
        this.#changed("rooms");
        await this.wanted(result.value.peer === undefined ? [] : [result.value.peer], []);
      }
      return isDone(result);
    });
  }

  /** Asks for the members again, if somebody has looked at them. */
  #members(id: Id): void {
    this.#put(`members ${id}`, async () => {
      if ((await this.#db.get("rooms", id))?.membersAt === undefined) {
        return true;
      }
      const result = await fetchMembers(this.#db, this.#http, id, this.#now());
      this.#changed("members", "people");
      return isDone(result);
    });
  }

  async #meAndSettings(): Promise<boolean> {
    const who = await fetchMe(this.#db, this.#http, this.#now());
    const how = await fetchSettings(this.#db, this.#http);
    this.#changed("meta", "people");
    return isDone(who) && isDone(how);
  }

  async #rooms(): Promise<boolean> {
    const result = await fetchRooms(this.#db, this.#http, this.#now());
    if (result.ok) {
      this.#changed("rooms");
      const peers = result.value.flatMap(({ peer }) => peer ?? []);
      await this.wanted(peers, []);
    }
    return isDone(result);
  }

  async #invitations(): Promise<boolean> {
    const result = await fetchInvitations(this.#db, this.#http);
    if (result.ok) {
      this.#changed("invitations");
      const inviters = result.value.map(({ by }) => by);
      await this.wanted(inviters, []);
    }
    return isDone(result);
  }

  async #relations(): Promise<boolean> {
    const result = await fetchRelations(this.#db, this.#http, this.#now());
    this.#changed("people");
    return isDone(result);
  }

  async #users(ids: readonly Id[]): Promise<boolean> {
    for (let at = 0; at < ids.length; at += USERS_AT_ONCE) {
      const some = ids.slice(at, at + USERS_AT_ONCE);
      const ask = async (id: Id) => {
        const result = await fetchUser(this.#db, this.#http, id, this.#now());
        // A user who is gone is not asked for again. After a lost answer the next message asks.
        if (!isDone(result)) {
          this.#asked.delete(id);
        }
      };
      await Promise.all(some.map(ask));
      this.#changed("people", "rooms");
    }
    return true;
  }

  async #left(id: Id): Promise<void> {
    await changeRoom(this.#db, id, (row) => {
      row.isMember = false;
    });
    this.#changed("rooms");
  }

  #put(name: string, step: () => Promise<boolean>): void {
    if (!this.#isStopped) {
      this.#due.set(name, step);
      quietly(this.#work());
    }
  }

  /** One after the other: a burst of notices must not become a burst of calls. */
  async #work(): Promise<void> {
    if (this.#isBusy) {
      return;
    }
    this.#isBusy = true;
    try {
      for (let [next] = this.#due; next !== undefined && !this.#isStopped; [next] = this.#due) {
        const [name, step] = next;
        this.#due.delete(name);
        if (!(await step())) {
          // The relay was not reached: the next connection asks for everything.
          this.#syncedAt = Number.NEGATIVE_INFINITY;
        }
      }
    } catch {
      // The store is closed or full. The next connection asks again.
      this.#syncedAt = Number.NEGATIVE_INFINITY;
    } finally {
      this.#isBusy = false;
    }
  }
}

/** Returns whether asking again makes no sense: the relay has answered. */
function isDone(result: Result<unknown>): boolean {
  return result.ok || (result.refusal.kind === "problem" && result.refusal.status < 429);
}
