/** Everything that the leading engine does: one connection and what comes and goes over it. */

import { Clock } from "../core/clock.ts";
import { quietly } from "../core/quietly.ts";
import type { EngineState } from "../db/changes.ts";
import { noteGreeting } from "../db/connected.ts";
import { getMeta, noteExpiry } from "../db/meta.ts";
import { trimNotices } from "../db/notices.ts";
import { Fenced, fenced, isClosed, isFenced, isQuota } from "../db/schema.ts";
import type { Frame, Welcome } from "../wire/frames.ts";
import { ackFrame, presenceFrame } from "../wire/outgoing.ts";
import { type Ending, isLoggedIn, reasonOf } from "./ending.ts";
import type { EngineDeps } from "./engine.ts";
import { Ingest, type Stored } from "./ingest.ts";
import { Lists } from "./lists.ts";
import { Live } from "./live.ts";
import { Marker } from "./marker.ts";
import { Renewal } from "./renewal.ts";
import { Pager } from "./search.ts";
import { Sender } from "./sender.ts";
import { Socket, type SocketState } from "./socket.ts";
import { Space } from "./space.ts";

/** How often progress is told while a backlog comes. */
const PROGRESS = 250;
/** The delivery ids in one ack. */
const ACKS = 256;

export class Lead {
  readonly #deps: EngineDeps;
  readonly #setState: (state: EngineState) => void;
  readonly #clock = new Clock();
  readonly #socket: Socket;
  readonly #ingest: Ingest;
  readonly #sender: Sender;
  readonly #marker: Marker;
  readonly #lists: Lists;
  readonly pager: Pager;
  readonly #renewal: Renewal;
  readonly #space: Space;
  readonly live: Live;
  #isDrained = false;
  #received = 0;
  #toldAt = 0;
  #isVisible = true;
  #isStopped = false;

