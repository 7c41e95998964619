/**
 * What tabs and their engines tell each other. Nothing here is needed to be right: a signal that
 * says what has changed has no data, and who misses one reads the store again later.
 */
import type { Id } from "../core/id.ts";
import type { Target } from "../core/message.ts";

export type Topic =
  | "rooms"
  | "people"
  | "members"
  | "invitations"
  | "notices"
  | "outbox"
  | "marks"
  | "drafts"
  | "devices"
  | "meta"
  | `messages/${Id}`;

/** How the engine that has the connection is doing. */
export type EngineState =
  | { is: "follower" }
  | { is: "connecting" }
  | { is: "online" }
  | { is: "catching_up"; received: number }
  | { is: "offline"; why: "network" | "relay" | "rate"; retryAt?: number }
  | { is: "storage_full" }
  | { is: "outdated" }
  /** The browser has closed the store. The page opens it again, or says that it is gone. */
  | { is: "store_lost" }
  | { is: "ended"; why: EndedWhy };

export type EndedWhy =
  | "elsewhere"
  | "expired"
  | "account_deleted"
  | "used_twice"
  | "refused"
  /** The cookies of this browser are those of another login. */
  | "other_login";

export interface PresenceNow {
  user: Id;
  status: "offline" | "away" | "online";
  lastSeen?: number;
}

/** A message that came and is not read. */
export interface News {
  room: Id;
  target: Target;
  isMention: boolean;
}

export type Signal =
  | { is: "changed"; topics: Topic[] }
  /** The leader lives. */
  | { is: "beat"; isVisible: boolean; state: EngineState }
  /** A tab has come, and wants to hear how the leader is doing. */
  | { is: "ask" }
  /** A tab that is visible wants to lead in place of a hidden one. */
  | { is: "want" }
  /** An engine leads from now on, and knows nothing of what was told before. */
  | { is: "lead" }
  | { is: "typing"; room: Id; user: Id; active: boolean }
  /** Nobody's presence or writing is known any more: the connection is lost. */
  | { is: "unknown" }
  | { is: "presence"; users: PresenceNow[] }
  | { is: "news"; news: News[]; isBacklog: boolean }
  /** A tab shows these rooms, of which there is news. */
  | { is: "in_sight"; rooms: Id[] }
  /** These messages are deleted: what a notification says of them has to go. */
  | { is: "deleted"; messages: { room: Id; target: Target }[] }
  /** The user writes in a room. */
  | { is: "writing"; room: Id; active: boolean }
  /** A tab shows these users. */
  | { is: "watch"; tab: string; users: Id[] }
  /** The user asks to connect at once. */
  | { is: "try" }
  /** The login has ended or changed in another tab. It goes over the channel `LOGINS`. */
  | { is: "login" };

/** The channel that all tabs of a browser share. Each user has another one beside it. */
export const LOGINS = "ferry-logins";

/** The lock that a tab holds for as long as it is there. `tab` is what its watches name it. */
export function tabLock(tab: string): string {
  return `ferry-tab-${tab}`;
}

/** The part of a `BroadcastChannel` that is used. */
export interface Channel {
  postMessage(data: unknown): void;
  onmessage: ((event: { data: unknown }) => void) | null;
  close(): void;
}

/** Carries signals between the tabs of a user. */
export class Bus {
  readonly #channel: Channel;
  readonly #listeners = new Set<(signal: Signal) => void>();
  #isClosed = false;

  constructor(channel: Channel) {
    this.#channel = channel;
    channel.onmessage = ({ data }) => {
      this.#tell(data as Signal);
    };
  }

  /** Tells the other tabs and engines. After `close` it says nothing: work may end late. */
  post(signal: Signal): void {
    if (!this.#isClosed) {
      this.#channel.postMessage(signal);
    }
  }

  /** Tells the others and this one that something in the store has changed. */
  changed(...topics: Topic[]): void {
    if (topics.length > 0) {
      this.post({ is: "changed", topics });
      this.#tell({ is: "changed", topics });
    }
  }

  listen(listener: (signal: Signal) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#channel.onmessage = null;
    this.#channel.close();
  }

  #tell(signal: Signal): void {
    for (const listener of [...this.#listeners]) {
      listener(signal);
    }
  }
}