  constructor(deps: EngineDeps, generation: number, setState: (state: EngineState) => void) {
    this.#deps = { ...deps, db: fenced(deps.db, generation) };
    this.#setState = (state) => {
      if (!this.#isStopped) {
        setState(state);
      }
    };
    const { db, self, timers, http, bus } = this.#deps;
    const write = (frame: string) => this.#socket.send(frame);
    const failed = (error: unknown) => this.#failed(error);
    this.live = new Live(bus, timers, deps.locks, write);
    this.#ingest = new Ingest(db, self, () => timers.now(), {
      stored: (stored) => this.#stored(stored),
      failed,
    });
    this.#sender = new Sender(db, timers, {
      write,
      failed,
      changed: () => bus.changed("outbox"),
    });
    this.#marker = new Marker(db, timers, write);
    this.#lists = new Lists(
      db,
      http,
      self.user,
      { now: () => timers.now(), steady: () => timers.steady() },
      (...topics) => bus.changed(...topics),
    );
    this.pager = new Pager(db, timers);
    this.#space = new Space(db, timers, () => this.#socket.start());
    this.#renewal = new Renewal(timers, {
      refresh: () => this.#refresh(),
      isIdle: () => this.#sender.isIdle(),
      restart: () => this.#socket.restart(),
      ended: () => this.#end("expired"),
    });
    this.#socket = new Socket(deps.open, timers, {
      welcome: (welcome) => this.#welcome(welcome),
      frame: (frame, text) => this.#frame(frame, text),
      lost: () => this.#lost(),
      state: (state) => this.#socketState(state),
      isLoggedIn: () => isLoggedIn(http),
      refresh: () => this.#refresh(),
    });
  }

  start(): void {
    this.#socket.start();
  }

  /** Lets go of everything at once. */
  stop(): void {
    this.#isStopped = true;
    this.#renewal.stop();
    this.#lists.stop();
    this.pager.stop();
    this.#space.stop();
    this.#sender.stop();
    this.#socket.stop();
    this.live.stop();
  }

  tryNow(): void {
    this.#space.tryNow();
    this.#socket.tryNow();
  }

  outboxChanged(): void {
    quietly(this.#sender.load());
  }

  marksChanged(): void {
    quietly(this.#marker.load());
  }

  visibility(isVisible: boolean): void {
    if (isVisible !== this.#isVisible) {
      this.#isVisible = isVisible;
      this.#socket.send(presenceFrame(isVisible ? "online" : "away"));
    }
  }

  #welcome(welcome: Welcome): void {
    const { timers, db, bus, self } = this.#deps;
    if (welcome.user !== self.user || welcome.device !== self.device) {
      // The cookies are those of another login: what waits there is not for this store.
      this.#end("other_login");
      return;
    }
    const { server_time: now, token_expires_at: expiresAt } = welcome;
    this.#clock.hear(now, timers.steady());
    const skew = Math.round(this.#clock.skew(timers.now(), timers.steady()) ?? 0);
    this.#isDrained = false;
    this.#received = 0;
    this.#ingest.connected();
    this.#renewal.expires(expiresAt, now);
    this.#sender.connected(welcome.limits.frame);
    this.#marker.connected();
    this.live.connected();
    if (!this.#isVisible) {
      this.#socket.send(presenceFrame("away"));
    }
    this.#setState({ is: "catching_up", received: 0 });
    const greeting = {
      device: self.device,
      serverTime: now,
      tokenExpiresAt: expiresAt,
      frameLimit: welcome.limits.frame,
      skew,
      ...(welcome.queue === undefined ? {} : { wholeSince: welcome.queue.whole_since }),
    };
    this.#note(noteGreeting(db, greeting).then(() => bus.changed("meta")));
    this.#lists.sync();
  }

  #frame(frame: Frame, text: string): void {
    const { timers, db } = this.#deps;
    if (this.#ingest.take(frame, text)) {
      this.#progress();
    }
    switch (frame.type) {
      case "message":
        this.live.wrote(frame.message.room, frame.message.from.user);
        break;
      case "error":
        this.#sender.refused(frame);
        break;
      case "typing":
        this.live.typing(frame);
        break;
      case "presence":
        this.live.presence(frame);
        break;
      case "renewed":
        this.#renewal.expires(frame.token_expires_at, this.#clock.now(timers.now(), timers.steady()));
        this.#note(noteExpiry(db, frame.token_expires_at));
        break;
      case "drained":
        this.pager.busy();
        this.#ingest.drained(this.#clock.now(timers.now(), timers.steady()));
        this.#note(trimNotices(db));
        break;
      default:
        break;
    }
  }

  #progress(): void {
    this.#received += 1;
    const now = this.#deps.timers.steady();
    if (!this.#isDrained && now - this.#toldAt >= PROGRESS) {
      this.#toldAt = now;
      this.#setState({ is: "catching_up", received: this.#received });
    }
  }

  /** The disk has it, so the relay may forget it. */
  #stored({ acks, sent, news, deleted, notices, authors, topics, isBacklog, isDrained }: Stored): void {
    for (let at = 0; at < acks.length; at += ACKS) {
      this.#socket.send(ackFrame(acks.slice(at, at + ACKS)));
    }
    for (const id of sent) {
      this.#sender.sent(id);
    }
    this.#deps.bus.changed(...topics);
    if (news.length > 0) {
      this.#deps.bus.post({ is: "news", news, isBacklog });
    }
    if (deleted.length > 0) {
      this.#deps.bus.post({ is: "deleted", messages: deleted });
    }
    for (const notice of notices) {
      this.#note(this.#lists.notice(notice));
    }
    const rooms = topics.flatMap((topic) => (topic.startsWith("messages/") ? [topic.slice(9)] : []));
    this.#note(this.#lists.wanted(authors, rooms));
    if (isDrained) {
      this.#isDrained = true;
      this.#setState({ is: "online" });
    }
    this.pager.busy();
  }

  #failed(error: unknown): void {
    if (this.#isStopped) {
      return;
    }
    if (error instanceof Fenced) {
      this.stop();
    } else if (isQuota(error)) {
      // The socket is closed, so the relay keeps what waits and nobody acks it.
      this.#socket.stop();
      this.#setState({ is: "storage_full" });
      this.#space.wait();
    } else if (isClosed(error)) {
      this.#setState({ is: "store_lost" });
      this.stop();
    } else {
      this.#socket.retryLater();
    }
  }

  #lost(): void {
    this.#ingest.connected();
    this.#sender.lost();
    this.#marker.lost();
    this.#renewal.pause();
    this.live.lost();
  }

  #socketState(state: SocketState): void {
    switch (state.is) {
      case "connecting":
        this.#setState({ is: "connecting" });
        break;
      case "waiting":
        this.#setState({ is: "offline", why: state.why, retryAt: state.retryAt });
        break;
      case "ended":
        quietly(this.#ended(state.why));
        break;
      default:
        break;
    }
  }

  async #ended(ending: Ending): Promise<void> {
    // A frozen engine that wakes up may hear of the newer connection before that of its lost lock.
    const { db } = this.#deps;
    const isOwn = ending === "replaced" && (await isFenced(db).catch(() => false));
    isOwn ? this.stop() : this.#end(ending);
  }

  #end(ending: Ending): void {
    this.#setState({ is: "ended", why: reasonOf(ending) });
    this.stop();
  }

  async #refresh(): Promise<"renewed" | "unreachable" | "ended"> {
    const { db, host } = this.#deps;
    const known = await getMeta(db, "accessExpiresAt").catch(() => undefined);
    return await host.refresh(known ?? 0);
  }

  /** Lets something go on beside. What it could not store is asked for again later. */
  #note(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (isQuota(error) || error instanceof Fenced) {
        this.#failed(error);
      }
    });
  }
}
